"""Content blocks, as clients and the API write them, to parts.

A block of a kind that is not modelled, or with a source of such a kind, becomes an `Opaque`: whole, and never
refused. Blocks of tools that the provider runs are kept whole too, but for what has a field of its own (`input`,
`cache_control`).
"""

from collections.abc import Callable
from typing import Final

import msgspec

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Base64Source,
    BlocksSource,
    Citation,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    PlainSource,
    RedactedThinking,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    UrlSource,
)
from keywright.dialects.anthropic.ids import inward
from keywright.dialects.anthropic.wire import (
    NAME,
    ShapeError,
    an_object,
    boolean_or_none,
    cache_of,
    extras_of,
    rest_of,
    string,
    string_or_none,
)

INVALID_JSON: Final = "INVALID_JSON"
"""The only member of an `input` that stands for arguments which are no JSON object (Anthropic's own advice)."""

SERVER_RESULT_SUFFIX: Final = "_tool_result"

_TEXT: Final = frozenset({"type", "text", "citations", "cache_control"})
_IMAGE: Final = frozenset({"type", "source", "cache_control"})
_DOCUMENT: Final = frozenset({"type", "source", "title", "context", "citations", "cache_control"})
_TOOL_USE: Final = frozenset({"type", "id", "name", "input", "cache_control"})
_TOOL_RESULT: Final = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})
_THINKING: Final = frozenset({"type", "thinking", "signature"})
_REDACTED: Final = frozenset({"type", "data"})
_SERVER: Final = frozenset({"input", "cache_control"})


def parts_of(content: Json) -> tuple[Part, ...]:
    """The parts of a turn's `content`: a string, a list of blocks, or nothing.

    Raises:
        ShapeError: it is none of these, or a block is wrong.
    """
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if content is None:
        return ()
    if not isinstance(content, list):
        raise ShapeError("content", "must be a string or a list of blocks")
    parts: list[Part] = []
    for block in content:
        try:
            parts.append(part_of(block))
        except ShapeError as error:
            raise error.within(f"content[{len(parts)}]") from None
    return tuple(parts)


def part_of(block: Json) -> Part:
    """The part that one block is.

    Raises:
        ShapeError: it has no type, or lacks what its type must have.
    """
    block = an_object(block)
    kind = string(block, "type")
    reader = _READERS.get(kind)
    if reader is not None:
        return reader(block)
    if kind.endswith(SERVER_RESULT_SUFFIX):
        return _server_result(block, kind)
    return Opaque(NAME, kind, block)


def arguments_of(value: Json) -> str:
    """The arguments, as JSON text, of a call whose `input` is `value`."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(text := value.get(INVALID_JSON), str):
            return text
        return msgspec.json.encode(value).decode()
    raise ShapeError("input", "must be an object")


def citation_of(body: Json) -> Citation:
    """One citation, of any location kind."""
    body = an_object(body)
    return Citation(
        origin=NAME,
        body=body,
        url=_text_or_none(body.get("url")),
        title=_text_or_none(body.get("title") or body.get("document_title")),
        cited_text=_text_or_none(body.get("cited_text")),
        start=_offset_or_none(body.get("start_char_index")),
        end=_offset_or_none(body.get("end_char_index")),
    )


def _text(block: JsonObject) -> Text:
    text = string(block, "text")
    if len(block) == 2:  # its type and its text
        return Text(text)
    citations = block.get("citations") or []
    if not isinstance(citations, list):
        raise ShapeError("citations", "must be a list")
    return Text(text, tuple(map(citation_of, citations)), cache_of(block), extras_of(block, _TEXT))


def _image(block: JsonObject) -> Image | Opaque:
    source = _source(block)
    if source is None:
        return Opaque(NAME, "image", block)
    return Image(source, cache=cache_of(block), extras=extras_of(block, _IMAGE))


def _document(block: JsonObject) -> Document | Opaque:
    source = _source(block)
    citing = block.get("citations")
    if source is None or (isinstance(citing, dict) and citing.keys() - {"enabled"}):
        return Opaque(NAME, "document", block)
    return Document(
        source,
        title=string_or_none(block, "title"),
        context=string_or_none(block, "context"),
        citations=None if citing is None else boolean_or_none(an_object(citing), "enabled"),
        cache=cache_of(block),
        extras=extras_of(block, _DOCUMENT),
    )


def _source(block: JsonObject) -> Source | None:
    """The source of an image or a document; None when it is of a kind that is not modelled."""
    try:
        source = an_object(block.get("source"))
        match (source.get("type"), len(source)):
            case ("base64", 3):
                return Base64Source(string(source, "media_type"), string(source, "data"))
            case ("url", 2):
                return UrlSource(string(source, "url"))
            case ("file", 2):
                return FileSource(string(source, "file_id"), NAME)
            case ("text", 3) if source.get("media_type") == "text/plain":
                return PlainSource(string(source, "data"))
            case ("content", 2):
                return BlocksSource(parts_of(source.get("content")))
            case _:
                return None
    except ShapeError as error:
        raise error.within("source") from None


def _tool_use(block: JsonObject) -> ToolCall:
    return ToolCall(
        id=inward(string(block, "id")),
        name=string(block, "name"),
        arguments=arguments_of(block.get("input")),
        cache=cache_of(block),
        extras=extras_of(block, _TOOL_USE),
    )


def _tool_result(block: JsonObject) -> ToolResult:
    return ToolResult(
        call_id=inward(string(block, "tool_use_id")),
        parts=parts_of(block.get("content")),
        is_error=boolean_or_none(block, "is_error") or False,
        cache=cache_of(block),
        extras=extras_of(block, _TOOL_RESULT),
    )


def _thinking(block: JsonObject) -> Thinking:
    signature = string_or_none(block, "signature") or None
    origin = NAME if signature else None
    return Thinking(string(block, "thinking"), signature, origin, extras_of(block, _THINKING))


def _redacted(block: JsonObject) -> RedactedThinking:
    return RedactedThinking(string(block, "data"), NAME, extras_of(block, _REDACTED))


def _server_call(block: JsonObject) -> ServerToolCall:
    return ServerToolCall(
        origin=NAME,
        id=string(block, "id"),
        name=string(block, "name"),
        arguments=arguments_of(block.get("input")),
        body=rest_of(block, _SERVER),
        cache=cache_of(block),
    )


def _server_result(block: JsonObject, kind: str) -> ServerToolResult:
    return ServerToolResult(NAME, string(block, "tool_use_id"), kind, rest_of(block, _SERVER), cache_of(block))


def _text_or_none(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _offset_or_none(value: Json) -> int | None:
    return value if isinstance(value, int) else None


_READERS: Final[dict[str, Callable[[JsonObject], Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "server_tool_use": _server_call,
    "mcp_tool_use": _server_call,
}
