"""How many tokens a prompt is, when nobody who knows can be asked.

A tokenizer of each vendor would be exact, and is not to be had: most are not published, and those that are weigh tens
of megabytes and are revised with each generation of models. So text is counted by what tokenizers have in common:
about one token a word of prose, more for long words, digits and punctuation; one to each character of scripts without
spaces. On top comes what a wire wraps around it: something for each turn and each call, the share of a tool's schema
that the model gets to see (some vendors rewrite it tersely), instructions that come with the first tool.

The figures were fitted to recorded requests with the providers' own counts; `tests/conformance/test_counting.py` holds
them to it. Half of the estimates for text are within 5 % for OpenAI, 7 % for Cohere, 11 % for Gemini, 14 % for
Anthropic; with tools within 14, 19, 37 and 22 % (tools that the provider runs bring instructions that nobody shows).
Pictures, documents and sound are rougher: their sizes are looked up in their headers, but vendors differ by a
factor of two and more in what they count for them.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from math import ceil
from string import ascii_letters, digits
from types import MappingProxyType
from typing import Final, assert_never

import msgspec
from msgspec import Struct

from keywright.core.message import (
    Audio,
    Base64Source,
    BlocksSource,
    Document,
    Image,
    Opaque,
    Part,
    PlainSource,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from keywright.core.request import JsonSchemaFormat, Request, Tool
from keywright.dialects.counting.picture import size_of

WORD_TOKENS: Final = 0.95
LETTER_TOKENS: Final = 0.05
DIGIT_TOKENS: Final = 0.7
SIGN_TOKENS: Final = 0.5
NARROW_TOKENS: Final = 0.5
"""For each letter of a script with spaces that is not Latin, or with an accent: two bytes of UTF-8."""
WIDE_TOKENS: Final = 1.0
"""For each character of a script without spaces: three bytes of UTF-8."""

PICTURE_TOKENS: Final = 1_000
"""For a picture whose size is not known."""
PICTURE_TOKENS_MAX: Final = 1_600
PICTURE_TOKENS_MIN: Final = 85
PIXELS_PER_TOKEN: Final = 750

PAGE_TOKENS: Final = 2_000
PAGE_BYTES: Final = 50_000
"""How large a page of a PDF is, where its pages cannot be counted."""

SOUND_BYTES_PER_TOKEN: Final = 1_000

_LETTERS: Final = ascii_letters.encode()
_DIGITS: Final = digits.encode()
_SPACES: Final = b" \t\r\n\x0b\x0c"
_NOT_LETTERS: Final = bytes(set(range(256)) - set(_LETTERS))
_NOT_DIGITS: Final = bytes(set(range(256)) - set(_DIGITS))
_NOT_SPACES: Final = bytes(set(range(256)) - set(_SPACES))


class Habits(Struct, frozen=True):
    """What a wire's models are given beside the words, in tokens. `schema_share`: how much of a tool's schema they see;
    `format_share`: how much of the answer's. `picture`, `page`: what one counts for, where that is not by its size.
    """

    request: float = 3
    turn: float = 3.5
    call: float = 6
    tools: float = 10
    schema_share: float = 0.55
    format_share: float = 1
    picture: float | None = None
    page: float = PAGE_TOKENS


USUAL: Final = Habits()
HABITS: Final[MappingProxyType[str, Habits]] = MappingProxyType(
    {
        "anthropic": Habits(request=5, turn=4, call=20, tools=440, schema_share=1.2),
        "gemini": Habits(request=1, turn=0, call=20, tools=0, schema_share=0.6, format_share=0, picture=258, page=258),
        "mistral": Habits(request=1, turn=4, tools=60, schema_share=0.8),
        "cohere": Habits(request=0, turn=0, tools=0, schema_share=0.6, format_share=0),
    }
)
"""By the dialect of the provider that would answer. Cohere's figures are for what it bills."""


def estimate(request: Request, dialect: str = "") -> int:
    """The tokens of the prompt that `request` is to a provider that speaks `dialect`; never less than 1."""
    habits = HABITS.get(dialect, USUAL)
    heard = max((index for index, turn in enumerate(request.turns) if turn.role == "user"), default=-1)
    tokens = habits.request + habits.turn * len(request.turns)
    for index, turn in enumerate(request.turns):
        tokens += _parts(turn.parts, habits, thinking=index > heard)
    if request.tools:
        tokens += habits.tools
    for tool in request.tools:
        said = (tool.name, tool.description or "", tool.parameters or {}) if isinstance(tool, Tool) else tool.body
        tokens += habits.schema_share * text_tokens(msgspec.json.encode(said).decode())
    if isinstance(request.format, JsonSchemaFormat):
        tokens += habits.format_share * text_tokens(msgspec.json.encode(request.format.schema).decode())
    return max(1, ceil(tokens))


def text_tokens(text: str) -> float:
    """About how many tokens `text` is."""
    plain = text.encode("ascii", "ignore")
    letters = len(plain.translate(None, _NOT_LETTERS))
    numerals = len(plain.translate(None, _NOT_DIGITS))
    signs = len(plain) - letters - numerals - len(plain.translate(None, _NOT_SPACES))
    tokens = WORD_TOKENS * len(text.split()) + LETTER_TOKENS * letters + DIGIT_TOKENS * numerals + SIGN_TOKENS * signs
    others = len(text) - len(plain)
    if others:
        wide = len(text.encode(errors="replace")) - len(plain) - 2 * others
        tokens += WIDE_TOKENS * max(wide, 0) + NARROW_TOKENS * max(others - wide, 0)
    return tokens


def _parts(parts: Iterable[Part], habits: Habits, *, thinking: bool) -> float:
    """The tokens of `parts`. `thinking`: whether thoughts count; those of answers before the last question do not."""
    tokens = 0.0
    for part in parts:
        match part:
            case Text() | Refusal():
                tokens += text_tokens(part.text)
            case Thinking():
                tokens += text_tokens(part.text) if thinking else 0
            case RedactedThinking():
                tokens += len(part.data) / 8 if thinking else 0
            case ToolCall() | ServerToolCall():
                tokens += habits.call + text_tokens(part.name) + text_tokens(part.arguments)
            case ToolResult():
                tokens += habits.call + _parts(part.parts, habits, thinking=thinking)
            case Image():
                tokens += _picture(part.source) if habits.picture is None else habits.picture
            case Document():
                tokens += text_tokens(part.title or "") + _document(part.source, habits)
            case Audio():
                data = part.source.data if isinstance(part.source, Base64Source) else ""
                tokens += len(data) * 3 / 4 / SOUND_BYTES_PER_TOKEN
            case ServerToolResult() | Opaque():
                tokens += text_tokens(msgspec.json.encode(part.body).decode())
            case _:
                assert_never(part)
    return tokens


def _picture(source: Source) -> float:
    size = size_of(_bytes(source)) if isinstance(source, Base64Source) else None
    if size is None:
        return PICTURE_TOKENS
    return max(PICTURE_TOKENS_MIN, min(PICTURE_TOKENS_MAX, size[0] * size[1] / PIXELS_PER_TOKEN))


def _document(source: Source, habits: Habits) -> float:
    match source:
        case PlainSource(text):
            return text_tokens(text)
        case BlocksSource(parts):
            return _parts(parts, habits, thinking=False)
        case Base64Source():
            data = _bytes(source)
            pages = data.count(b"/Type /Page") + data.count(b"/Type/Page")
            pages -= data.count(b"/Type /Pages") + data.count(b"/Type/Pages")
            return habits.page * max(1, pages or ceil(len(data) / PAGE_BYTES))
        case _:
            return habits.page


def _bytes(source: Base64Source) -> bytes:
    try:
        return b64decode(source.data)
    except (Base64Error, ValueError):
        return b""
