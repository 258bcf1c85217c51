"""What of a stream may pass? Its bytes, or its events, as long as they are within what was reserved (see `cutoff`).

Nearly always that is one comparison for each piece: what was counted, and the bytes since, are within. Near the end the
count is made exact, and a piece is let through frame by frame; a frame that is not whole waits for its rest, for behind
half a frame nothing can be said (one that had begun to pass, passes to its end). At the first frame that would go
beyond, the stream ends as its dialect ends an answer that has reached its limit of length. What is there to its end
passes all the same: to stop it would save nothing.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from keywright.core.dialect import Peek, StreamTap, Tapped
from keywright.core.event import Ended, Event
from keywright.core.generated import generated_in
from keywright.core.usage import NO_USAGE
from keywright.pipeline.cutoff import Cutoff
from keywright.pipeline.settle import metered
from keywright.pipeline.tally import Tally

HELD_BYTES_MAX: Final = 1024 * 1024
"""How much of a frame waits for its rest. One that is larger passes as it comes: most of it is no text."""


class StreamStoppedError(Exception):
    """The stream has come to what is reserved. `last`: what the client still gets; `tapped`: what is charged."""

    def __init__(self, last: bytes, tapped: Tapped) -> None:
        super().__init__("the stream has reached what was reserved for it")
        self.last = last
        self.tapped = tapped


class Valve:
    """Lets a stream pass that nobody reads but `tap`."""

    __slots__ = ("_chars_max", "_cutoff", "_held", "_peek", "_tap")

    def __init__(self, tap: StreamTap, cutoff: Cutoff, peek: Peek) -> None:
        self._tap = tap
        self._cutoff = cutoff
        self._peek = peek
        self._chars_max = cutoff.chars_max
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may pass of `chunk` and of what was held.

        Raises:
            StreamStoppedError: no more than what it holds.
        """
        tap = self._tap
        if not self._held and tap.chars_at_most() + len(chunk) <= self._chars_max:
            return tap.feed(chunk)
        data, self._held = self._held + chunk, b""
        if self._fits(len(data)) or len(data) > HELD_BYTES_MAX:
            return tap.feed(data)
        return self._by_frames(data)

    def end(self) -> bytes:
        """What was held, now that nothing follows."""
        held, self._held = self._held, b""
        return self._tap.feed(held) if held else b""

    def _by_frames(self, data: bytes) -> bytes:
        """What may pass of `data`; what of it is no whole frame is held."""
        tap, passed = self._tap, b""
        while end := tap.frame_end(data):
            frame, data = data[:end], data[end:]
            if self._fits(end):
                passed += tap.feed(frame)
                continue
            has_begun = tap.chars_at_most() > tap.result().output_chars
            stopped = None if has_begun else self._stopped(passed)
            passed += tap.feed(frame)
            if self._cutoff.is_passed(tap.result()):
                stopped = stopped or self._stopped(passed)
                passed += tap.feed(data)
                data = b""
                tap.result()
                if tap.stop(NO_USAGE) is not None:
                    raise stopped
        self._held = data
        return passed

    def _stopped(self, passed: bytes) -> StreamStoppedError:
        """The stream's end, where it is now, behind what has `passed`."""
        tapped = charged(self._tap.result(), self._cutoff, self._peek)
        return StreamStoppedError(passed + (self._tap.stop(tapped.usage or NO_USAGE) or b""), tapped)

    def _fits(self, size: int) -> bool:
        """Whether so many bytes more cannot go beyond: by the bound that costs nothing, else by the exact count."""
        tap = self._tap
        if tap.chars_at_most() + size <= self._chars_max:
            return True
        self._chars_max = self._cutoff.chars_within(tap.result().usage)
        return tap.chars_at_most() + size <= self._chars_max


def let_through(
    events: Sequence[Event], tally: Tally, cutoff: Cutoff | None, peek: Peek
) -> tuple[Sequence[Event], Tapped | None]:
    """What may pass of `events`, which `tally` takes; where that is not all, with what ends the answer, and what is
    charged.
    """
    if cutoff is None or (events and isinstance(events[-1], Ended)):
        for event in events:
            tally.add(event)
        return events, None
    for place, event in enumerate(events):
        chars = generated_in(event)
        if chars and tally.chars + chars > cutoff.chars_within(tally.usage):
            tapped = charged(tally.tapped(), cutoff, peek)
            return [*events[:place], *tally.ending(tapped.usage or NO_USAGE)], tapped
        tally.add(event)
    return events, None


def charged(tapped: Tapped, cutoff: Cutoff, peek: Peek) -> Tapped:
    """What is charged of a stream that ends where `tapped` was seen: counted, within what was reserved."""
    usage = cutoff.charged(metered(tapped, peek).usage)
    return msgspec.structs.replace(tapped, usage=usage, billed=None)
