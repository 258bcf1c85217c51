"""Does a stream begin with an error? Its first frame, without anybody's key if it is one.

A provider that has accepted a call may still refuse it, as the first event of a stream that has status 200. What it
says then may repeat a key as an error's body may. So the first frame is looked at whole, before it passes; comments
before it (`: ping`) are none. Nothing behind it is looked at for more than our own key.
"""

import re
from typing import Final

from keywright.pipeline.redacted import cleared_frame

HELD_BYTES_MAX: Final = 64 * 1024
"""How much of a first frame waits for its end."""

_FRAME_ENDS: Final = {
    b"text/event-stream": re.compile(rb"\n\n|\r\n\r\n|\r\r"),
    b"application/x-ndjson": re.compile(rb"\n"),
}


class Opening:
    """The beginning of a stream of frames that end as `frame_end` says."""

    __slots__ = ("_frame_end", "_held", "_is_over")

    def __init__(self, frame_end: re.Pattern[bytes]) -> None:
        self._frame_end = frame_end
        self._held = b""
        self._is_over = False

    def feed(self, chunk: bytes) -> bytes:
        """What may pass of `chunk` and of what was held."""
        if self._is_over:
            return chunk
        data, passed, start = self._held + chunk, b"", 0
        while match := self._frame_end.search(data, start):
            frame, start = data[start : match.end()], match.end()
            passed += cleared_frame(frame)
            if frame.lstrip()[:1] not in {b"", b":"}:
                return passed + self._over(data[start:])
        if len(data) - start > HELD_BYTES_MAX:
            return passed + self._over(cleared_frame(data[start:]))
        self._held = data[start:]
        return passed

    def end(self) -> bytes:
        """What was held, now that nothing follows."""
        return self._over(cleared_frame(self._held))

    def _over(self, rest: bytes) -> bytes:
        self._is_over, self._held = True, b""
        return rest


def opening_of(content_type: bytes) -> Opening | None:
    """The beginning of an answer of that type; None where it is no stream of frames that are text."""
    frame_end = _FRAME_ENDS.get(content_type.partition(b";")[0].strip().lower())
    return None if frame_end is None else Opening(frame_end)
