"""Newline-delimited JSON, sans-IO: bytes cut anywhere in, lines out. A line is not looked into here.

Empty lines are dropped, and a carriage return before the line's end with it. A last line without its end is given by
`end()`: some servers forget it, and whether it is whole is for its reader to see.
"""

from typing import Final

from keywright.core.errors import UpstreamMalformedError

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
"""A line may hold a picture in base64; anything larger is not an answer."""


class NdjsonDecoder:
    """Bytes to lines."""

    __slots__ = ("_held", "_line_bytes_max")

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._held = bytearray()

    @property
    def rest(self) -> bytes:
        """The bytes of the line that has no end yet."""
        return bytes(self._held)

    @property
    def rest_bytes(self) -> int:
        """Their number."""
        return len(self._held)

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data`, were they fed next, it takes to the end of a line; 0 when it holds no end."""
        return data.find(b"\n") + 1

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes.

        Raises:
            UpstreamMalformedError: a line is larger than `line_bytes_max`.
        """
        held = self._held
        if not held and chunk.endswith(b"\n"):  # nearly every chunk holds whole lines
            return self._lines(chunk)
        end = chunk.rfind(b"\n")
        if end < 0:
            held += chunk
            self._limit(len(held))
            return []
        whole = bytes(held) + chunk[:end]
        held[:] = chunk[end + 1 :]
        self._limit(len(held))
        return self._lines(whole)

    def end(self) -> list[bytes]:
        """The line that the end of the stream completes, if there is one."""
        rest = bytes(self._held)
        self._held.clear()
        return self._lines(rest)

    def _lines(self, whole: bytes) -> list[bytes]:
        lines = []
        for line in whole.split(b"\n"):
            if stripped := line.strip():
                self._limit(len(stripped))
                lines.append(stripped)
        return lines

    def _limit(self, size: int) -> None:
        if size > self._line_bytes_max:
            raise UpstreamMalformedError(f"a line of the stream is larger than {self._line_bytes_max} bytes")
