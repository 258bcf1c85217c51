"""Parts to content blocks of a request. What the API cannot be told becomes a loss, and the part is left out."""

from base64 import b64decode
from typing import Final, assert_never

import msgspec
from msgspec import Raw

from keywright.core.ability import Abilities
from keywright.core.json import Json
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
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
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    UrlSource,
)
from keywright.dialects.anthropic.ids import outward
from keywright.dialects.anthropic.parts import INVALID_JSON
from keywright.dialects.anthropic.wire import NAME, Node, completed, mark, report_foreign

IMAGE_TYPES: Final = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
"""Media types of images that the API takes, each under its proper name."""

PDF: Final = "application/pdf"

_OBJECT: Final = msgspec.json.Decoder(dict[str, Json])


class BlockWriter:
    """Turns parts into blocks for a model with `abilities`; collects what it could not carry in `losses`."""

    def __init__(self, abilities: Abilities, losses: list[Loss]) -> None:
        self._abilities = abilities
        self._losses = losses

    def blocks(self, parts: tuple[Part, ...], path: str) -> list[Node]:
        """The blocks of `parts`, which stand in the turn or part at `path`."""
        blocks = []
        for index, part in enumerate(parts):
            block = self.block(part, f"{path}.parts[{index}]")
            if block is not None:
                blocks.append(block)
        return blocks

    def block(self, part: Part, path: str) -> Node | None:
        """The block of one part; None when there is nothing to send."""
        match part:
            case Text():
                return self._text(part, path)
            case ToolCall():
                return self._tool_use(part, path)
            case ToolResult():
                return self._tool_result(part, path)
            case Image():
                return self._image(part, path)
            case Document():
                return self._document(part, path)
            case Thinking():
                return self._thinking(part, path)
            case RedactedThinking():
                return self._redacted(part, path)
            case Refusal():
                self._knob(path, "the Messages API has no refusal part: sent as text")
                return self._text(Text(part.text, extras=part.extras), path)
            case Audio():
                return self._lost(path, "the Messages API takes no audio")
            case ServerToolCall() | ServerToolResult() | Opaque():
                if part.origin != NAME:
                    return self._lost(path, "the Messages API has no such part")
                return server_block(part)
            case _:
                assert_never(part)

    def _text(self, part: Text, path: str) -> Node | None:
        if not part.text.strip():
            if part.text or part.cache is not None:
                self._knob(path, "the Messages API takes no text of white space only")
            return None
        node: Node = {"type": "text", "text": part.text}
        if part.citations:
            self._cite(node, part.citations, path)
        if part.extras:
            report_foreign(part.extras, path, self._losses)
        return completed(node, part.cache, part.extras)

    def _cite(self, node: Node, citations: tuple[Citation, ...], path: str) -> None:
        own = [citation.body for citation in citations if citation.origin == NAME]
        if own:
            node["citations"] = own
        if len(own) < len(citations):
            self._knob(f"{path}.citations", "a citation from elsewhere cannot be put in this API's form")

    def _tool_use(self, part: ToolCall, path: str) -> Node | None:
        if part.custom:
            return self._lost(path, "the Messages API has no calls of free-text tools")
        report_foreign(part.extras, path, self._losses)
        node = tool_use(part)
        if not isinstance(node["input"], Raw) and node["input"]:
            self._knob(f"{path}.arguments", f"not a JSON object: sent inside {INVALID_JSON}")
        return node

    def _tool_result(self, part: ToolResult, path: str) -> Node:
        node: Node = {"type": "tool_result", "tool_use_id": outward(part.call_id)}
        blocks = self.blocks(part.parts, path)
        if blocks:
            node["content"] = condensed(blocks)
        if part.is_error:
            node["is_error"] = True
        report_foreign(part.extras, path, self._losses)
        return completed(node, part.cache, part.extras)

    def _image(self, part: Image, path: str) -> Node | None:
        if not self._abilities.images:
            return self._lost(path, "this model does not see images")
        source: Node
        match part.source:
            case Base64Source(media_type, data) if media_type in IMAGE_TYPES:
                source = {"type": "base64", "media_type": IMAGE_TYPES[media_type], "data": data}
            case UrlSource(url):
                source = {"type": "url", "url": url}
            case FileSource(file_id, dialect) if dialect == NAME:
                source = {"type": "file", "file_id": file_id}
            case _:
                return self._lost(path, "the Messages API takes images as JPEG, PNG, GIF or WebP data, URL or own file")
        if part.detail is not None:
            self._knob(f"{path}.detail", "the Messages API has no detail of images")
        report_foreign(part.extras, path, self._losses)
        return completed({"type": "image", "source": source}, part.cache, part.extras)

    def _document(self, part: Document, path: str) -> Node | None:
        if not self._abilities.documents:
            return self._lost(path, "this model does not read documents")
        source = self._document_source(part.source, path)
        if source is None:
            return self._lost(path, "the Messages API takes documents as PDF data, text, blocks, URL or own file")
        node: Node = {"type": "document", "source": source}
        if part.title is not None:
            node["title"] = part.title
        if part.context is not None:
            node["context"] = part.context
        if part.citations is not None:
            node["citations"] = {"enabled": part.citations}
        report_foreign(part.extras, path, self._losses)
        return completed(node, part.cache, part.extras)

    def _document_source(self, source: Source, path: str) -> Node | None:
        match source:
            case Base64Source(media_type, data):
                if media_type == PDF:
                    return {"type": "base64", "media_type": PDF, "data": data}
                text = _decoded_text(data) if media_type.startswith("text/") else None
                return None if text is None else {"type": "text", "media_type": "text/plain", "data": text}
            case UrlSource(url):
                return {"type": "url", "url": url}
            case FileSource(file_id, dialect):
                return {"type": "file", "file_id": file_id} if dialect == NAME else None
            case PlainSource(text):
                return {"type": "text", "media_type": "text/plain", "data": text}
            case BlocksSource(parts):
                return {"type": "content", "content": condensed(self.blocks(parts, path))}
            case _:
                assert_never(source)

    def _thinking(self, part: Thinking, path: str) -> Node | None:
        if part.origin != NAME or not part.signature:
            self._knob(path, "the Messages API takes only thinking that it has signed")
            return None
        report_foreign(part.extras, path, self._losses)
        return completed(thinking(part), None, part.extras)

    def _redacted(self, part: RedactedThinking, path: str) -> Node | None:
        if part.origin != NAME:
            self._knob(path, "the Messages API takes only thinking that it has redacted")
            return None
        return completed({"type": "redacted_thinking", "data": part.data}, None, part.extras)

    def _knob(self, path: str, why: str) -> None:
        self._losses.append(Loss(path, why))

    def _lost(self, path: str, why: str) -> Node | None:
        """Report lost content; there is no block for it."""
        self._losses.append(Loss(path, why, "meaning"))
        return None


def condensed(blocks: list[Node]) -> object:
    """A turn's content: the bare string when that says it all, else the blocks."""
    if len(blocks) == 1 and len(blocks[0]) == 2 and blocks[0]["type"] == "text":
        return blocks[0]["text"]
    return blocks


def tool_use(part: ToolCall) -> Node:
    """The block of a tool call. Its `input` is the arguments' own text where that is an object."""
    node: Node = {
        "type": "tool_use",
        "id": outward(part.id),
        "name": part.name,
        "input": input_of(part.arguments),
    }
    return completed(node, part.cache, part.extras)


def thinking(part: Thinking) -> Node:
    """The block of thinking. A signature of another origin is not shown as one of this API's."""
    signature = part.signature if part.origin == NAME else None
    return {"type": "thinking", "thinking": part.text, "signature": signature or ""}


def server_block(part: ServerToolCall | ServerToolResult | Opaque) -> Node:
    """The block of a part of this dialect's own."""
    if isinstance(part, Opaque):
        return dict(part.body) if isinstance(part.body, dict) else {"type": part.kind}
    node: Node = dict(part.body)
    if isinstance(part, ServerToolCall):
        node["input"] = input_of(part.arguments)
    if part.cache is not None:
        node["cache_control"] = mark(part.cache)
    return node


def input_of(arguments: str) -> Raw | Node:
    """Arguments as an object: their own text if it is one; empty for none; else wrapped in `INVALID_JSON`."""
    if not arguments or arguments.isspace():
        return {}
    try:
        _OBJECT.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {INVALID_JSON: arguments}
    return Raw(arguments.encode())


def _decoded_text(data: str) -> str | None:
    try:
        return b64decode(data, validate=True).decode()
    except ValueError:
        return None
