"""The estimate: what it counts, and that more is never less."""

import struct
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.message import (
    Audio,
    Base64Source,
    BlocksSource,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    PlainSource,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import JsonSchemaFormat, Request, ServerTool, Tool
from keywright.dialects.counting.estimate import HABITS, estimate, text_tokens
from keywright.dialects.counting.picture import size_of
from tests.laws.strategies import law, requests, words


def asking(*parts: Part, role: str = "user") -> Request:
    return Request("m", (Turn(role, parts),))  # type: ignore[arg-type]


def of(*parts: Part, dialect: str = "") -> int:
    """What `parts` add to an empty turn."""
    return estimate(asking(*parts), dialect) - estimate(asking(), dialect)


def test_prose_is_about_a_token_a_word() -> None:
    prose = "The quick brown fox jumps over the lazy dog. " * 40
    assert 360 <= text_tokens(prose) <= 480


def test_scripts_without_spaces_are_about_a_token_a_character() -> None:
    assert 20 <= text_tokens("비행기는 어디에 있습니까? 저는 지금 공항에 있습니다") <= 40
    assert 8 <= text_tokens("こんにちは、世界です。") <= 16
    assert 10 <= text_tokens("Привет, как дела сегодня вечером?") <= 22


@law
@given(words, words)
def test_more_text_is_never_fewer_tokens(first: str, more: str) -> None:
    assert text_tokens(first + " " + more) >= text_tokens(first)


@law
@given(requests("anthropic"), st.sampled_from(["", *HABITS]))
def test_every_request_has_a_count(request: Request, dialect: str) -> None:
    longer = Request(request.model, (Turn("system", (Text("word " * 9),)), *request.turns), request.tools)
    assert 1 <= estimate(Request(request.model, request.turns, request.tools), dialect) < estimate(longer, dialect)


def test_nothing_is_one_token() -> None:
    assert estimate(Request("m", ()), "cohere") == 1


@pytest.mark.parametrize(
    "part",
    [
        Text("word " * 10),
        Refusal("word " * 10),
        ToolCall("c", "f", '{"a":1}'),
        ToolResult("c", (Text("word " * 10),)),
        ServerToolCall("anthropic", "s", "web_search", '{"query":"x"}', {}),
        ServerToolResult("anthropic", "s", "web_search_tool_result", {"content": "word " * 10}),
        Opaque("x", "y", {"text": "word " * 10}),
        Document(PlainSource("word " * 10), "Title"),
        Document(BlocksSource((Text("word " * 10),))),
        Document(FileSource("f", "anthropic")),
        Image(UrlSource("u")),
        Audio(Base64Source("audio/wav", b64encode(bytes(30_000)).decode())),
        Thinking("word " * 10),
        RedactedThinking("A" * 100, "anthropic"),
    ],
)
def test_every_part_counts(part: Part) -> None:
    answered = Request("m", (Turn("user", (Text("x"),)), Turn("assistant", (part,))))
    empty = Request("m", (Turn("user", (Text("x"),)), Turn("assistant", ())))
    assert estimate(answered) - estimate(empty) >= 8


def test_thoughts_before_the_last_question_do_not_count() -> None:
    thought = Turn("assistant", (Thinking("word " * 50), RedactedThinking("A" * 400, "x"), Text("so")))
    bare = Turn("assistant", (Text("so"),))
    last = Turn("user", (Text("and?"),))
    assert estimate(Request("m", (last, thought, last))) == estimate(Request("m", (last, bare, last)))
    assert estimate(Request("m", (last, thought))) > estimate(Request("m", (last, bare))) + 50


def test_tools_and_the_answers_schema_count_as_much_as_the_wire_shows() -> None:
    tool = Tool("weather", "The weather somewhere", {"type": "object", "properties": {"city": {"type": "string"}}})
    plain = asking(Text("x"))
    with_tool = Request("m", plain.turns, tools=(tool, ServerTool("anthropic", "web_search", {"name": "web_search"})))
    assert estimate(with_tool, "anthropic") - estimate(plain, "anthropic") > 440
    assert 20 < estimate(with_tool) - estimate(plain) < 60
    formed = Request("m", plain.turns, format=JsonSchemaFormat({"type": "object", "properties": {"city": {}}}))
    assert estimate(formed) > estimate(plain)
    assert estimate(formed, "gemini") == estimate(plain, "gemini")


def data(raw: bytes, media_type: str = "image/png") -> Base64Source:
    return Base64Source(media_type, b64encode(raw).decode())


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk))


def test_a_picture_counts_by_its_size_within_limits() -> None:
    assert of(Image(data(png(750, 100)))) == 100
    assert of(Image(data(png(9, 9)))) == 85
    assert of(Image(data(png(9_000, 9_000)))) == 1_600
    assert of(Image(data(b"no picture"))) == 1_000
    assert of(Image(Base64Source("image/png", "abcde"))) == 1_000
    assert of(Image(data(png(9, 9))), dialect="gemini") == 258


def test_a_pdf_counts_by_its_pages() -> None:
    assert of(Document(data(b"%PDF /Type /Pages /Type /Page\n/Type/Page\n", "application/pdf"))) == 4_000
    assert of(Document(data(bytes(120_000), "application/pdf"))) == 6_000
    assert of(Document(data(b"%PDF", "application/pdf")), dialect="gemini") == 258


JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 20, 30) + b"\x01\x01\x11\x00"


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        (png(3, 4), (3, 4)),
        (b"GIF89a" + struct.pack("<HH", 3, 4), (3, 4)),
        (JPEG, (30, 20)),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x02\0\0\x03\0\0", (3, 4)),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 3, 4), (3, 4)),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 2 | 3 << 14), (3, 4)),
        (b"RIFF\0\0\0\0WEBPXXXX", None),
        (JPEG[:12], None),
        (b"\xff\xd8\x00\xe0\x00\x04", None),
        (b"\xff\xd8\xff\xe0\x00\x00", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"", None),
    ],
)
def test_a_pictures_size_stands_in_its_header(raw: bytes, size: tuple[int, int] | None) -> None:
    assert size_of(raw) == size


@law
@given(
    st.sampled_from([png(3, 4), JPEG, b"GIF89a\1\0\1\0", b"RIFF\0\0\0\0WEBPVP8X"]),
    st.binary(max_size=30),
    st.integers(0, 30),
)
def test_no_bytes_break_it(start: bytes, rest: bytes, cut: int) -> None:
    size_of(start[:cut] + rest)
