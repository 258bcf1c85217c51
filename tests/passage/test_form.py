"""Forms as they pass: what is found where, however the bytes are cut, and what is refused because readers differ."""

import contextlib
import email
import itertools
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import RefusedError
from keywright.pipeline.passage.form import PARTS_MAX, FormReader, boundary_of, part_of

MODEL = b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
FILE = (
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a \\"b\\".mp3"\r\nContent-Type: audio/mpeg\r\n\r\n'
    + bytes(range(256))
    + b"\r\n"
)
OTHER = b"--B\r\ncontent-disposition:form-data; name=language\r\n\r\n\r\n"
END = b"--B--\r\n"


def read(body: bytes, *cuts: int) -> FormReader:
    """The reader that was fed `body`, cut at these places."""
    reader = FormReader(b"B")
    edges = [0, *sorted(cuts), len(body)]
    for start, end in itertools.pairwise(edges):
        reader.feed(body[start:end])
    return reader


def is_refused(body: bytes) -> bool:
    try:
        read(body).require_end()
    except RefusedError as refused:
        return (refused.failure.status, refused.failure.code) == (400, "invalid_form")
    return False


@pytest.mark.parametrize("parts", [(MODEL, FILE), (FILE, MODEL), (OTHER, MODEL, FILE, OTHER), (MODEL,)])
def test_the_model_is_found_where_it_stands_however_the_form_is_cut(parts: tuple[bytes, ...]) -> None:
    body = b"".join(parts) + END
    for cut in range(len(body) + 1):
        reader = read(body, cut)
        assert reader.ended
        assert reader.model is not None
        assert reader.model.value == "whisper-1"
        assert body[reader.model.start : reader.model.end] == b"whisper-1"


@given(st.lists(st.integers(0, 700), max_size=20))
def test_any_cuts_give_the_same(cuts: list[int]) -> None:
    body = OTHER + FILE + MODEL + FILE + END
    reader = read(body, *(cut for cut in cuts if cut <= len(body)))
    assert reader.ended
    assert reader.model == read(body).model


def test_a_form_without_a_model_has_none() -> None:
    assert read(FILE + END).model is None
    assert read(b"--B--").ended
    assert read(MODEL + b"--B--").ended, "the last line end may be missing"


def test_the_model_is_known_before_the_file_has_come() -> None:
    reader = FormReader(b"B")
    reader.feed(MODEL + b"--B")
    assert reader.model is not None
    assert not reader.ended


NAMED = b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\nx\r\n'


@pytest.mark.parametrize(
    "body",
    [
        MODEL + MODEL + END,
        MODEL + FILE + MODEL + END,
        NAMED % b"Model" + END,
        NAMED % b"MODEL" + END,
        NAMED % b" model" + END,
        NAMED % b"model " + END,
        NAMED % b"model[]" + END,
        NAMED % b"model\0" + END,
        NAMED % b"mod\\el" + END,
        NAMED % b"%6dodel" + END,
        NAMED.replace(b"\r\n\r\n", b'; name="file"\r\n\r\n') % b"model" + END,
        NAMED.replace(b"\r\n\r\n", b"; name*=utf-8''model\r\n\r\n") % b"file" + END,
        NAMED.replace(b"\r\n\r\n", b"\r\nContent-Disposition: form-data; name=model\r\n\r\n") % b"file" + END,
        NAMED.replace(b"\r\n\r\n", b"\r\n folded: x\r\n\r\n") % b"file" + END,
        NAMED.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n") % b"model" + END,
        NAMED.replace(b"\r\n\r\n", b"\r\nX-Other: 1\r\n\r\n") % b"file" + END,
        NAMED.replace(b"form-data", b"attachment") % b"file" + END,
        NAMED.replace(b"\r\n", b"\n") % b"model" + END,
        NAMED.replace(b"\r\n\r\n", b'; filename="x"\r\n\r\n') % b"model" + END,
        NAMED.replace(b"\r\n\r\n", b"; filename*=utf-8''x\r\n\r\n") % b"model" + END,
        NAMED.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n") % b"model" + END,
        NAMED % b"_charset_" + END,
        MODEL.replace(b"Content-Disposition", b"Content-Disposition ") + END,
        MODEL.replace(b"--B\r\n", b"--B \r\n") + END,
        MODEL.replace(b"\r\n--", b"\n--"),
        b"preamble\r\n" + MODEL + END,
        b"\r\n" + MODEL + END,
        MODEL + END + b"epilogue",
        MODEL + b"--Bx--\r\n",
        MODEL,
        MODEL + FILE,
        MODEL.replace(b"whisper-1", b"a\nb") + END,
        MODEL.replace(b"whisper-1", b"") + END,
        MODEL.replace(b"whisper-1", b" whisper-1") + END,
        MODEL.replace(b"whisper-1", b"\xff") + END,
        MODEL.replace(b"whisper-1", b"a" * 513) + END,
        MODEL.replace(b"whisper-1", b"a" * 100_000) + END,
        FILE.replace(b"\x01\x02", b"\n--B") + END,
        b"--B\r\n\r\nno head\r\n" + END,
        b"--B\r\n" + b"x" * 10_000,
        OTHER * (PARTS_MAX + 1) + END,
        b"--C\r\n",
        b"-",
        b"",
    ],
)
def test_what_readers_may_take_differently_is_refused(body: bytes) -> None:
    assert is_refused(body)


@pytest.mark.parametrize("name", [b"models", b"model_id", b"modelling", b"my-model", b"remodel", b"file[]", b""])
def test_other_names_are_other_names(name: bytes) -> None:
    assert not is_refused(NAMED % name + MODEL + END)


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'multipart/form-data; boundary="a b c"', None),
        (b'Multipart/Form-Data; Boundary="a=b?c"', b"a=b?c"),
        (b"multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary7MA4", b"----WebKitFormBoundary7MA4"),
        (b"multipart/form-data; boundary=a'b", None),
        (b"multipart/form-data; boundary=a; boundary=b", None),
        (b"multipart/form-data; boundary=a; boundary*=utf-8''b", None),
        (b"multipart/form-data; boundary=a; charset=utf-7", None),
        (b"multipart/form-data; boundary=a; charset=utf-8; charset=utf-7", None),
        (b"multipart/form-data; boundary=a; charset*=utf-7", None),
        (b"multipart/form-data", None),
        (b"multipart/form-data; boundary=", None),
        (b'multipart/form-data; boundary=""', None),
        (b"multipart/form-data; boundary=" + b"a" * 71, None),
        (b"multipart/mixed; boundary=a", None),
        (b"multipart/form-data; boundary=a;", None),
        (b"multipart/form-data, boundary=a", None),
        (b'multipart/form-data; boundary="a\\"b"', None),
    ],
)
def test_a_boundary_is_plain_or_refused(kind: bytes, boundary: bytes | None) -> None:
    if boundary is None:
        with pytest.raises(RefusedError):
            boundary_of(kind)
    else:
        assert boundary_of(kind) == boundary


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="file"; filename="\xc3\xa9.mp3"',
        b'content-disposition: form-data; name="file"; filename="a%22b.mp3"\r\ncontent-type: a/b',
        b"Content-Disposition: form-data; name=file; filename=a.wav; filename*=utf-8''a.wav",
        b'Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nContent-Disposition: form-data; name="file"',
        b'Content-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: binary',
    ],
)
def test_what_client_libraries_write_is_read(head: bytes) -> None:
    assert part_of(head).name == b"file"


@given(st.binary(max_size=300), st.integers(0, 300))
def test_nothing_but_a_refusal_is_ever_raised(noise: bytes, at: int) -> None:
    body = MODEL + FILE + END
    for garbled in (noise, body[:at] + noise + body[at:], body[:at] + noise):
        with contextlib.suppress(RefusedError):
            read(garbled, len(garbled) // 2)


HEADS = [
    *(b'Content-Disposition: form-data; name="%b"', b"content-disposition:form-data;name=%b"),
    *(b'Content-Disposition: form-data; name="%b"; filename="a"', b'CONTENT-DISPOSITION: FORM-DATA; NAME="%b"'),
    b'Content-Disposition: form-data; filename="name=model"; name="%b"',
    b'Content-Disposition: form-data; x="; name=model; "; name="%b"',
    b'Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data;\tname="%b"\r\nContent-Length: 3',
]
NAMES = [*(b"model", b"file", b"model_x", b"Model", b"mo\tdel", b"model\r", b"", b"model;x", b"m\xc3\xb6del")]
VALUES = [
    *(
        b"allowed",
        b"",
        b"\r\n",
        b"\r\n--A",
        b"--AB",
        b"a\r\n\r\nb",
        b"\r\n--ABx",
        b"\n--AB\n",
        b"\r--AB\r",
        b"\r\n --AB",
    ),
    b'\r\n--A\r\nContent-Disposition: form-data; name="model"\r\n\r\nother',
    b'\n--AB\nContent-Disposition: form-data; name="model"\n\nother',
]
PART = st.tuples(st.sampled_from(HEADS), st.sampled_from(NAMES), st.sampled_from(VALUES))


@given(st.lists(PART, min_size=1, max_size=4), st.sampled_from([b"", b"\r\n", b"\n"]))
def test_a_form_that_is_taken_is_read_alike_by_another_reader(
    parts: list[tuple[bytes, bytes, bytes]], end: bytes
) -> None:
    pieces = [b"--AB\r\n" + head % name + b"\r\n\r\n" + value + b"\r\n" for head, name, value in parts]
    body = b"".join([*pieces, b"--AB--", end])
    form = FormReader(b"AB")
    try:
        form.feed(body)
        form.require_end()
    except RefusedError:
        return
    theirs = email.message_from_bytes(b"content-type: multipart/form-data; boundary=AB\r\n\r\n" + body, policy=HTTP)
    found = [part for part in theirs.iter_parts() if part.get_param("name", header="content-disposition") == "model"]
    assert [part.get_payload(decode=True) for part in found] == ([form.model.value.encode()] if form.model else [])


@given(st.binary(max_size=200))
def test_no_content_type_raises_anything_else(value: bytes) -> None:
    for kind in (value, b"multipart/form-data;" + value):
        with contextlib.suppress(RefusedError):
            boundary_of(kind)
