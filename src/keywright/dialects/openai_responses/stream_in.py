"""An upstream's stream to events.

The wire says everything twice or three times: piece by piece, whole at the end of the part, whole in the item, whole in
the answer. The pieces count; what came in none of them is taken from the next place that has it. So a server that sends
only items, or only the last event, is read as well as one that sends all.

Servers differ, and this is what is put up with:
- no numbers of items, or ids that change from event to event: the number counts, the id only where there is none;
- parts and items that were never announced, or never ended;
- no `created`, no `[DONE]` (OpenAI sends none), events that are not known: those are `Aside`s, as is what happens to a
  tool that the provider runs itself, whose item is a part when it is done.

`created` is held back until something follows. A provider that is overloaded says so right after it; then nothing has
begun, and another can be asked.
"""

from collections.abc import Callable
from typing import Final

from keywright.core.errors import UpstreamBrokeError
from keywright.core.event import Aside, Ended, Event, Failed, Finished, Metered, Started
from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.tier import tier_of
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.frame_reader import FrameReader, object_of
from keywright.dialects.openai_responses.error import failure_of
from keywright.dialects.openai_responses.fields import NAME, own
from keywright.dialects.openai_responses.finish import decode_finish
from keywright.dialects.openai_responses.item_in import ItemReader, Kind
from keywright.dialects.openai_responses.response import answer_extras
from keywright.dialects.openai_responses.usage import read_usage
from keywright.dialects.sse import FRAME_BYTES_MAX, Frame, SseDecoder

ITEMS_MAX: Final = 4_096
_DELTA: Final = "response.output_text.delta"


def StreamReader(frame_bytes_max: int = FRAME_BYTES_MAX) -> FrameReader[Frame]:  # noqa: N802 - a dialect's name for it
    """A reader of one stream."""
    return FrameReader(SseDecoder(frame_bytes_max), AnswerReader())


class AnswerReader:
    """Frames of one answer to events."""

    def __init__(self) -> None:
        self.over = False
        self._items: dict[int | str, ItemReader] = {}
        self._ids: dict[str, int | str] = {}  # what the item of an id is found by
        self._parts = 0
        self._started: Started | None = None
        self._spoken = False

    def read(self, frame: Frame, events: list[Event]) -> None:
        """Add what `frame` tells to `events`.

        Raises:
            UpstreamMalformedError, WrongFieldError: it is none of this dialect's frames.
        """
        data = frame.data.strip()
        if not data or data == b"[DONE]":
            return
        event = object_of(data)
        name = event.get("type") or frame.event
        said: list[Event] = []
        self._event(str(name), event, said)
        if said and not self._spoken and not isinstance(said[0], Failed):
            self._spoken = True
            events.append(self._started or Started("", ""))
        events += said

    def end(self, events: list[Event]) -> None:
        """The connection has ended though the answer is not over.

        Raises:
            UpstreamBrokeError: always.
        """
        raise UpstreamBrokeError("the stream ended before the answer was complete", answered=self._spoken)

    def _event(self, name: str, event: JsonObject, events: list[Event]) -> None:
        if name == _DELTA:  # nearly every event
            self._item(event, "message").delta(event, "content", events)
            return
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(self, event, events)
            return
        part = _PARTS.get(name)
        if part is not None:
            kind, method = part
            method(self._item(event, kind), event, events)
            return
        if name == "error" or (event.get("error") and "response" not in event and not name):
            self._fail(event.get("error") or event, events)
            return
        body = {field: value for field, value in event.items() if field not in ("type", "sequence_number")}
        events.append(Aside(NAME, name, body))

    def _item(self, event: JsonObject, kind: str) -> ItemReader:
        """The item that an event is about; a new one, of that kind, where none was announced."""
        index, item_id = event.get("output_index"), event.get("item_id")
        key: int | str | None = index if isinstance(index, int) else None
        if key is None and isinstance(item_id, str):
            key = self._ids.get(item_id, item_id)
        if key is None:
            key = next(reversed(self._items), 0)
        found = self._items.get(key)
        return self._new(key, {"type": kind, "id": item_id}) if found is None else found

    def _new(self, key: int | str, item: JsonObject) -> ItemReader:
        if len(self._items) >= ITEMS_MAX:
            raise WrongFieldError("output", f"an array of at most {ITEMS_MAX} items")
        item_id = item.get("id")
        if isinstance(item_id, str):
            self._ids[item_id] = key
        found = self._items[key] = ItemReader(item, self._next_part)
        return found

    def _next_part(self) -> int:
        self._parts += 1
        return self._parts - 1

    def _begin(self, event: JsonObject, events: list[Event]) -> None:
        """`created`, or an event that repeats it."""
        answer = event.get("response")
        if self._started is not None or not isinstance(answer, dict):
            return
        number, model, created = answer.get("id"), answer.get("model"), answer.get("created_at")
        self._started = Started(
            id=number if isinstance(number, str) else "",
            model=model if isinstance(model, str) else "",
            created_s=int(created) if isinstance(created, int | float) and created else None,
            extras=answer_extras(answer),
        )

    def _item_added(self, event: JsonObject, events: list[Event]) -> None:
        item = _object(event, "item")
        key = self._key(event, item, len(self._items))
        if key in self._items:
            return
        found = self._new(key, item)
        found.begin(events)
        if found.announced:
            events.append(Aside(NAME, "response.output_item.added", {"item": item}))

    def _item_done(self, event: JsonObject, events: list[Event]) -> None:
        item = _object(event, "item")
        unended = (key for key, found in reversed(self._items.items()) if not found.ended)
        key = self._key(event, item, next(unended, len(self._items)))
        found = self._items.get(key) or self._new(key, item)
        found.done(item, events)

    def _key(self, event: JsonObject, item: JsonObject, otherwise: int | str) -> int | str:
        """What an item is found by; `otherwise`, when it has neither a number nor an id."""
        index, item_id = event.get("output_index"), item.get("id")
        if isinstance(index, int):
            return index
        if isinstance(item_id, str):
            return self._ids.get(item_id, item_id)
        return otherwise

    def _completed(self, event: JsonObject, events: list[Event]) -> None:
        """The last event: what came in no other is taken from it."""
        answer = _object(event, "response")
        status = answer.get("status") or str(event.get("type")).rpartition(".")[2]
        if status == "failed":
            self._failed(event, events)
            return
        output = answer.get("output")
        for index, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict):
                self._catch_up(index, item, events)
        for found in self._items.values():
            found.close(events)
        self.over = True
        self._begin(event, events)
        called = any(found.is_call for found in self._items.values())
        finish = decode_finish({**answer, "status": status}, called=called)
        if finish is not None:
            events.append(Finished(finish))
        self._meter(answer, events)
        events.append(Ended())

    def _catch_up(self, index: int, item: JsonObject, events: list[Event]) -> None:
        """End the item at `index`, if nothing has ended it yet."""
        found = self._items.get(index)
        if found is None:
            item_id = item.get("id")
            key = self._ids.get(item_id) if isinstance(item_id, str) else None
            found = self._items.get(index if key is None else key)
        if found is None and len(self._items) <= index:
            found = self._new(index, item)
        if found is not None and not found.ended:
            found.done(item, events)

    def _meter(self, answer: JsonObject, events: list[Event]) -> None:
        """What was used, and what the answer says of itself now that it did not say before."""
        extras: Extras = answer_extras(answer)
        if self._started is not None and extras == self._started.extras:
            extras = NO_EXTRAS
        usage = read_usage(answer.get("usage"), answer.get("tool_usage"))
        if usage is not None:
            events.append(Metered(usage, extras, tier=tier_of(answer.get("service_tier"))))
        elif extras:
            events.append(Aside(NAME, "", own(extras)))

    def _failed(self, event: JsonObject, events: list[Event]) -> None:
        self._fail(_object(event, "response").get("error") or {"code": "server_error"}, events)

    def _fail(self, error: Json, events: list[Event]) -> None:
        self.over = True
        events.append(Failed(failure_of(error)))


def _object(event: JsonObject, name: str) -> JsonObject:
    value = event.get(name)
    if isinstance(value, dict):
        return value
    raise WrongFieldError(name, "an object")


_HANDLERS: Final[dict[str, Callable[[AnswerReader, JsonObject, list[Event]], None]]] = {
    "response.created": AnswerReader._begin,
    "response.queued": AnswerReader._begin,
    "response.in_progress": AnswerReader._begin,
    "response.output_item.added": AnswerReader._item_added,
    "response.output_item.done": AnswerReader._item_done,
    "response.completed": AnswerReader._completed,
    "response.incomplete": AnswerReader._completed,
    "response.failed": AnswerReader._failed,
}


def _pieces(where: Kind) -> Callable[[ItemReader, JsonObject, list[Event]], None]:
    return lambda item, event, events: item.delta(event, where, events)


def _texts(where: Kind, field: str) -> Callable[[ItemReader, JsonObject, list[Event]], None]:
    return lambda item, event, events: item.text(event, where, field, events)


_PARTS: Final[dict[str, tuple[str, Callable[[ItemReader, JsonObject, list[Event]], None]]]] = {
    "response.content_part.added": ("message", ItemReader.part),
    "response.content_part.done": ("message", ItemReader.part_done),
    "response.output_text.done": ("message", _texts("content", "text")),
    "response.output_text.annotation.added": ("message", ItemReader.annotation),
    "response.refusal.delta": ("message", _pieces("refusal")),
    "response.refusal.done": ("message", _texts("refusal", "refusal")),
    "response.reasoning_summary_part.added": ("reasoning", ItemReader.part),
    "response.reasoning_summary_part.done": ("reasoning", ItemReader.part_done),
    "response.reasoning_summary_text.delta": ("reasoning", _pieces("summary")),
    "response.reasoning_summary_text.done": ("reasoning", _texts("summary", "text")),
    "response.reasoning_text.delta": ("reasoning", _pieces("thought")),
    "response.reasoning_text.done": ("reasoning", _texts("thought", "text")),
    "response.function_call_arguments.delta": ("function_call", ItemReader.arguments),
    "response.function_call_arguments.done": ("function_call", ItemReader.all_arguments),
    "response.custom_tool_call_input.delta": ("custom_tool_call", ItemReader.arguments),
    "response.custom_tool_call_input.done": ("custom_tool_call", ItemReader.all_arguments),
}
"""The events of a part: the kind of item that they belong to, and what they do to it."""
