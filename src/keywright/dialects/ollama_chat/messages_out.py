"""Turns to messages.

A message has pictures and one text, and the pictures come first. So a turn of several texts, or with a picture after
a text, becomes several messages of its role, as Ollama itself makes them of OpenAI's content parts: the order stays.
An assistant's texts are one, for they were one answer.

What the wire cannot say, and its image:
- a tool's error flag: the content goes, the flag is a knob loss; the texts of one result are joined by line ends;
- pictures by address or as an uploaded file, documents but plain texts, sound, provider-run tools: meaning is lost;
- a document of text: its text; its title and the like are knob losses;
- thinking that another dialect's provider made: a knob loss, for it is never sent as if this model had thought it;
- a speaker's name, marks to cache, citations: knob losses.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
    BlocksSource,
    Document,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from keywright.dialects.documents import plain_text
from keywright.dialects.ollama.family import FAMILY
from keywright.dialects.ollama.target import Target
from keywright.dialects.ollama.tools import INVALID_JSON, arguments_object, encode_call

_ROLES: Final = {"system": "system", "developer": "system", "user": "user"}


class _Said:
    """What is being put into one message."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.images: list[Json] = []


class Messages:
    """Turns to the messages for one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._names: dict[str, str] = {}  # of the tools, by their calls' ids

    def of(self, turns: Sequence[Turn]) -> list[Json]:
        """The messages that say `turns`."""
        messages: list[Json] = []
        for index, turn in enumerate(turns):
            path = f"turns[{index}]"
            extra = self._target.extras(turn.extras, path)
            if turn.name is not None:
                self._target.knob(f"{path}.name", "Ollama has no names of speakers")
            match turn.role:
                case "system" | "developer" | "user":
                    messages += self._spoken(turn, path, extra)
                case "assistant":
                    messages.append({**self._assistant(turn, path), **extra})
                case "tool":
                    messages += self._results(turn, path)
                case _:
                    assert_never(turn.role)
        return messages

    def _spoken(self, turn: Turn, path: str, extra: JsonObject) -> list[Json]:
        messages: list[Json] = []
        said = _Said()
        role = _ROLES[turn.role]
        for index, part in enumerate(turn.parts):
            before = len(said.texts)
            if before:
                messages.append(_message(role, said, extra))
                said = _Said()
            self._part(part, said, f"{path}.parts[{index}]")
        if said.texts or said.images or not messages:
            messages.append(_message(role, said, extra))
        return messages

    def _assistant(self, turn: Turn, path: str) -> JsonObject:
        said = _Said()
        thoughts: list[str] = []
        calls: list[Json] = []
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            if isinstance(part, ToolCall):
                calls.append(self._call(part, at))
            elif isinstance(part, Thinking | RedactedThinking):
                self._thought(part, thoughts, at)
            else:
                if calls:
                    self._target.knob(at, "what follows a tool call is put before it")
                self._part(part, said, at)
        message = _message("assistant", said, {})
        if thoughts:
            message["thinking"] = "".join(thoughts)
        if calls:
            message["tool_calls"] = calls
        return message

    def _results(self, turn: Turn, path: str) -> list[Json]:
        messages: list[Json] = []
        for index, part in enumerate(turn.parts):
            at = f"{path}.parts[{index}]"
            if not isinstance(part, ToolResult):
                self._target.meaning(at, "only tool results may stand among tool results")
                continue
            if part.is_error:
                self._target.knob(f"{at}.is_error", "Ollama has no flag for a tool's error; its content is sent")
            self._target.uncached(part.cache, at)
            extra = self._target.extras(part.extras, at)
            said = _Said()
            for place, piece in enumerate(part.parts):
                self._part(piece, said, f"{at}.parts[{place}]")
            message = _message("tool", said, {}, "\n")
            if name := part.name or self._names.get(part.call_id):
                message["tool_name"] = name
            messages.append({**message, **extra})
        return messages

    def _call(self, call: ToolCall, path: str) -> JsonObject:
        self._names[call.id] = call.name
        self._target.uncached(call.cache, path)
        self._target.extras(call.extras, path)
        if arguments_object(call.arguments) is None:
            self._target.knob(f"{path}.arguments", f"not a JSON object: sent inside {INVALID_JSON}")
        return encode_call(call, with_id=False)

    def _thought(self, part: Thinking | RedactedThinking, thoughts: list[str], path: str) -> None:
        if isinstance(part, RedactedThinking):
            self._target.knob(path, f"only {part.origin} can read this thinking")
        elif part.origin not in FAMILY and part.origin is not None:
            self._target.knob(path, f"thinking made for {part.origin} means nothing to another provider")
        else:
            self._target.extras(part.extras, path)
            if part.signature is not None:
                self._target.knob(f"{path}.signature", "Ollama has no signatures")
            thoughts.append(part.text)

    def _part(self, part: Part, said: _Said, path: str) -> None:
        """Put `part` into `said`, or report it."""
        match part:
            case Text():
                if part.citations:
                    self._target.knob(f"{path}.citations", "Ollama has no citations")
                said.texts.append(part.text)
            case Refusal():
                said.texts.append(part.text)
            case Image():
                self._image(part, said, path)
            case Document():
                self._document(part, said, path)
            case Audio():
                self._target.meaning(path, "Ollama takes no sound")
            case Opaque() | ServerToolCall() | ServerToolResult():
                self._target.meaning(path, f"only {part.origin} understands this part")
            case ToolCall() | ToolResult() | Thinking() | RedactedThinking():
                self._target.meaning(path, "this part cannot stand here")
            case _:
                assert_never(part)
        if isinstance(part, Text | Image | Document | Audio):
            self._target.uncached(part.cache, path)
        if isinstance(part, Text | Image | Document | Audio | Refusal):
            self._target.extras(part.extras, path)

    def _image(self, part: Image, said: _Said, path: str) -> None:
        if not self._target.abilities.images:
            self._target.meaning(path, "the model cannot see images")
        elif isinstance(part.source, Base64Source):
            said.images.append(part.source.data)
        else:
            self._target.meaning(path, "Ollama takes images as data only")
        if part.detail is not None:
            self._target.knob(f"{path}.detail", "Ollama has no detail of images")

    def _document(self, part: Document, said: _Said, path: str) -> None:
        for field in ("title", "context", "citations"):
            if getattr(part, field):
                self._target.knob(f"{path}.{field}", "Ollama takes a document as its bare text")
        text = plain_text(part.source)
        if text is not None:
            said.texts.append(text)
        elif isinstance(part.source, BlocksSource):
            for index, piece in enumerate(part.source.parts):
                self._part(piece, said, f"{path}.parts[{index}]")
        else:
            self._target.meaning(path, "Ollama reads no documents but plain texts")


def _message(role: str, said: _Said, extra: JsonObject, joint: str = "") -> JsonObject:
    message: JsonObject = {"role": role, "content": joint.join(said.texts)}
    if said.images:
        message["images"] = said.images
    return {**message, **extra}
