"""The verbatim lane: nothing changes but the model's name, and everything is counted."""

import json
from itertools import pairwise
from typing import Any

import pytest

from keywright.core.dialect import Dialect, Peek, Tapped
from keywright.core.errors import RefusedError
from keywright.core.usage import Usage
from keywright.dialects import ollama_chat, ollama_generate
from keywright.dialects.ollama.tap import TAP_BYTES_MAX, TAP_LINE_BYTES_MAX

BOTH = pytest.mark.parametrize("dialect", [ollama_chat, ollama_generate], ids=["chat", "generate"])
PEEKED = Peek("m", stream=True, input_bytes=0)


def line(**fields: Any) -> bytes:
    return json.dumps({"model": "real", "done": False, **fields}, ensure_ascii=False).encode() + b"\n"


CALL = [{"function": {"name": "f", "arguments": {}}}]
END = line(done=True, done_reason="length", prompt_eval_count=3, eval_count=2)
STREAM = line(message={"thinking": "h", "content": "añb"}) + line(message={"content": "", "tool_calls": CALL}) + END
CHARS = 4 + len(json.dumps(CALL))


def tapped(*chunks: bytes, dialect: Dialect = ollama_chat) -> tuple[bytes, Tapped]:
    tap = dialect.Tap(PEEKED)
    passed = b"".join(tap.feed(chunk) for chunk in chunks)
    return passed, tap.result()


@BOTH
def test_peek_reads_what_policy_needs(dialect: Dialect) -> None:
    body = b'{"model":"a/b","messages":[],"options":{"num_predict":5,"seed":1}}'
    peeked = dialect.peek(body)
    assert (peeked.model, peeked.stream, peeked.output_tokens_max, peeked.input_bytes) == ("a/b", True, 5, len(body))
    assert (peeked.choices, peeked.stream_usage) == (1, True)
    assert dialect.peek(b'{"model":"m","stream":false,"options":null}').stream is False


@BOTH
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{}", "invalid_request", "model"), (b'{"model":3}', "invalid_request", "model"),
        (b'{"model":""}', "invalid_request", "model"), (b'{"model":"m","stream":"yes"}', "invalid_request", "stream"),
        (b'{"model":"m","options":3}', "invalid_json", None), (b'{"model":"m","Model":"n"}', "invalid_json", None),
        (b'{"model":"m","options":{"num_predict":1.5}}', "invalid_request", "num_predict"),
        (b'{"model":"m","options":{"num_predict":4294967296}}', "invalid_request", "num_predict"),
        (b'{"model":"m","options":{"num_predict":1,"num_predict":9}}', "invalid_json", None),
        (b'{"model":"m","options":{"Num_Predict":9}}', "invalid_json", None),
        (b'{"model":"m","model":"n"}', "invalid_json", None), (b"[]", "invalid_json", None),
        (b"\xff", "invalid_json", None),
    ],
)  # fmt: skip
def test_peek_refuses_what_it_cannot_be_sure_of(dialect: Dialect, body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        dialect.peek(body)
    assert (caught.value.failure.code, caught.value.failure.param) == (code, param)


@BOTH
@pytest.mark.parametrize("body", [b'{ "model" : "a", "x":[1.0e3, "\\u00e9"] }', b'{"stream":false,"model":"a"}'])
def test_patch_changes_the_model_only(dialect: Dialect, body: bytes) -> None:
    wanted = body.replace(b'"a"', b'"b/c"')
    assert dialect.patch(body, dialect.peek(body), "b/c") == wanted
    assert dialect.patch(body, dialect.peek(b"\n" + body), "b/c") == wanted
    assert dialect.patch(body, dialect.peek(body), "a") is body


def test_a_stream_is_counted_wherever_it_is_cut() -> None:
    wanted = Tapped(Usage(3, 2), "real", "length", None, CHARS, complete=True)
    for cut in range(len(STREAM)):
        assert tapped(STREAM[:cut], STREAM[cut:]) == (STREAM, wanted)


def test_a_last_line_may_lack_its_end() -> None:
    tap = ollama_chat.Tap(PEEKED)
    tap.feed(STREAM.rstrip())
    assert tap.result() == tap.result() == Tapped(Usage(3, 2), "real", "length", None, CHARS, complete=True)
    tap.feed(b"\n")
    assert tap.result() == Tapped(Usage(3, 2), "real", "length", None, CHARS, complete=True)


def test_generate_is_counted_too() -> None:
    stream = line(response="ab", thinking="c") + END
    assert tapped(stream, dialect=ollama_generate)[1] == Tapped(Usage(3, 2), "real", "length", None, 3, complete=True)


def test_a_stream_without_its_end_is_not_complete() -> None:
    _, seen = tapped(line(message={"content": "ab"}))
    assert seen == Tapped(None, "real", None, None, 2)
    assert tapped()[1] == Tapped()


def test_an_error_is_seen_and_what_cannot_be_read_passes() -> None:
    stream = (
        b"garbage\n" + line(message={"content": 3}) + line(message={"content": "ab"}) + b'{"error":"server busy"}\n'
    )
    passed, seen = tapped(stream)
    assert (passed, seen.output_chars) == (stream, 2)
    assert seen.failure is not None
    assert seen.failure.kind == "overloaded"


def test_a_large_stream_is_read_in_batches() -> None:
    piece = line(message={"content": "x" * 100})
    stream = piece * 500 + END
    edges = range(0, len(stream) + 997, 997)
    passed, seen = tapped(*(stream[left:right] for left, right in pairwise(edges)))
    assert len(stream) > 3 * TAP_BYTES_MAX
    assert (passed, seen.output_chars, seen.complete) == (stream, 50_000, True)


def test_a_line_that_is_too_large_is_counted_by_its_size() -> None:
    huge = b"x" * (TAP_LINE_BYTES_MAX + 1)
    passed, seen = tapped(huge, b"\n" + END)
    assert passed == huge + b"\n" + END
    assert (seen.output_chars, seen.complete) == (len(huge), True)


def test_a_whole_answer_is_counted() -> None:
    body = line(message={"content": "ab"}, done=True, done_reason="stop", prompt_eval_count=3, eval_count=2)
    assert ollama_chat.tap_response(body) == Tapped(Usage(3, 2), "real", "stop", None, 2, complete=True)
    assert ollama_chat.tap_response(b"<html>") == Tapped()
    failed = ollama_generate.tap_response(b'{"error":"server busy"}').failure
    assert failed is not None
