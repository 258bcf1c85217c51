"""Parts to content blocks of a request. What Converse cannot be told becomes a loss, and the part is left out."""

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
    CacheMark,
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
from keywright.dialects.bedrock_converse.citations import cited
from keywright.dialects.bedrock_converse.ids import outward
from keywright.dialects.bedrock_converse.names import DocumentNames
from keywright.dialects.bedrock_converse.wire import (
    AUDIO_FORMATS,
    DOCUMENT_FORMATS,
    IMAGE_FORMATS,
    NAME,
    PLAIN_FORMAT,
    S3,
    Node,
    own,
    report_foreign,
)

UNREADABLE: Final = "arguments"
"""The member of an `input` that stands for arguments which are no JSON object."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, Json])


class BlockWriter:
    """Turns parts into blocks for a model with `abilities`; collects what it could not carry in `losses`.

    `caches`: whether the model knows cache points. Cache points stand behind the block that carries the mark; inside
    a tool's result, where none may stand, they move behind the result.
    """

    def __init__(self, abilities: Abilities, losses: list[Loss], *, caches: bool) -> None:
        self._abilities = abilities
        self._losses = losses
        self._caches = caches
        self._names = DocumentNames()

    def blocks(self, parts: tuple[Part, ...], path: str) -> list[Node]:
        """The blocks of `parts`, which stand in the turn at `path`."""
        blocks: list[Node] = []
        for index, part in enumerate(parts):
            at = f"{path}.parts[{index}]"
            block = self.block(part, at)
            if block is not None:
                blocks.append(block)
                blocks += self.point(_mark(part), at)
        return blocks

    def point(self, mark: CacheMark | None, path: str) -> list[Node]:
        """The cache point for a mark at `path`, if there is one to be said."""
        if mark is None:
            return []
        if not self._caches:
            self._knob(f"{path}.cache", "this model knows no cache points")
            return []
        return [{"cachePoint": cache_point(mark)}]

    def block(self, part: Part, path: str) -> Node | None:
        """The block of one part, without its cache point; None when there is nothing to send."""
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
            case Audio():
                return self._audio(part, path)
            case Thinking() | RedactedThinking():
                return self._thought(part, path)
            case Refusal():
                self._knob(path, "Converse has no refusal part: sent as text")
                return self._text(Text(part.text, extras=part.extras), path)
            case ServerToolCall() | ServerToolResult() | Opaque():
                if part.origin != NAME:
                    return self._lost(path, "Converse has no such part")
                return server_block(part)
            case _:
                assert_never(part)

    def _text(self, part: Text, path: str) -> Node | None:
        if not part.text.strip():
            if part.text or part.cache is not None:
                self._knob(path, "Converse takes no text of white space only")
            return None
        report_foreign(part.extras, path, self._losses)
        if not part.citations:
            return {"text": part.text}
        citations = cited(part.citations, f"{path}.citations", self._losses)
        return {"citationsContent": {"content": [{"text": part.text}], "citations": citations, **own(part.extras)}}

    def _tool_use(self, part: ToolCall, path: str) -> Node | None:
        if part.custom:
            return self._lost(path, "Converse has no calls of free-text tools")
        report_foreign(part.extras, path, self._losses)
        inner = input_of(part.arguments)
        if not isinstance(inner, Raw) and inner:
            self._knob(f"{path}.arguments", f"not a JSON object: sent inside {UNREADABLE!r}")
        return tool_use(part, outward(part.id), inner)

    def _tool_result(self, part: ToolResult, path: str) -> Node:
        content: list[Node] = []
        for index, inner in enumerate(part.parts):
            at = f"{path}.parts[{index}]"
            block = _as_json(inner) if isinstance(inner, Text) else None
            block = block or self.block(inner, at)
            if block is not None:
                content.append(self._result_block(block))
        node: Node = {"toolUseId": outward(part.call_id), "content": content}
        if part.is_error:
            node["status"] = "error"
        report_foreign(part.extras, path, self._losses)
        return {"toolResult": {**node, **own(part.extras)}}

    def _result_block(self, block: Node) -> Node:
        """A block as a tool's result takes it, which holds no citations of its own."""
        cited_block = block.get("citationsContent")
        if not isinstance(cited_block, dict):
            return block
        return {"text": cited_block["content"][0]["text"]}

    def _image(self, part: Image, path: str) -> Node | None:
        if not self._abilities.images:
            return self._lost(path, "this model does not see images")
        source = _data_or_file(part.source)
        word = _image_format(part.source, own(part.extras))
        if source is None or word is None:
            return self._lost(path, "Converse takes images as PNG, JPEG, GIF or WebP data or from S3")
        if part.detail is not None:
            self._knob(f"{path}.detail", "Converse has no detail of images")
        report_foreign(part.extras, path, self._losses)
        return {"image": {"format": word, "source": source, **own(part.extras)}}

    def _audio(self, part: Audio, path: str) -> Node | None:
        if not self._abilities.audio:
            return self._lost(path, "this model does not hear")
        source = _data_or_file(part.source)
        if source is None or part.format not in AUDIO_FORMATS:
            return self._lost(path, "Converse takes sound as data of a known format or from S3")
        report_foreign(part.extras, path, self._losses)
        return {"audio": {"format": part.format, "source": source, **own(part.extras)}}

    def _document(self, part: Document, path: str) -> Node | None:
        if not self._abilities.documents:
            return self._lost(path, "this model does not read documents")
        word, source = self._document_source(part.source, path)
        if source is None:
            return self._lost(path, "Converse takes documents as data of a known format, as text or from S3")
        name = self._names.name(part.title)
        if part.title is not None and name != part.title:
            self._knob(f"{path}.title", f"Converse takes few characters, and each name once: named {name!r}")
        node: Node = {"name": name, "source": source}
        if word is not None:
            node["format"] = word
        if part.context is not None:
            node["context"] = part.context
        if part.citations is not None:
            node["citations"] = {"enabled": part.citations}
        report_foreign(part.extras, path, self._losses)
        return {"document": {**node, **own(part.extras)}}

    def _document_source(self, source: Source, path: str) -> tuple[str | None, Node | None]:
        """The format and the source of a document; no source where it cannot be said."""
        match source:
            case Base64Source(media_type, data):
                word = DOCUMENT_FORMATS.get(media_type.partition(";")[0])
                if word is None and media_type.startswith("text/"):
                    word = PLAIN_FORMAT
                return (word, {"bytes": data} if word is not None else None)
            case PlainSource(text):
                return PLAIN_FORMAT, {"text": text}
            case BlocksSource(parts):
                texts = [{"text": part.text} for part in parts if isinstance(part, Text)]
                if len(texts) < len(parts):
                    self._lost(path, "Converse takes documents of texts only")
                return PLAIN_FORMAT, {"content": texts}
            case UrlSource() | FileSource():
                return None, _data_or_file(source)
            case _:
                assert_never(source)

    def _thought(self, part: Thinking | RedactedThinking, path: str) -> Node | None:
        if part.origin != NAME:
            self._knob(path, "only thinking that came from here may be sent back")
            return None
        report_foreign(part.extras, path, self._losses)
        return thought(part)

    def _knob(self, path: str, why: str) -> None:
        self._losses.append(Loss(path, why))

    def _lost(self, path: str, why: str) -> Node | None:
        """Report lost content; there is no block for it."""
        self._losses.append(Loss(path, why, "meaning"))
        return None


def cache_point(mark: CacheMark) -> Node:
    """The inside of a cache point."""
    return {"type": "default"} if mark.ttl is None else {"type": "default", "ttl": mark.ttl}


def tool_use(part: ToolCall, call_id: str, arguments: object) -> Node:
    """The block of a tool call."""
    return {"toolUse": {"toolUseId": call_id, "name": part.name, "input": arguments, **own(part.extras)}}


def thought(part: Thinking | RedactedThinking) -> Node:
    """The block of thinking that came from this wire, or that is not signed."""
    if isinstance(part, RedactedThinking):
        return {"reasoningContent": {"redactedContent": part.data}}
    text: Node = {"text": part.text}
    if part.signature:
        text["signature"] = part.signature
    return {"reasoningContent": {"reasoningText": {**text, **own(part.extras)}}}


def server_block(part: ServerToolCall | ServerToolResult | Opaque) -> Node:
    """The block of a part of this dialect's own."""
    match part:
        case ServerToolCall():
            return {"toolUse": {**part.body, "input": input_of(part.arguments)}}
        case ServerToolResult():
            return {"toolResult": part.body}
        case Opaque():
            return dict(part.body) if isinstance(part.body, dict) else {part.kind: part.body}
        case _:
            assert_never(part)


def input_of(arguments: str) -> Raw | Node:
    """Arguments as an object: their own text if it is one; empty for none; else wrapped in `UNREADABLE`."""
    if not arguments or arguments.isspace():
        return {}
    try:
        _OBJECT.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {UNREADABLE: arguments}
    return Raw(arguments.encode())


def _mark(part: Part) -> CacheMark | None:
    """The mark behind `part`: its own, or the last of those inside a tool's result."""
    if isinstance(part, ToolResult):
        inner = [mark for each in part.parts if (mark := _mark(each)) is not None]
        return part.cache or (inner[-1] if inner else None)
    return None if isinstance(part, Thinking | RedactedThinking | Refusal | Opaque) else part.cache


def _as_json(part: Text) -> Node | None:
    """The JSON value that a text in a tool's result was; None when it was a text."""
    if "as_json" not in own(part.extras):
        return None
    try:
        msgspec.json.decode(part.text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return {"json": Raw(part.text.encode())}


def _data_or_file(source: Source) -> Node | None:
    """The source of data or of a file in S3; None for any other."""
    match source:
        case Base64Source(_, data):
            return {"bytes": data}
        case FileSource(address, dialect) if dialect == NAME:
            return {"s3Location": {"uri": address}}
        case UrlSource(address) if address.startswith(S3):
            return {"s3Location": {"uri": address}}
        case _:
            return None


def _image_format(source: Source, said: dict[str, Json]) -> str | None:
    """The format of an image. Of a file only its name's ending tells, where the client has not said it."""
    match source:
        case Base64Source(media_type):
            return IMAGE_FORMATS.get(media_type)
        case FileSource(address) | UrlSource(address):
            ending = address.rpartition(".")[2].lower()
            word = said.get("format")
            return word if isinstance(word, str) else IMAGE_FORMATS.get(f"image/{ending}")
        case _:
            return None
