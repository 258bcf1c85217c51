"""An upstream's stream to events.

Each frame is one event, whose `type` repeats the frame's name. Content items, tool calls and citations are numbered
each on their own; a plan has no number and no end, so it ends when anything else begins. A citation names its content
item at most: else it is of the last text. Citations of a plan or of thinking come with the finish (see response.py).

What is put up with: a delta of an item that never began, or of another kind than it began with; a call that comes
whole with its start; a stream without `[DONE]`.
"""

from typing import Final

from keywright.core.errors import UpstreamBrokeError
from keywright.core.event import (
    ArgumentsDelta,
    Aside,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsDelta,
    Metered,
    Opened,
    Started,
    TextDelta,
)
from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.message import Part, Text, Thinking, ToolCall
from keywright.core.response import Finish
from keywright.dialects.cohere.error import streamed_failure
from keywright.dialects.cohere.fields import NAME, PLAN, PLAN_EXTRAS
from keywright.dialects.cohere.finish import decode_finish
from keywright.dialects.cohere.parts import cites_text, decode_citation
from keywright.dialects.cohere.plain import CONTENT_DELTA, plain_text
from keywright.dialects.cohere.usage import unmodelled, usage_of
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.frame_reader import FrameReader, object_of
from keywright.dialects.sse import FRAME_BYTES_MAX, Frame, SseDecoder

PARTS_MAX: Final = 4_096
_EVENT_FIELDS: Final = frozenset(("id", "type", "delta", "index"))
_NONE: Final[JsonObject] = {}


def StreamReader(frame_bytes_max: int = FRAME_BYTES_MAX) -> FrameReader[Frame]:  # noqa: N802 - a dialect's name for it
    """A reader of one stream."""
    return FrameReader(SseDecoder(frame_bytes_max), AnswerReader())


class AnswerReader:
    """Frames of one answer to events."""

    def __init__(self) -> None:
        self.over = False
        self._started = False
        self._parts = 0
        self._plan: int | None = None
        self._items: dict[int, tuple[int, str]] = {}  # content index → part and the field that its text is in
        self._calls: dict[int, int] = {}
        self._texts: dict[int, int] = {}  # content index → its text part, also when that is closed
        self._citations: list[Json] = []  # of what is no text

    def read(self, frame: Frame, events: list[Event]) -> None:
        """Add what `frame` tells to `events`.

        Raises:
            UpstreamMalformedError, WrongFieldError: it is none of this dialect's frames.
        """
        if frame.event == CONTENT_DELTA and self._plain(frame.data, events):
            return
        data = frame.data.strip()
        if not data or data == b"[DONE]":
            return
        event = object_of(data)
        kind = event.get("type") or frame.event
        self._event(kind if isinstance(kind, str) else "", event, events)

    def end(self, events: list[Event]) -> None:
        """The connection has ended though the answer is not over.

        Raises:
            UpstreamBrokeError: always.
        """
        raise UpstreamBrokeError("the stream ended before the answer was complete", answered=self._started)

    def _event(self, kind: str, event: JsonObject, events: list[Event]) -> None:
        if not self._started:
            self._start(kind, event, events)
        message = _inner(_inner(event, "delta"), "message")
        match kind:
            case "message-start":
                pass
            case "content-start" | "content-delta":
                self._content(event, _inner(message, "content"), events)
            case "content-end":
                self._close_item(_index(event), events)
            case "tool-plan-delta":
                self._plan_text(message.get(PLAN), events)
            case "tool-call-start" | "tool-call-delta" | "tool-call-end":
                self._call_event(kind, _index(event), message, events)
            case "citation-start":
                self._cite(message.get("citations"), events)
            case "citation-end":
                pass
            case "message-end":
                self._end(_inner(event, "delta"), events)
            case _:
                self._other(kind, event, events)

    def _plain(self, data: bytes, events: list[Event]) -> bool:
        """Take a frame that is as plain as nearly all are; False when it is not, or its item has not begun so."""
        found = plain_text(data)
        if found is None:
            return False
        index, field, text = found
        part, begun = self._items.get(index, (0, ""))
        if field != begun:
            return False
        events.append(TextDelta(part, text))
        return True

    def _start(self, kind: str, event: JsonObject, events: list[Event]) -> None:
        if kind == "message-end" or "message" in event or kind in ("error", ""):
            return
        self._started = True
        number = event.get("id")
        more = {field: value for field, value in event.items() if field not in _EVENT_FIELDS}
        extras: Extras = {NAME: more} if more and kind == "message-start" else NO_EXTRAS
        events.append(Started(number if isinstance(number, str) else "", "", extras=extras))

    def _content(self, event: JsonObject, content: JsonObject, events: list[Event]) -> None:
        """An item begins or goes on: its text is in the field `text` or `thinking`."""
        index = _index(event)
        kind = content.get("type")
        field = "thinking" if "thinking" in content or kind == "thinking" else "text"
        text = content.get(field) or ""
        if not isinstance(text, str):
            raise WrongFieldError(f"delta.message.content.{field}", "a string")
        found = self._items.get(index)
        if found is None or found[1] != field:
            self._close_item(index, events)
            self._close_plan(events)
            part = self._open(Text("") if field == "text" else Thinking("", origin=NAME), events)
            self._items[index] = (part, field)
            if field == "text":
                self._texts[index] = part
        else:
            part = found[0]
        if text:
            events.append(TextDelta(part, text))
        if logprobs := event.get("logprobs"):
            events.append(LogprobsDelta(NAME, {NAME: [logprobs]}))

    def _close_item(self, index: int, events: list[Event]) -> None:
        found = self._items.pop(index, None)
        if found is not None:
            events.append(Closed(found[0]))

    def _plan_text(self, text: Json, events: list[Event]) -> None:
        if not text:
            return
        if not isinstance(text, str):
            raise WrongFieldError("delta.message.tool_plan", "a string")
        if self._plan is None:
            self._plan = self._open(Thinking("", origin=NAME, extras=PLAN_EXTRAS), events)
        events.append(TextDelta(self._plan, text))

    def _close_plan(self, events: list[Event]) -> None:
        if self._plan is not None:
            events.append(Closed(self._plan))
            self._plan = None

    def _call_event(self, kind: str, index: int, message: JsonObject, events: list[Event]) -> None:
        if kind == "tool-call-start":
            self._call(index, message.get("tool_calls"), events)
        elif kind == "tool-call-delta":
            self._arguments(index, _inner(message, "tool_calls"), events)
        elif (part := self._calls.pop(index, None)) is not None:
            events.append(Closed(part))

    def _call(self, index: int, value: Json, events: list[Event]) -> None:
        self._close_plan(events)
        if index in self._calls:
            events.append(Closed(self._calls[index]))
        call = Fields(value, "delta.message.tool_calls")
        number = call.text("id")
        call.json("type")
        function = call.object("function") or Fields({}, call.at("function"))
        name, arguments = function.text("name") or "", function.text("arguments")
        head = ToolCall(number or f"{name}_{self._parts}", name, "", extras=call.extras(NAME))
        part = self._calls[index] = self._open(head, events)
        if arguments:
            events.append(ArgumentsDelta(part, arguments))

    def _arguments(self, index: int, call: JsonObject, events: list[Event]) -> None:
        text = _inner(call, "function").get("arguments")
        if not isinstance(text, str | None):
            raise WrongFieldError("delta.message.tool_calls.function.arguments", "a string")
        part = self._calls.get(index)
        if part is None:
            raise WrongFieldError("index", "that of a call which began")
        if text:
            events.append(ArgumentsDelta(part, text))

    def _cite(self, value: Json, events: list[Event]) -> None:
        for body in value if isinstance(value, list) else (value,):
            if not isinstance(body, dict):
                raise WrongFieldError("delta.message.citations", "an object")
            index = body.get("content_index")
            part = self._texts.get(index) if isinstance(index, int) else None
            if part is None:
                part = max(self._texts.values(), default=None)
            if part is None or not cites_text(body):
                self._citations.append(body)
            else:
                events.append(CitationDelta(part, decode_citation(body)))

    def _other(self, kind: str, event: JsonObject, events: list[Event]) -> None:
        """An error in place of an answer, or an event of an unknown type."""
        message = event.get("message")
        if kind in ("error", "") and isinstance(message, str):
            self.over = True
            events.append(Failed(streamed_failure(message, event.get("error_type"))))
        else:
            events.append(Aside(NAME, kind, event))

    def _end(self, delta: JsonObject, events: list[Event]) -> None:
        self.over = True
        word = delta.get("finish_reason")
        if (error := delta.get("error")) is not None:
            events.append(Failed(streamed_failure(error, delta.get("error_type"), timeout=word == "TIMEOUT")))
            return
        if not self._started:
            raise WrongFieldError("the stream", "an answer: it ends without one")
        self._close_plan(events)
        events += [Closed(part) for part, _ in self._items.values()]
        events += [Closed(part) for part in self._calls.values()]
        more: JsonObject = {"citations": self._citations} if self._citations else {}
        finish = decode_finish(word) if isinstance(word, str) and word else Finish("other")
        events.append(Finished(finish, extras={NAME: more} if more else NO_EXTRAS))
        metering = usage_of(delta.get("usage"))
        rest = unmodelled(delta.get("usage"))
        if metering.used is not None:
            extras: Extras = {NAME: {"usage": rest}} if rest else NO_EXTRAS
            events.append(Metered(metering.used, extras, metering.billed))
        events.append(Ended())

    def _open(self, head: Part, events: list[Event]) -> int:
        part = self._parts
        if part >= PARTS_MAX:
            raise WrongFieldError("the stream", f"of at most {PARTS_MAX} parts")
        self._parts += 1
        events.append(Opened(part, head))
        return part


def _inner(value: JsonObject, field: str) -> JsonObject:
    """The object in `field`; an empty one where there is none.

    Raises:
        WrongFieldError: something else is there.
    """
    inner = value.get(field)
    if inner is None:
        return _NONE
    if isinstance(inner, dict):
        return inner
    if field == "content" and inner == []:
        return _NONE  # the start of a message has a list there
    raise WrongFieldError(f"delta.{field}", "an object")


def _index(event: JsonObject) -> int:
    index = event.get("index")
    if index is None:
        return 0
    if isinstance(index, bool) or not isinstance(index, int):
        raise WrongFieldError("index", "a whole number")
    return index
