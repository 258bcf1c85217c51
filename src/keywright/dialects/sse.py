"""Server-sent events (WHATWG HTML, section 9.2), sans-IO: bytes cut anywhere in, frames out; and frames to bytes.

Every line end that the standard allows is turned into `\\n` as a chunk arrives, so that an event ends at the first
empty line, which is the two bytes `\\n\\n`. Nearly every chunk holds whole events; those are split without being
copied to the buffer first. Nearly every event is a line of data, or a line with its name and one of data; those are
cut out without being taken apart line by line, at two thirds of the cost for a small event and half for a large one.

Two departures from the standard, both towards leniency: an event that the end of the stream cuts off is given by
`end()` (some servers forget the last empty line), and bytes that are no UTF-8 are handed on as they are.
"""

import re
from typing import Final

from msgspec import Struct

from keywright.core.errors import UpstreamMalformedError

FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
"""A frame may hold a picture in base64; anything larger is not an answer."""

_BOM: Final = b"\xef\xbb\xbf"
_END: Final = b"\n\n"
_LINE_END: Final = re.compile(rb"(?>\r\n|\n|\r)")
_EMPTY_LINE: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")


class Frame(Struct, frozen=True, gc=False):
    """One event. `event` is its name ("" for the default one), `data` its data lines joined by `\\n`."""

    data: bytes
    event: str = ""


class SseDecoder:
    """Bytes to frames. Comments, ids and retry hints are dropped, and events without data with them."""

    __slots__ = ("_after_cr", "_frame_bytes_max", "_held", "_started")

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._held = bytearray()
        self._after_cr = False
        self._started = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes.

        Raises:
            UpstreamMalformedError: a frame is larger than `frame_bytes_max`.
        """
        if self._after_cr or b"\r" in chunk:
            chunk = self._normalised(chunk)
        if not self._held and chunk.endswith(_END):
            return self._frames(chunk[:-2])
        held = self._held
        seen = len(held)
        held += chunk
        end = held.rfind(_END, max(0, seen - 1))
        if end < 0:
            self._limit(len(held))
            return []
        whole = bytes(held[:end])
        del held[: end + 2]
        self._limit(len(held))
        return self._frames(whole)

    def end(self) -> list[Frame]:
        """The frame that the end of the stream completes, if there is one."""
        rest = bytes(self._held)
        self._held.clear()
        return self._frames(rest) if rest else []

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data`, were they fed next, it takes to the end of a frame; 0 when it holds no end."""
        start = 1 if self._after_cr and data.startswith(b"\n") else 0
        if self._held.endswith(b"\n"):
            found = _LINE_END.match(data, start)
            if found is not None:
                return found.end()
        found = _EMPTY_LINE.search(data, start)
        return 0 if found is None else found.end()

    @property
    def rest_bytes(self) -> int:
        """The size of the frame that has no end yet."""
        return len(self._held)

    def _normalised(self, chunk: bytes) -> bytes:
        """`chunk` with every line end as `\\n`, where a CRLF may be cut in two."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _frames(self, whole: bytes) -> list[Frame]:
        if not self._started:
            self._started = True
            whole = whole.removeprefix(_BOM)
        frames = []
        for block in whole.split(_END):
            self._limit(len(block))
            end = block.find(b"\n")
            if end < 0 and block.startswith(b"data: "):
                frames.append(Frame(block[6:]))
            elif (
                block.startswith(b"event: ") and block.startswith(b"data: ", end + 1) and block.find(b"\n", end + 1) < 0
            ):
                frames.append(Frame(block[end + 7 :], block[7:end].decode(errors="replace")))
            else:
                frame = _parsed(block)
                if frame is not None:
                    frames.append(frame)
        return frames

    def _limit(self, size: int) -> None:
        if size > self._frame_bytes_max:
            raise UpstreamMalformedError(f"a server-sent event is larger than {self._frame_bytes_max} bytes")


def data_frame(data: bytes) -> bytes:
    """The bytes of an event without a name."""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(data.splitlines())
    return b"data: " + data + b"\n\n"


def event_frame(event: bytes, data: bytes) -> bytes:
    """The bytes of an event named `event`."""
    return b"event: " + event + b"\n" + data_frame(data)


def _parsed(block: bytes) -> Frame | None:
    """The event of a block of lines; None when it has no data."""
    event = b""
    data = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            data.append(value)
        elif field == b"event":
            event = value
    return Frame(b"\n".join(data), event.decode(errors="replace")) if data else None
