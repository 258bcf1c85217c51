"""Canonical turns to this wire's messages.

What the wire cannot say, and its image:
- a tool's error flag: the content goes, the flag is a knob loss (no prefix is made up: the content is the tool's own);
- files in a tool's result: OpenAI takes text only there, so they follow in a user message, a knob loss;
- a plain-text document: its text, as a text part; a document made of blocks: the blocks; their titles are knob losses;
- a document by address, another dialect's uploaded file or opaque part, a provider-run tool: meaning is lost;
- thinking that another dialect's provider made: a knob loss, for it is never sent as text;
- a call with empty arguments: an empty object, since OpenAI wants JSON there;
- a last turn that the assistant began: sent, but OpenAI does not go on with it, a knob loss;
- a PDF whose title does not end with `.pdf`: it does, since OpenAI goes by that;
- thinking, text and calls in another order than this: the order, a knob loss;
- calls of one round in several turns: one message, since OpenAI wants all of them answered right behind it.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

import msgspec

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
from keywright.dialects.openai_chat.fields import NAME, own
from keywright.dialects.openai_chat.parts import audio_format, data_url, file_name, image_url
from keywright.dialects.openai_chat.target import Target
from keywright.dialects.openai_chat.thinking import CHUNK, encode_chunk, encode_thinking, is_chunk, is_thought
from keywright.dialects.openai_chat.tools import encode_calls, is_legacy
from keywright.dialects.rounds import added

_ALLOWED: Final[dict[str, tuple[type, ...]]] = {
    "system": (Text,),
    "user": (Text, Image, Document, Audio, Opaque),
    "assistant": (Text, Thinking, Refusal, Opaque),
    "tool": (Text,),
}
_Placed: TypeAlias = list[tuple[int, Part]]
"""Parts with their places in their turn."""

_MOVED: Final = "Attached below are the files that the tools returned."


def encode_messages(turns: Sequence[Turn], target: Target) -> list[Json]:
    """The messages that say `turns`."""
    messages: list[Json] = []
    path = ""
    for index, turn in enumerate(turns):
        path = f"turns[{index}]"
        extra = target.extras(turn.extras, path)
        match turn.role:
            case "system" | "developer":
                messages.append(_spoken(turn, target.abilities.system_role, path, extra, target))
            case "user":
                messages.append(_spoken(turn, "user", path, extra, target))
            case "assistant":
                message = _assistant(turn, path, extra, target)
                if message is not None and not added(message, messages):
                    messages.append(message)
            case "tool":
                messages += _tool_messages(turn, path, target)
            case _:
                assert_never(turn.role)
    if turns and turns[-1].role == "assistant" and all(isinstance(part, Text) for part in turns[-1].parts):
        target.knob(path, "OpenAI does not go on with an assistant's turn: it answers anew")
    return messages


def _spoken(turn: Turn, role: str, path: str, extra: JsonObject, target: Target) -> JsonObject:
    """The message of a system's or user's turn."""
    place = "user" if turn.role == "user" else "system"
    content = _content(list(enumerate(turn.parts)), place, path, target, marked=bool(extra))
    message: JsonObject = {"role": role, "content": content}
    if turn.name is not None:
        message["name"] = turn.name
    return {**message, **extra} if extra else message


def _assistant(turn: Turn, path: str, extra: JsonObject, target: Target) -> JsonObject | None:
    """The message; None when nothing that could be sent is left of it."""
    thoughts: list[Part] = []
    said: _Placed = []
    calls: list[ToolCall] = []
    message: JsonObject = {"role": "assistant", "content": None}
    for index, part in enumerate(turn.parts):
        if is_thought(part) and not is_chunk(part):
            _thought(part, f"{path}.parts[{index}]", thoughts, target)
        elif isinstance(part, ToolCall):
            _check_call(part, f"{path}.parts[{index}]", target)
            calls.append(part if part.arguments or part.custom else msgspec.structs.replace(part, arguments="{}"))
        elif isinstance(part, Opaque) and part.origin == NAME and part.kind == "audio":
            message["audio"] = part.body
        else:
            if calls:
                target.knob(f"{path}.parts", "text after a tool call is put before it")
            said.append((index, part))
    if len(said) == 1 and isinstance(said[0][1], Refusal):
        message["refusal"] = said[0][1].text
    elif said:
        message["content"] = _content(said, "assistant", path, target, marked=bool(extra))
    message |= encode_calls(calls, legacy=bool(calls) and is_legacy(calls[0].extras))
    message |= encode_thinking(thoughts)
    annotations = _annotations(said, path, target)
    if annotations:
        message["annotations"] = annotations
    if turn.name is not None:
        message["name"] = turn.name
    if len(message) == 2 and not said and not extra:
        return None
    return {**message, **extra}


def _thought(part: Part, path: str, thoughts: list[Part], target: Target) -> None:
    origin = part.origin if isinstance(part, Thinking | RedactedThinking) else NAME
    if origin in (None, NAME):
        thoughts.append(part)
    else:
        target.knob(path, f"thinking made for {origin} means nothing to another provider")


def _annotations(said: _Placed, path: str, target: Target) -> list[Json]:
    annotations: list[Json] = []
    for index, part in said:
        for citation in part.citations if isinstance(part, Text) else ():
            if citation.origin == NAME:
                annotations.append(citation.body)
            else:
                target.knob(f"{path}.parts[{index}].citations", "citations of another provider are not sent back")
    return annotations


def _tool_messages(turn: Turn, path: str, target: Target) -> list[Json]:
    messages: list[Json] = []
    moved: list[Json] = []
    for index, part in enumerate(turn.parts):
        at = f"{path}.parts[{index}]"
        if not isinstance(part, ToolResult):
            target.meaning(at, "only tool results may stand among tool results")
            continue
        if part.is_error:
            target.knob(f"{at}.is_error", "OpenAI has no flag for a tool's error; its content is sent")
        extra = target.extras(part.extras, at)
        worded: _Placed = []
        for place, piece in enumerate(part.parts):
            if isinstance(piece, Image | Document | Audio) and not _is_worded(piece):
                target.knob(f"{at}.parts", "OpenAI takes only text from a tool; its files follow in a user message")
                moved += _encoded(piece, "user", f"{at}.parts[{place}]", target)
            else:
                worded.append((place, piece))
        content = _content(worded, "tool", at, target, marked=bool(extra))
        if mark := target.mark(part.cache, extra):
            content = _marked(content, mark)
        if is_legacy(part.extras):
            messages.append({"role": "function", "name": part.name or "", "content": content})
        else:
            messages.append({"role": "tool", "tool_call_id": part.call_id, "content": content, **extra})
    if moved:
        messages.append({"role": "user", "content": [{"type": "text", "text": _MOVED}, *moved]})
    return messages


def _content(parts: _Placed, place: str, path: str, target: Target, *, marked: bool) -> Json:
    """A string when one plain text is all there is, else a list of parts.

    `marked`: the message may carry the cache mark of its last part.
    """
    if len(parts) == 1:
        _, only = parts[0]
        if isinstance(only, Text) and not only.extras and (marked or not target.mark(only.cache, {})):
            return only.text
    encoded: list[Json] = []
    for index, part in parts:
        encoded += _encoded(part, place, f"{path}.parts[{index}]", target)
    return encoded or ""


def _encoded(part: Part, place: str, path: str, target: Target) -> list[Json]:
    """The content parts that say `part`; none when it is lost."""
    if not isinstance(part, _ALLOWED[place]) and not (isinstance(part, Document) and _is_text(part)):
        target.meaning(path, f"OpenAI's {place} messages hold no {_kind(part)}")
        return []
    encoded: JsonObject
    match part:
        case Text():
            encoded = {"type": "text", "text": part.text}
        case Refusal():
            encoded = {"type": "refusal", "refusal": part.text}
        case Thinking():
            return [encode_chunk(part, own(part.extras).get(CHUNK))]
        case Image():
            return _image(part, path, target)
        case Document():
            return _document(part, place, path, target)
        case Audio():
            return _audio(part, path, target)
        case Opaque():
            if part.origin == NAME:
                return [part.body]
            target.meaning(path, f"only {part.origin} understands {part.kind}")
            return []
        case ToolCall() | ToolResult() | RedactedThinking() | ServerToolCall() | ServerToolResult():
            return []
        case _:
            assert_never(part)
    return [_finished(encoded, part, path, target)]


def _image(part: Image, path: str, target: Target) -> list[Json]:
    if not target.abilities.images:
        target.meaning(path, "the model cannot see images")
    elif isinstance(part.source, Base64Source | UrlSource):
        inner: JsonObject = {"url": image_url(part.source)}
        if part.detail is not None:
            inner["detail"] = part.detail
        return [_finished({"type": "image_url", "image_url": inner}, part, path, target)]
    else:
        target.meaning(path, "OpenAI takes images by address or as data only")
    return []


def _document(part: Document, place: str, path: str, target: Target) -> list[Json]:
    source = part.source
    if part.context is not None:
        target.knob(f"{path}.context", "OpenAI has no context of a document")
    if part.citations:
        target.knob(f"{path}.citations", "OpenAI cannot be asked to cite from a document")
    if isinstance(source, PlainSource | BlocksSource):
        if part.title is not None:
            target.knob(f"{path}.title", "a document of text is sent as text, without its title")
        pieces = (Text(source.text),) if isinstance(source, PlainSource) else source.parts
        placed = [(piece, f"{path}.parts[{index}]") for index, piece in enumerate(pieces)]
        texts = [encoded for piece, at in placed for encoded in _encoded(piece, place, at, target)]
        mark = target.mark(part.cache, {})
        return _marked(texts, mark) if texts and mark else texts
    inner: JsonObject
    match source:
        case Base64Source():
            inner = {"filename": file_name(part.title, source.media_type), "file_data": data_url(source)}
        case FileSource() if source.dialect == NAME:
            inner = (
                {"file_id": source.file_id}
                if part.title is None
                else {"file_id": source.file_id, "filename": part.title}
            )
        case FileSource():
            target.meaning(path, f"the file was uploaded to {source.dialect}")
            return []
        case UrlSource() if "file" in own(part.extras):
            inner = {} if part.title is None else {"filename": part.title}
        case UrlSource():
            target.meaning(path, "OpenAI takes no document by address")
            return []
        case _:
            assert_never(source)
    if not target.abilities.documents:
        target.meaning(path, "the model cannot read documents")
        return []
    return [_finished({"type": "file", "file": inner}, part, path, target)]


def _audio(part: Audio, path: str, target: Target) -> list[Json]:
    if not target.abilities.audio:
        target.meaning(path, "the model cannot hear")
    elif isinstance(part.source, Base64Source):
        inner: JsonObject = {"data": part.source.data, "format": audio_format(part, part.source)}
        return [_finished({"type": "input_audio", "input_audio": inner}, part, path, target)]
    else:
        target.meaning(path, "OpenAI takes sound as data only")
    return []


def _finished(encoded: JsonObject, part: Text | Refusal | Image | Document | Audio, path: str, target: Target) -> Json:
    """`encoded` with the extras of `part`: those of an inner object go into that."""
    extra = target.extras(part.extras, path)
    if not isinstance(part, Refusal):
        encoded |= target.mark(part.cache, extra)
    for field, value in extra.items():
        inner = encoded.get(field)
        encoded[field] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
    return encoded


def _check_call(call: ToolCall, path: str, target: Target) -> None:
    extra = target.extras(call.extras, path)
    if call.cache is not None and "cache_control" not in extra:
        target.knob("cache", "a tool's call cannot carry a cache mark")


def _marked(content: Json, mark: JsonObject) -> list[Json]:
    """A message's content as parts, the last of which carries `mark`."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    last = parts[-1]
    return [*parts[:-1], last | mark if isinstance(last, dict) else last]


def _is_text(part: Document) -> bool:
    return isinstance(part.source, PlainSource | BlocksSource)


def _is_worded(part: Image | Document | Audio) -> bool:
    """Whether a file is text and nothing else."""
    source = part.source
    return isinstance(source, PlainSource) or (
        isinstance(source, BlocksSource) and all(isinstance(piece, Text) for piece in source.parts)
    )


def _kind(part: Part) -> str:
    if isinstance(part, Opaque):
        return f"{part.kind} of {part.origin}"
    return str(part.__struct_config__.tag).replace("_", " ")
