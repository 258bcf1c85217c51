"""Canonical turns to this wire's messages.

What differs from OpenAI's: a developer's turn is a system's; thoughts are chunks of the content, in their place;
documents go by address, which may hold their bytes; a tool's result may hold pictures and documents; a call's id has
a form of its own; a last turn of the assistant is a `prefix` that the model goes on with.

What the wire cannot say, and its image:
- a tool's error flag, a speaker's name, a cache mark: a knob loss;
- a refusal: its text, a knob loss; a document of text or of blocks: its text and pictures, its title a knob loss;
- thinking that another provider signed or sealed: a knob loss. What no provider signed is sent, for it is plain text to
  this one and nothing else proves its own thoughts either;
- a last turn of the system: a user's, a knob loss;
- another dialect's uploaded file or opaque part, a provider-run tool: meaning is lost.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from keywright.core.json import Json, JsonObject
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
from keywright.dialects.mistral.ids import outward
from keywright.dialects.mistral.wire import NAME, READ_AS, own, understood
from keywright.dialects.openai_chat.parts import data_url, image_url
from keywright.dialects.openai_chat.target import Target
from keywright.dialects.openai_chat.thinking import CHUNK, encode_chunk
from keywright.dialects.rounds import added

_SPOKEN: Final = (Text, Thinking, Refusal)
_SHOWN: Final = (Text, Image, Document, Audio, Opaque)
_ALLOWED: Final[dict[str, tuple[type, ...]]] = {
    "system": _SPOKEN,
    "user": (*_SHOWN, Thinking),
    "assistant": (*_SPOKEN, Opaque),
    "tool": _SHOWN,
}


def encode_messages(turns: Sequence[Turn], target: Target) -> list[Json]:
    """The messages that say `turns`."""
    messages: list[Json] = []
    for index, turn in enumerate(turns):
        path = f"turns[{index}]"
        extra = target.extras(turn.extras, path)
        if turn.name is not None:
            target.knob(f"{path}.name", "Mistral has no names of speakers")
        match turn.role:
            case "system" | "developer":
                role = "system"
                if index == len(turns) - 1:
                    role = "user"
                    target.knob(
                        f"{path}.role", "Mistral wants a user or a tool to speak last: it is sent as the user's"
                    )
                messages.append({"role": role, "content": _content(turn.parts, "system", path, target), **extra})
            case "user":
                messages.append({"role": "user", "content": _content(turn.parts, "user", path, target), **extra})
            case "assistant":
                message = _assistant(turn, path, target)
                if index == len(turns) - 1 and "tool_calls" not in message:
                    message["prefix"] = True
                if message["content"] or len(message) > 2 or extra:
                    message |= extra
                    if not added(message, messages):
                        messages.append(message)
            case "tool":
                messages += _results(turn, path, extra, target)
            case _:
                assert_never(turn.role)
    return messages


def _assistant(turn: Turn, path: str, target: Target) -> JsonObject:
    said: list[Json] = []
    calls: list[Json] = []
    for index, part in enumerate(turn.parts):
        at = f"{path}.parts[{index}]"
        if isinstance(part, ToolCall):
            calls += _call(part, at, target)
            continue
        if calls:
            target.knob(f"{path}.parts", "text after a tool call is put before it")
        said += _chunks(part, "assistant", at, target)
    message: JsonObject = {"role": "assistant", "content": _condensed(said)}
    return {**message, "tool_calls": calls} if calls else message


def _call(call: ToolCall, path: str, target: Target) -> list[Json]:
    if call.custom:
        target.meaning(path, "Mistral has no calls of free-text tools")
        return []
    extra = target.extras(call.extras, path)
    target.mark(call.cache, extra)
    inner = extra.get("function")
    more: JsonObject = inner if isinstance(inner, dict) else {}
    function: JsonObject = {"name": call.name, "arguments": call.arguments or "{}", **more}
    return [{**extra, "id": outward(call.id), "type": "function", "function": function}]


def _results(turn: Turn, path: str, extra: JsonObject, target: Target) -> list[Json]:
    messages: list[Json] = []
    for index, part in enumerate(turn.parts):
        at = f"{path}.parts[{index}]"
        if not isinstance(part, ToolResult):
            target.meaning(at, "only tool results may stand among tool results")
            continue
        if part.is_error:
            target.knob(f"{at}.is_error", "Mistral has no flag for a tool's error; its content is sent")
        more = target.extras(part.extras, at)
        target.mark(part.cache, more)
        message: JsonObject = {"role": "tool", "tool_call_id": outward(part.call_id)}
        if part.name is not None:
            message["name"] = part.name
        messages.append({**message, "content": _content(part.parts, "tool", at, target), **extra, **more})
    return messages


def _content(parts: Iterable[Part], place: str, path: str, target: Target) -> Json:
    chunks = [_chunks(part, place, f"{path}.parts[{index}]", target) for index, part in enumerate(parts)]
    return _condensed([chunk for each in chunks for chunk in each])


def _condensed(chunks: list[Json]) -> Json:
    """A string when one plain text is all there is, else the chunks."""
    if not chunks:
        return ""
    match chunks:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
        case _:
            return chunks


def _chunks(part: Part, place: str, path: str, target: Target) -> list[Json]:
    """The chunks that say `part`; none when it is lost."""
    if _is_sealed(part):
        target.knob(path, "thinking that was signed or sealed for another provider means nothing to this one")
        return []
    if isinstance(part, Document) and isinstance(part.source, PlainSource | BlocksSource):
        return _worded(part, part.source, place, path, target)
    if not isinstance(part, _ALLOWED[place]):
        target.meaning(path, f"Mistral's {place} messages hold no {str(part.__struct_config__.tag).replace('_', ' ')}")
        return []
    match part:
        case Text():
            return _text(part, path, target)
        case Thinking():
            return [encode_chunk(part, own(part.extras).get(CHUNK))]
        case Refusal():
            target.knob(path, "Mistral has no refusal part: sent as text")
            return [{"type": "text", "text": part.text}]
        case Image() | Document() | Audio():
            return _file(part, path, target)
        case Opaque():
            return _opaque(part, place, path, target)
        case RedactedThinking() | ToolCall() | ToolResult() | ServerToolCall() | ServerToolResult():
            return []  # said above, or not allowed anywhere
        case _:
            assert_never(part)


def _is_sealed(part: Part) -> bool:
    """Whether it is thinking that only another provider can read, or take for its own."""
    return isinstance(part, RedactedThinking) or (
        isinstance(part, Thinking) and part.signature is not None and part.origin != NAME
    )


def _opaque(part: Opaque, place: str, path: str, target: Target) -> list[Json]:
    """A part of this dialect's own, or one of its kinds from a client of the wire that it is modelled on."""
    if part.origin == NAME:
        return [part.body]
    known = understood(part) if part.origin == READ_AS else part
    if not isinstance(known, Opaque):
        return _chunks(known, place, path, target)
    target.meaning(path, f"only {part.origin} understands {part.kind}")
    return []


def _text(part: Text, path: str, target: Target) -> list[Json]:
    """A text, and behind it the references that it has."""
    extra = target.extras(part.extras, path)
    target.mark(part.cache, extra)
    references: list[Json] = [citation.body for citation in part.citations if citation.origin == NAME]
    if len(references) < len(part.citations):
        target.knob(f"{path}.citations", "citations of another provider are not sent back")
    said: list[Json] = [{"type": "text", "text": part.text, **extra}] if part.text or not references else []
    return said + references


def _worded(part: Document, source: PlainSource | BlocksSource, place: str, path: str, target: Target) -> list[Json]:
    """A document of text or of blocks, as what it holds."""
    _tell_document(part, path, target)
    if part.title is not None:
        target.knob(f"{path}.title", "a document of text is sent as text, without its title")
    target.mark(part.cache, {})
    pieces = (Text(source.text),) if isinstance(source, PlainSource) else source.parts
    chunks = [_chunks(piece, place, f"{path}.parts[{index}]", target) for index, piece in enumerate(pieces)]
    return [chunk for each in chunks for chunk in each]


def _tell_document(part: Document, path: str, target: Target) -> None:
    if part.context is not None:
        target.knob(f"{path}.context", "Mistral has no context of a document")
    if part.citations:
        target.knob(f"{path}.citations", "Mistral cannot be asked to cite from a document")


def _file(part: Image | Document | Audio, path: str, target: Target) -> list[Json]:
    """A picture, document or sound, with its extras: those of an inner object go into that."""
    match part:
        case Image():
            said = _image(part, path, target)
        case Document():
            said = _document(part, path, target)
        case Audio():
            said = _audio(part, path, target)
        case _:
            assert_never(part)
    if said is None:
        return []
    extra = target.extras(part.extras, path)
    target.mark(part.cache, extra)
    for field, value in extra.items():
        inner = said.get(field)
        said[field] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
    return [said]


def _image(part: Image, path: str, target: Target) -> JsonObject | None:
    if not target.abilities.images:
        target.meaning(path, "the model cannot see images")
        return None
    if not isinstance(part.source, Base64Source | UrlSource):
        target.meaning(path, "Mistral takes images by address or as data only")
        return None
    url = image_url(part.source)
    detail: JsonObject = {} if part.detail is None else {"detail": part.detail}
    said: Json = {"url": url, **detail} if detail or "image_url" in own(part.extras) else url
    return {"type": "image_url", "image_url": said}


def _document(part: Document, path: str, target: Target) -> JsonObject | None:
    if not target.abilities.documents:
        target.meaning(path, "the model cannot read documents")
        return None
    _tell_document(part, path, target)
    named: JsonObject = {} if part.title is None else {"document_name": part.title}
    match part.source:
        case Base64Source():
            return {"type": "document_url", "document_url": data_url(part.source), **named}
        case UrlSource(url):
            return {"type": "document_url", "document_url": url, **named}
        case FileSource(number, dialect) if dialect == NAME:
            return {"type": "file", "file_id": number}
        case _:
            target.meaning(path, "Mistral takes documents by address, as data, or as a file of its own")
            return None


def _audio(part: Audio, path: str, target: Target) -> JsonObject | None:
    if not target.abilities.audio:
        target.meaning(path, "the model cannot hear")
        return None
    match part.source:
        case Base64Source(_, data):
            return {"type": "input_audio", "input_audio": data}
        case UrlSource(url):
            return {"type": "input_audio", "input_audio": url}
        case _:
            target.meaning(path, "Mistral takes sound by address or as data only")
            return None
