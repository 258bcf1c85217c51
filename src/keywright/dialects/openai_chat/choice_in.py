"""One choice of an upstream's stream: its deltas to parts."""

from typing import Final

from keywright.core.event import (
    ArgumentsDelta,
    CitationDelta,
    Closed,
    Event,
    Finished,
    Opened,
    SignatureDelta,
    TextDelta,
)
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.core.message import Citation, Opaque, Part, Refusal, Text, Thinking, ToolCall
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_chat.fields import NAME, own
from keywright.dialects.openai_chat.finish import decode_finish
from keywright.dialects.openai_chat.parts import decode_citations, decode_content, decode_part
from keywright.dialects.openai_chat.thinking import (
    CHUNK,
    DETAILS,
    PLAIN_FIELDS,
    decode_detail,
    field_extras,
    take_plain,
)
from keywright.dialects.openai_chat.tools import LEGACY, call_arguments

PARTS_MAX: Final = 4_096
_FAST_FIELDS: Final = frozenset(("role", "content"))


class _Call:
    """A tool call that is being written."""

    __slots__ = ("id", "part")

    def __init__(self, part: int, id_: str) -> None:
        self.part = part
        self.id = id_


class ChoiceReader:
    """The state of one choice. `prefix` begins the ids of tool calls that come without one."""

    def __init__(self, index: int, prefix: str) -> None:
        self.finished = False
        self._index = index
        self._prefix = prefix
        self._parts = 0
        self._open: int | None = None  # the part that text flows into; its key:
        self._key: str | int | None = None
        self._calls: dict[int, _Call] = {}
        self._audio: JsonObject = {}
        self._extra: JsonObject = {}
        self._message: JsonObject = {}

    def add(self, delta: JsonObject, events: list[Event]) -> None:
        """Take one delta.

        Raises:
            WrongFieldError: it is malformed.
        """
        content = delta.get("content")
        if content.__class__ is str and delta.keys() <= _FAST_FIELDS:  # nearly every chunk
            if content:
                self._text("content", Text(""), content, events)
            return
        rest = dict(delta)
        rest.pop("role", None)
        if DETAILS in rest or PLAIN_FIELDS[0] in rest or PLAIN_FIELDS[1] in rest:
            self._thoughts(rest, events)
        self._content(rest.pop("content", None), events)
        refusal = rest.pop("refusal", None)
        if refusal and isinstance(refusal, str):
            self._text("refusal", Refusal(""), refusal, events)
        self._tool_calls(rest.pop("tool_calls", None), events)
        self._function_call(rest.pop("function_call", None), events)
        self._attachments(rest, events)
        if rest:
            self._message.update((field, value) for field, value in rest.items() if value is not None)

    def note(self, extra: JsonObject) -> None:
        """Remember fields of the choice that are not modelled; the last of each counts."""
        self._extra.update((field, value) for field, value in extra.items() if value is not None)

    def finish(self, word: str, events: list[Event]) -> None:
        """The choice has ended, as `word` says. Servers repeat it; the first counts."""
        if self.finished:
            return
        self.finished = True
        self._close_parts(events)
        extra = {**self._extra, "message": self._message} if self._message else self._extra
        events.append(Finished(decode_finish(word), self._index, {NAME: extra} if extra else NO_EXTRAS))

    def close(self, events: list[Event]) -> None:
        """The stream has ended: close what a server forgot to finish, or added after the finish."""
        self._close_parts(events)

    def _begin(self, head: Part, events: list[Event]) -> int:
        part = self._parts
        if part >= PARTS_MAX:
            raise WrongFieldError("choices[].delta", f"one of at most {PARTS_MAX} parts")
        self._parts += 1
        events.append(Opened(part, head, self._index))
        return part

    def _whole(self, head: Part, events: list[Event]) -> None:
        self._stop_flow(events)
        events.append(Closed(self._begin(head, events), self._index))

    def _text(self, key: str | int, head: Part, text: str, events: list[Event]) -> None:
        """`text` flows into the open part if that has `key`, else into a new one that begins as `head`."""
        if self._open is None or self._key != key:
            self._stop_flow(events)
            self._open, self._key = self._begin(head, events), key
        if text:
            events.append(TextDelta(self._open, text, self._index))

    def _stop_flow(self, events: list[Event]) -> None:
        if self._open is not None:
            events.append(Closed(self._open, self._index))
            self._open = self._key = None

    def _close_parts(self, events: list[Event]) -> None:
        self._stop_flow(events)
        events.extend(Closed(call.part, self._index) for call in self._calls.values())
        self._calls.clear()
        if self._audio:
            self._whole(Opaque(NAME, "audio", self._audio), events)
            self._audio = {}

    def _content(self, content: Json, events: list[Event]) -> None:
        if isinstance(content, str):
            if content:
                self._text("content", Text(""), content, events)
            return
        for part in decode_content(content, "choices[].delta.content"):
            if isinstance(part, Text):
                self._text("content", Text(""), part.text, events)
            elif isinstance(part, Thinking) and not own(part.extras).get(CHUNK):
                self._text(CHUNK, Thinking("", origin=NAME, extras=part.extras), part.text, events)
                self._sign(part.signature, events)
                if part.signature:
                    self._stop_flow(events)
            else:
                self._whole(part, events)

    def _thoughts(self, rest: JsonObject, events: list[Event]) -> None:
        field, plain = take_plain(rest)
        items = rest.pop(DETAILS, None) or []
        if not isinstance(items, list):
            raise WrongFieldError(f"choices[].delta.{DETAILS}", "an array")
        path = f"choices[].delta.{DETAILS}"
        details = [decode_detail(item, f"{path}[{index}]") for index, item in enumerate(items)]
        worded = any(part.text for part in details if isinstance(part, Thinking))
        if plain and not worded:
            self._text("plain", Thinking("", origin=NAME, extras=field_extras(field)), plain, events)
        for position, (item, part) in enumerate(zip(items, details, strict=True)):
            if isinstance(part, Thinking):
                number = item.get("index") if isinstance(item, dict) else None
                key = number if isinstance(number, int) else position
                self._thought(part, key, field if plain and worded else "" if worded else None, events)
            else:
                self._whole(part, events)

    def _thought(self, thought: Thinking, key: int, field: str | None, events: list[Event]) -> None:
        """`thought` is a piece of the thought with `key`. Without words it may sign the one that is open."""
        signs = not thought.text and self._open is not None and self._key in ("plain", key)
        if not signs:
            detail = own(thought.extras).get("detail")
            kept = detail if isinstance(detail, dict) else None
            extras = field_extras("reasoning_content" if field is None else field, kept)
            self._text(key, Thinking("", origin=thought.origin, extras=extras), thought.text, events)
        self._sign(thought.signature, events)

    def _sign(self, signature: str | None, events: list[Event]) -> None:
        if signature and self._open is not None:
            events.append(SignatureDelta(self._open, signature, self._index))

    def _tool_calls(self, calls: Json, events: list[Event]) -> None:
        if not calls:
            return
        if not isinstance(calls, list):
            raise WrongFieldError("choices[].delta.tool_calls", "an array")
        self._stop_flow(events)
        for position, value in enumerate(calls):
            call = Fields(value, f"choices[].delta.tool_calls[{position}]")
            kind = call.text("type")
            inner = call.object("custom" if kind == "custom" else "function") or Fields({}, call.path)
            name, text = inner.text("name"), inner.json("input") if kind == "custom" else inner.json("arguments")
            number = call.text("id")
            index = call.integer("index")
            found = self._found(index, number, name, position)
            if found is None:
                found = self._new_call(index, number, name or "", custom=kind == "custom", events=events)
            if arguments := call_arguments(text):
                events.append(ArgumentsDelta(found.part, arguments, self._index))

    def _found(self, index: int | None, number: str | None, name: str | None, position: int) -> _Call | None:
        """The call that a piece belongs to; None when it begins a new one."""
        if index is None:
            if number is not None:
                return next((call for call in self._calls.values() if call.id == number), None)
            return None if name or not self._calls else list(self._calls.values())[-1 if position == 0 else position]
        found = self._calls.get(index)
        if found is not None and number and name and number != found.id:
            return next((call for call in self._calls.values() if call.id == number), None)
        return found

    def _new_call(
        self, index: int | None, number: str | None, name: str, *, custom: bool, events: list[Event]
    ) -> _Call:
        if index is None or index in self._calls:
            index = max(self._calls, default=-1) + 1
        number = number or f"{self._prefix}_{self._parts}"
        call = _Call(self._begin(ToolCall(number, name, "", custom=custom), events), number)
        self._calls[index] = call
        return call

    def _function_call(self, value: Json, events: list[Event]) -> None:
        """The deprecated single call."""
        if not value:
            return
        call = Fields(value, "choices[].delta.function_call")
        name, arguments = call.text("name"), call_arguments(call.json("arguments"))
        found = self._calls.get(-1)
        if found is None:
            if not name:
                return
            self._stop_flow(events)
            number = f"{self._prefix}_f"
            found = self._calls[-1] = _Call(self._begin(ToolCall(number, name, "", extras=LEGACY), events), number)
        if arguments:
            events.append(ArgumentsDelta(found.part, arguments, self._index))

    def _attachments(self, rest: JsonObject, events: list[Event]) -> None:
        annotations = rest.pop("annotations", None)
        if isinstance(annotations, list):
            for citation in decode_citations(annotations):
                self._cite(citation, events)
        images = rest.pop("images", None)
        if isinstance(images, list):
            for item in images:
                self._whole(decode_part(item, "choices[].delta.images"), events)
        audio = rest.pop("audio", None)
        if isinstance(audio, dict):
            for field, value in audio.items():
                before = self._audio.get(field)
                joins = field != "id" and isinstance(before, str) and isinstance(value, str)
                self._audio[field] = f"{before}{value}" if joins else value

    def _cite(self, citation: Citation, events: list[Event]) -> None:
        self._text("content", Text(""), "", events)
        assert self._open is not None
        events.append(CitationDelta(self._open, citation, self._index))
