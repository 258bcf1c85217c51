"""A stream of the API to canonical events.

An event's own `type` counts, not the name in its frame. What real traffic does, and is taken as it is: pings and
events of unknown types (each an `Aside`); usage said again and again, each time cumulative and with members missing;
the prompt's tokens at the start, at the end, or both; no `message_stop` after a stop reason.

A block of an unknown kind is held until it ends, with what its deltas said put into it, since a canonical part that
is not text is complete when it opens.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    Aside,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.json import NO_EXTRAS, Extras, JsonObject
from keywright.core.message import Opaque, Part, ServerToolCall, Thinking, ToolCall
from keywright.dialects.anthropic.error import failure_of
from keywright.dialects.anthropic.finish import finish_of
from keywright.dialects.anthropic.parts import citation_of, part_of
from keywright.dialects.anthropic.response import message_extras, text_of
from keywright.dialects.anthropic.usage import counts_of, usage_extras, usage_of_counts
from keywright.dialects.anthropic.wire import NAME, ShapeError, an_object, integer_or_none
from keywright.dialects.frame_reader import FrameReader, object_of
from keywright.dialects.sse import Frame, SseDecoder

PARTS_MAX: Final = 10_000
"""How many blocks an answer may have."""


def StreamReader() -> FrameReader[Frame]:  # noqa: N802 - a dialect's name for it
    """A reader of one stream."""
    return FrameReader(SseDecoder(), AnswerReader())


class AnswerReader:
    """Frames of one answer to events."""

    def __init__(self) -> None:
        self.over = False
        self._heads: dict[int, Part] = {}  # the blocks that are open
        self._silent: set[int] = set()  # the open tool calls for which no arguments have come
        self._opened = 0
        self._usage: JsonObject = {}
        self._started = False
        self._finished = False

    def read(self, frame: Frame, events: list[Event]) -> None:
        """Add what `frame` tells to `events`.

        Raises:
            UpstreamMalformedError: it is no event of this API.
        """
        node = object_of(frame.data)
        kind = node.get("type")
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        try:
            if reader is None:
                events.append(Aside(NAME, text_of(node, "type"), node))
            else:
                events += reader(self, node)
        except ShapeError as error:
            raise UpstreamMalformedError(f"an event is wrong at {error.path}: {error.why}") from None

    def end(self, events: list[Event]) -> None:
        """Add the events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: neither an end nor a stop reason has come.
        """
        if not self._finished:
            raise UpstreamBrokeError("the stream ended before the message did", answered=self._started)
        events += self._stopped()

    def _start(self, node: JsonObject) -> list[Event]:
        message = an_object(node.get("message"))
        self._started = True
        events: list[Event] = [
            Started(text_of(message, "id"), text_of(message, "model"), extras=message_extras(message))
        ]
        usage = message.get("usage")
        if isinstance(usage, dict):
            self._usage = usage
            self._meter(events, NO_EXTRAS)
        return events

    def _open(self, node: JsonObject) -> list[Event]:
        index = _index(node)
        self._opened += 1
        if self._opened > PARTS_MAX:
            raise UpstreamMalformedError(f"the answer has more than {PARTS_MAX} content blocks")
        head = part_of(node.get("content_block"))
        match head:
            case Thinking():
                head = msgspec.structs.replace(head, origin=NAME)
            case ToolCall() | ServerToolCall() if head.arguments == "{}":
                head = msgspec.structs.replace(head, arguments="")
                self._silent.add(index)
            case _:
                pass
        self._heads[index] = head
        return [] if isinstance(head, Opaque) else [Opened(index, head)]

    def _delta(self, node: JsonObject) -> list[Event]:
        index = _index(node)
        head = self._heads.get(index)
        if head is None:
            raise ShapeError("index", f"a delta came for block {index}, which is not open")
        delta = an_object(node.get("delta"))
        kind = delta.get("type")
        match kind:
            case "text_delta" | "thinking_delta":
                text = delta.get("text" if kind == "text_delta" else "thinking")
                return [TextDelta(index, text)] if isinstance(text, str) and text else []
            case "input_json_delta":
                text = text_of(delta, "partial_json")
                if not text:
                    return []
                self._silent.discard(index)
                return [ArgumentsDelta(index, text)]
            case "signature_delta":
                signature = text_of(delta, "signature")
                return [SignatureDelta(index, signature)] if signature else []
            case "citations_delta":
                return [CitationDelta(index, citation_of(delta.get("citation")))]
        if isinstance(head, Opaque) and isinstance(head.body, dict):
            said = {key: value for key, value in delta.items() if key != "type"}
            self._heads[index] = Opaque(NAME, head.kind, {**head.body, **said})
            return []
        return [Aside(NAME, "content_block_delta", node)]

    def _close(self, node: JsonObject) -> list[Event]:
        index = _index(node)
        return self._closed(index) if index in self._heads else []

    def _closed(self, index: int) -> list[Event]:
        """What ends the block `index`. A call without arguments has an empty object of them."""
        head = self._heads.pop(index)
        if isinstance(head, Opaque):
            return [Opened(index, head), Closed(index)]
        if index in self._silent:
            self._silent.discard(index)
            return [ArgumentsDelta(index, "{}"), Closed(index)]
        return [Closed(index)]

    def _message_delta(self, node: JsonObject) -> list[Event]:
        events: list[Event] = []
        delta = node.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        reason = delta.get("stop_reason")
        if isinstance(reason, str):
            self._finished = True
            for index in sorted(self._heads):
                events += self._closed(index)
            events.append(Finished(finish_of(reason, delta.get("stop_sequence"), delta.get("stop_details"))))
        said = node.get("usage")
        if isinstance(said, dict):
            self._usage = {**self._usage, **{key: value for key, value in said.items() if value is not None}}
        extras = {**_beside(node, _MESSAGE_DELTA), **_beside(delta, _DELTA)}
        extras |= usage_extras(self._usage).get(NAME, {})
        if self._usage or extras:
            self._meter(events, {NAME: extras} if extras else NO_EXTRAS)
        return events

    def _meter(self, events: list[Event], extras: Extras) -> None:
        """Tell the usage so far, when it makes sense."""
        counts = counts_of(self._usage)
        usage = None if counts is None else usage_of_counts(counts)
        if counts is not None and usage is not None:
            events.append(Metered(usage, extras, tier=counts.tier))

    def _stop(self, _node: JsonObject) -> list[Event]:
        return self._stopped()

    def _stopped(self) -> list[Event]:
        self.over = True
        events: list[Event] = []
        for index in sorted(self._heads):
            events += self._closed(index)
        return [*events, Ended()]

    def _error(self, node: JsonObject) -> list[Event]:
        self.over = True
        return [Failed(failure_of(node))]


_MESSAGE_DELTA: Final = frozenset({"type", "delta", "usage"})
_DELTA: Final = frozenset({"stop_reason", "stop_sequence", "stop_details"})

_READERS: Final[dict[str, Callable[[AnswerReader, JsonObject], list[Event]]]] = {
    "message_start": AnswerReader._start,
    "content_block_start": AnswerReader._open,
    "content_block_delta": AnswerReader._delta,
    "content_block_stop": AnswerReader._close,
    "message_delta": AnswerReader._message_delta,
    "message_stop": AnswerReader._stop,
    "error": AnswerReader._error,
}


def _index(node: JsonObject) -> int:
    index = integer_or_none(node, "index")
    if index is None:
        raise ShapeError("index", "must be a whole number")
    return index


def _beside(node: JsonObject, known: frozenset[str]) -> JsonObject:
    """What `node` says beside the `known` members. A null says nothing."""
    return {key: value for key, value in node.items() if key not in known and value is not None}
