"""Canonical parts of a request to wire parts.

What the API cannot be told, and its image:
- a plain-text document: its text; one made of blocks: the blocks; titles and contexts are knob losses;
- thinking that another provider made: a knob loss, for it is never sent as text;
- a refusal: text, a knob loss;
- a file by address: the API fetches it, and wants its kind, which is guessed from the address where it is not said;
- another dialect's uploaded file, opaque part or provider-run tool, a free-text call: meaning is lost.
"""

from typing import Final, assert_never

import msgspec
from msgspec import Raw

from keywright.core.ability import Abilities
from keywright.core.loss import Loss
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
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    UrlSource,
)
from keywright.dialects.gemini.ids import is_made
from keywright.dialects.gemini.parts_in import ERROR, INVALID_JSON, OUTPUT, SIGNATURE, texts_in
from keywright.dialects.gemini.wire import NAME, Node, completed, report_foreign

_OBJECT: Final = msgspec.json.Decoder(dict[str, Raw])
_ENDINGS: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
}
_RIGHT: Final = {"image/jpg": "image/jpeg"}
"""Kinds that clients write otherwise than they are registered."""

_SPOKEN: Final = {"mp3": "audio/mpeg", "pcm16": "audio/pcm"}


class PartWriter:
    """Writes parts for a model with `abilities`; what cannot be said goes to `losses`. `names`: of calls, by id."""

    def __init__(self, abilities: Abilities, losses: list[Loss], names: dict[str, str]) -> None:
        self._abilities = abilities
        self._losses = losses
        self._names = names

    def nodes(self, part: Part, path: str) -> list[Node]:
        """The wire parts that say `part`; none, with a loss, when it cannot be said."""
        match part:
            case Text():
                return [self._text(part, path)]
            case Image():
                return self._image(part, path)
            case Document():
                return self._document(part, path)
            case Audio():
                return self._audio(part, path)
            case ToolCall():
                return self._call(part, path)
            case ToolResult():
                return self.result(part, path)
            case Thinking() | RedactedThinking():
                return self._thought(part, path)
            case Refusal():
                self._knob(path, "Gemini has no refusals: sent as text")
                return [{"text": part.text}]
            case ServerToolCall() | ServerToolResult() | Opaque():
                return self._own(part, path)
            case _:
                assert_never(part)

    def _text(self, part: Text, path: str) -> Node:
        node: Node = {"text": part.text}
        if part.citations:
            self._knob(f"{path}.citations", "Gemini takes no citations back")
        return self._finished(node, part, path)

    def _thought(self, part: Thinking | RedactedThinking, path: str) -> list[Node]:
        if part.origin != NAME:
            self._knob(path, "thinking that another provider made means nothing to Gemini")
            return []
        report_foreign(part.extras, path, self._losses)
        return [thought(part)]

    def _call(self, part: ToolCall, path: str) -> list[Node]:
        if part.custom:
            return self._lost(path, "Gemini has no calls of free-text tools")
        node = call(part)
        if not is_object(part.arguments) and part.arguments.strip():
            self._knob(f"{path}.arguments", f"not a JSON object: sent inside {INVALID_JSON}")
        self._marked(part, path)
        report_foreign(part.extras, path, self._losses)
        return [node]

    def result(self, part: ToolResult, path: str) -> list[Node]:
        """The function's response; after it the files that the model does not take inside one."""
        texts: list[str] = []
        files: list[Node] = []
        for index, piece in enumerate(part.parts):
            at = f"{path}.parts[{index}]"
            if isinstance(piece, Text):
                self._marked(piece, at)
                report_foreign(piece.extras, at, self._losses)
                texts.append(piece.text)
                continue
            for node in self.nodes(piece, at):
                words = node.get("text")
                if isinstance(words, str):
                    texts.append(words)
                else:
                    files.append(node)
        said: Node = {} if is_made(part.call_id) else {"id": part.call_id}
        said |= {"name": self._name(part, path), "response": response_of(texts, failed=part.is_error)}
        inside = bool(files) and self._abilities.tool_files
        if inside:
            said["parts"] = files
        elif files:
            self._knob(f"{path}.parts", "this model takes no files inside a function's response: they follow it")
        node = self._finished({"functionResponse": said}, part, path)
        return [node] if inside else [node, *files]

    def _name(self, part: ToolResult, path: str) -> str:
        name = part.name or self._names.get(part.call_id)
        if name is None:
            self._knob(f"{path}.call_id", "Gemini wants the function's name, and no call has this id: sent as the name")
            return part.call_id
        return name

    def _image(self, part: Image, path: str) -> list[Node]:
        if not self._abilities.images:
            return self._lost(path, "this model does not see images")
        if part.detail not in (None, "auto"):
            self._knob(f"{path}.detail", "Gemini has no detail of images by this word")
        return self._file(part, "image/jpeg", path)

    def _audio(self, part: Audio, path: str) -> list[Node]:
        if not self._abilities.audio:
            return self._lost(path, "this model does not hear")
        said = part.format or "mpeg"
        return self._file(part, _SPOKEN.get(said, f"audio/{said}"), path)

    def _document(self, part: Document, path: str) -> list[Node]:
        if part.title is not None:
            self._knob(f"{path}.title", "Gemini has no titles of documents")
        if part.context is not None:
            self._knob(f"{path}.context", "Gemini has no context of a document")
        if part.citations:
            self._knob(f"{path}.citations", "Gemini cannot be asked to cite from a document")
        match part.source:
            case PlainSource(text):
                return [self._finished({"text": text}, part, path)]
            case BlocksSource(parts):
                self._marked(part, path)
                return [
                    node for index, piece in enumerate(parts) for node in self.nodes(piece, f"{path}.parts[{index}]")
                ]
            case _:
                if not self._abilities.documents:
                    return self._lost(path, "this model does not read documents")
                return self._file(part, "application/pdf", path)

    def _file(self, part: Image | Document | Audio, usual: str, path: str) -> list[Node]:
        """A part's bytes or address. `usual`: the kind that it is of when nothing tells."""
        node = file(part.source, usual)
        if node is None:
            return self._lost(path, "the file was uploaded to another provider")
        return [self._finished(node, part, path)]

    def _own(self, part: ServerToolCall | ServerToolResult | Opaque, path: str) -> list[Node]:
        if part.origin != NAME:
            return self._lost(path, f"only {part.origin} understands this")
        return [dict(part.body)] if isinstance(part.body, dict) else []

    def _finished(self, node: Node, part: Text | Image | Document | Audio | ToolResult, path: str) -> Node:
        self._marked(part, path)
        report_foreign(part.extras, path, self._losses)
        return completed(node, part.extras)

    def _marked(self, part: Text | Image | Document | Audio | ToolCall | ToolResult, path: str) -> None:
        if part.cache is not None:
            self._knob(f"{path}.cache", "Gemini caches by itself and has no marks")

    def _knob(self, path: str, why: str) -> None:
        self._losses.append(Loss(path, why))

    def _lost(self, path: str, why: str) -> list[Node]:
        self._losses.append(Loss(path, why, "meaning"))
        return []


def file(source: Source, usual: str) -> Node | None:
    """The wire part for bytes, an address or a stored file; None when it is none that the API could read."""
    match source:
        case Base64Source(media_type, data):
            return {"inlineData": {"mimeType": _RIGHT.get(media_type, media_type), "data": data}}
        case UrlSource(url, media_type):
            ending = url.partition("?")[0].rpartition(".")[2].lower()
            return {"fileData": {"mimeType": media_type or _ENDINGS.get(ending, usual), "fileUri": url}}
        case FileSource(file_id, dialect):
            return {"fileData": {"fileUri": file_id}} if dialect == NAME else None
        case PlainSource() | BlocksSource():
            return None
        case _:
            assert_never(source)


def thought(part: Thinking | RedactedThinking) -> Node:
    """The wire part of a thought."""
    if isinstance(part, RedactedThinking):
        return completed({"text": "", SIGNATURE: part.data}, part.extras)
    node: Node = {"text": part.text, "thought": True}
    if part.signature:
        node[SIGNATURE] = part.signature
    return completed(node, part.extras)


def call(part: ToolCall) -> Node:
    """The wire part of a call. Its `args` is the arguments' own text where that is an object."""
    said: Node = {} if not part.id or is_made(part.id) else {"id": part.id}
    said |= {"name": part.name, "args": args_of(part.arguments)}
    return completed({"functionCall": said}, part.extras)


def args_of(arguments: str) -> Raw | Node:
    """Arguments as an object: their own text if it is one; empty for none; else inside `INVALID_JSON`."""
    if not arguments or arguments.isspace():
        return {}
    return Raw(arguments.encode()) if is_object(arguments) else {INVALID_JSON: arguments}


def response_of(texts: list[str], *, failed: bool) -> Raw | Node:
    """What a function gave, as the object that the API wants: the text itself where it is one."""
    if failed:
        return {ERROR: texts[0] if len(texts) == 1 else texts}
    if not texts:
        return {}
    if len(texts) > 1:
        return {OUTPUT: texts}
    return Raw(texts[0].encode()) if _is_response(texts[0]) else {OUTPUT: texts[0]}


def _is_response(text: str) -> bool:
    """Whether `text` is an object that could not be taken for this API's way of saying a text, an error or nothing."""
    if not text.startswith("{"):
        return False
    try:
        said = _OBJECT.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    spoken = said.get(OUTPUT) or said.get(ERROR) if len(said) == 1 else None
    return bool(said) and (spoken is None or not texts_in(msgspec.json.decode(spoken)))


def is_object(text: str) -> bool:
    """Whether `text` is a JSON object."""
    try:
        _OBJECT.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
