"""Content blocks, as clients and the API write them, to parts.

A block is an object of one member, which names its kind. A block of a kind that is not modelled, or with a source or a
format of such a kind, becomes an `Opaque`: whole, and never refused. A cache point is no part but a mark on the part
before it.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
    BlocksSource,
    CacheMark,
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
)
from keywright.dialects.bedrock_converse.wire import DOCUMENT_TYPES, IMAGE_TYPES, NAME, PLAIN_FORMAT
from keywright.dialects.fields import Fields, WrongFieldError

PLAIN_TOOL_TYPES: Final = frozenset({None, "tool_use", "tool_result"})
"""Types of calls and results that are the client's own: Claude's answers say so, the rest do not."""

AS_JSON: Final[Extras] = {NAME: {"as_json": True}}
"""The extras of a text that was a JSON value in its tool's result."""


def parts_of(blocks: list[Json], path: str) -> tuple[Part, ...]:
    """The parts that a list of blocks is.

    Raises:
        WrongFieldError: a block is no object, or lacks what its kind must have.
    """
    parts: list[Part] = []
    for index, block in enumerate(blocks):
        at = f"{path}[{index}]"
        kind, value = kind_of(block, at)
        marked = marked_part(parts[-1], value) if kind == "cachePoint" and parts else None
        if marked is None:
            parts.append(part_of(kind, value, block, at))
        else:
            parts[-1] = marked
    return tuple(parts)


def kind_of(block: Json, at: str) -> tuple[str, Json]:
    """A block's kind and what it holds; no kind for a block of several members."""
    if not isinstance(block, dict):
        raise WrongFieldError(at, "an object")
    said = [(kind, value) for kind, value in block.items() if value is not None]
    return said[0] if len(said) == 1 else ("", None)


def part_of(kind: str, value: Json, block: Json, at: str) -> Part:
    """The part of a block at `at`."""
    reader = _READERS.get(kind)
    part = None if reader is None else reader(value, f"{at}.{kind}")
    return Opaque(NAME, kind, block) if part is None else part


def mark_of(point: Json) -> CacheMark | None:
    """The mark that a cache point is; None for one that is not modelled."""
    match point:
        case {"type": "default", **rest} if not rest or (rest.keys() == {"ttl"} and rest["ttl"] is None):
            return CacheMark()
        case {"type": "default", "ttl": "5m" | "1h" as ttl, **rest} if not rest:
            return CacheMark("5m" if ttl == "5m" else "1h")
        case _:
            return None


def marked_part(part: Part, point: Json) -> Part | None:
    """`part` with the mark that a cache point behind it is; None when it cannot have one, or has one."""
    mark = mark_of(point)
    if mark is None or getattr(part, "cache", mark) is not None:
        return None
    return msgspec.structs.replace(part, cache=mark)


def citation_of(body: JsonObject) -> Citation:
    """One citation, of any kind of location."""
    location = body.get("location")
    location = location if isinstance(location, dict) else {}
    web, chars = location.get("web"), location.get("documentChar")
    source = body.get("source")
    url = web.get("url") if isinstance(web, dict) else source
    start, end = (chars.get("start"), chars.get("end")) if isinstance(chars, dict) else (None, None)
    return Citation(
        origin=NAME,
        body=body,
        url=url if isinstance(url, str) and url.startswith(("https://", "http://")) else None,
        title=_text_or_none(body.get("title")),
        cited_text="".join(_texts(body.get("sourceContent"))) or None,
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
    )


def call_of(fields: Fields, arguments: str) -> ToolCall | ServerToolCall:
    """The call that a tool use is, or its beginning in a stream."""
    kind = fields.text("type")
    call_id, name = fields.needed_text("toolUseId"), fields.needed_text("name")
    if kind in PLAIN_TOOL_TYPES:
        return ToolCall(call_id, name, arguments, extras=fields.extras(NAME))
    body: JsonObject = {"toolUseId": call_id, "name": name, "type": kind, **fields.left}
    return ServerToolCall(NAME, call_id, name, arguments, body)


def _text(value: Json, at: str) -> Text:
    if not isinstance(value, str):
        raise WrongFieldError(at, "a string")
    return Text(value)


def _image(value: Json, at: str) -> Image | None:
    fields = Fields(value, at)
    media_type = IMAGE_TYPES.get(fields.text("format") or "")
    source = _source(fields.json("source"), media_type)
    if media_type is None or source is None:
        return None
    if isinstance(source, FileSource):
        fields.keep("format", media_type.removeprefix("image/"))
    return Image(source, extras=fields.extras(NAME))


def _audio(value: Json, at: str) -> Audio | None:
    fields = Fields(value, at)
    word = fields.text("format")
    source = _source(fields.json("source"), f"audio/{word}")
    return None if word is None or source is None else Audio(source, word, extras=fields.extras(NAME))


def _document(value: Json, at: str) -> Document | None:
    fields = Fields(value, at)
    word = fields.text("format")
    name = fields.text("name")
    source = _document_source(fields.json("source"), word, at)
    citing = fields.json("citations")
    if source is None or not (citing is None or (isinstance(citing, dict) and citing.keys() == {"enabled"})):
        return None
    context = fields.text("context")
    if isinstance(source, FileSource) or (not isinstance(source, Base64Source) and word != PLAIN_FORMAT):
        fields.keep("format", word)
    return Document(
        source,
        title=name,
        context=context,
        citations=None if citing is None else Fields(citing, f"{at}.citations").flag("enabled"),
        extras=fields.extras(NAME),
    )


def _document_source(source: Json, word: str | None, at: str) -> Source | None:
    match source:
        case {"text": str(text), **rest} if not rest:
            return PlainSource(text)
        case {"content": list(blocks), **rest} if not rest:
            return BlocksSource(parts_of(blocks, f"{at}.source.content"))
        case _:
            return _source(source, DOCUMENT_TYPES.get(word or ""))


def _source(source: Json, media_type: str | None) -> Base64Source | FileSource | None:
    """Data or a file in S3; None for what is not modelled, and for data of an unknown type."""
    match source:
        case {"bytes": str(data), **rest} if not rest and media_type is not None:
            return Base64Source(media_type, data)
        case {"s3Location": {"uri": str(uri), **rest}, **more} if not rest and not more:
            return FileSource(uri, NAME)
        case _:
            return None


def _tool_use(value: Json, at: str) -> Part:
    fields = Fields(value, at)
    return call_of(fields, msgspec.json.encode(fields.json("input")).decode())


def _tool_result(value: Json, at: str) -> Part:
    fields = Fields(value, at)
    kind = fields.text("type")
    call_id = fields.needed_text("toolUseId")
    if kind not in PLAIN_TOOL_TYPES:
        return ServerToolResult(NAME, call_id, kind or "", dict(value) if isinstance(value, dict) else {})
    parts = parts_of(fields.array("content"), f"{at}.content")
    status = fields.text("status")
    if status not in (None, "success", "error"):
        fields.keep("status", status)
    return ToolResult(call_id, parts, is_error=status == "error", extras=fields.extras(NAME))


def _json(value: Json, at: str) -> Text:
    del at
    return Text(msgspec.json.encode(value).decode(), extras=AS_JSON)


def _reasoning(value: Json, at: str) -> Part | None:
    fields = Fields(value, at)
    if "redactedContent" in fields.left:
        data = fields.needed_text("redactedContent")
        return None if fields.left else RedactedThinking(data, NAME)
    inner = fields.object("reasoningText")
    if inner is None or fields.left:
        return None
    return Thinking(inner.text("text") or "", inner.text("signature") or None, NAME, inner.extras(NAME))


def _cited(value: Json, at: str) -> Text | None:
    fields = Fields(value, at)
    texts = _texts(fields.json("content"))
    citations = tuple(citation_of(body) for body in fields.array("citations") if isinstance(body, dict))
    return Text("".join(texts), citations, extras=fields.extras(NAME) if fields.left else NO_EXTRAS)


def _texts(items: Json) -> list[str]:
    """The texts of a list of objects that have one."""
    if not isinstance(items, list):
        return []
    return [item["text"] for item in items if isinstance(item, dict) and isinstance(item.get("text"), str)]  # type: ignore[misc]  # just checked


def _text_or_none(value: Json) -> str | None:
    return value if isinstance(value, str) else None


_READERS: Final[dict[str, Callable[[Json, str], Part | None]]] = {
    "text": _text,
    "image": _image,
    "audio": _audio,
    "document": _document,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "json": _json,
    "reasoningContent": _reasoning,
    "citationsContent": _cited,
}
