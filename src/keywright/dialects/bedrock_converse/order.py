"""One part after the other.

Canonical parts may be open together (parallel tool calls from OpenAI interleave). This API's events say of which
block they are and could interleave too, but none of its own do, and its clients keep one block at a time. So one part
is written as it comes; what comes for another meanwhile is held until the first is closed.
"""

from typing import Final, TypeAlias

from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import ArgumentsDelta, CitationDelta, Closed, Opened, SignatureDelta, TextDelta

HELD_EVENTS_MAX: Final = 1_000_000
"""How many events may wait for another part to close."""

PartEvent: TypeAlias = Opened | TextDelta | ArgumentsDelta | SignatureDelta | CitationDelta | Closed


class OneByOne:
    """Puts the events of parts into an order in which no two parts are open together."""

    __slots__ = ("_held", "_held_events", "_part")

    def __init__(self) -> None:
        self._part: int | None = None
        self._held: dict[int, list[PartEvent]] = {}  # what came for other parts, in their order
        self._held_events = 0

    def add(self, event: PartEvent) -> list[PartEvent]:
        """The events that are due now that `event` has come.

        Raises:
            UpstreamMalformedError: more than `HELD_EVENTS_MAX` events wait for a part that does not close.
        """
        if self._part is None and isinstance(event, Opened):
            self._part = event.part
            return [event]
        if event.part == self._part:
            if not isinstance(event, Closed):
                return [event]
            self._part = None
            return [event, *self._released()]
        if event.part not in self._held and not isinstance(event, Opened):
            return []  # of a part that was closed already, or never opened
        self._held_events += 1
        if self._held_events > HELD_EVENTS_MAX:
            raise UpstreamMalformedError(f"more than {HELD_EVENTS_MAX} events wait for a part that does not close")
        self._held.setdefault(event.part, []).append(event)
        return []

    def end(self) -> list[PartEvent]:
        """What is still due when the answer is complete, every open part closed."""
        due: list[PartEvent] = []
        while self._part is not None:
            due.append(Closed(self._part))
            self._part = None
            due += self._released()
        return due

    def _released(self) -> list[PartEvent]:
        """What was held for the parts that follow, up to the first that is not closed yet."""
        due: list[PartEvent] = []
        while self._held and self._part is None:
            events = self._held.pop(next(iter(self._held)))
            self._held_events -= len(events)
            due += events
            if not isinstance(events[-1], Closed):
                self._part = events[-1].part
        return due
