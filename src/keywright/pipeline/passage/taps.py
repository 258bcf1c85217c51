"""What does the answer say was used? Counted while it passes, in bounded memory."""

from collections.abc import Callable
from typing import Final

import msgspec

from keywright.core.dialect import Peek, StreamTap, Tap, Tapped
from keywright.dialects import DIALECTS, WIRES, openai_media
from keywright.dialects.openai_media import Medium
from keywright.providers.provider import EndpointKind

KEPT_BYTES_MAX: Final = 8 * 1024 * 1024
"""How long a whole answer may be to be read for its usage. What is longer is counted by its length."""
TAIL_BYTES_MAX: Final = 64 * 1024
"""How much of the end of an answer is kept, where a usage stands at the end."""

JSON: Final = b"application/json"
MEDIA: Final[dict[EndpointKind, Medium]] = {
    "images": "image",
    "speech": "audio",
    "transcriptions": "text",
    "moderations": "text",
    "ocr": "text",
    "responses_items": "text",
}
"""What the endpoints give whose answers say what was used, as OpenAI's do."""


class NoTap:
    """Of an answer that says nothing."""

    def feed(self, chunk: bytes) -> bytes:
        """`chunk`, as it is."""
        return chunk

    def result(self) -> Tapped:
        """Nothing."""
        return Tapped()


class KeptTap:
    """Keeps a whole answer, and reads it at the end."""

    def __init__(self, read: Callable[[bytes], Tapped]) -> None:
        self._read = read
        self._kept: list[bytes] = []
        self._size_bytes = 0

    def feed(self, chunk: bytes) -> bytes:
        """Keep `chunk`."""
        self._size_bytes += len(chunk)
        if self._size_bytes <= KEPT_BYTES_MAX:
            self._kept.append(chunk)
        else:
            self._kept.clear()
        return chunk

    def result(self) -> Tapped:
        """What the answer says of itself; of one that is too long, its length."""
        if self._size_bytes > KEPT_BYTES_MAX:
            return Tapped(output_chars=self._size_bytes)
        return self._read(b"".join(self._kept))


class TailTap:
    """Keeps the end of an answer, and reads it."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._tail = b""
        self._is_whole = True

    def feed(self, chunk: bytes) -> bytes:
        """Keep the end of what has come."""
        tail = self._tail + chunk[-TAIL_BYTES_MAX:]
        self._is_whole = self._is_whole and len(self._tail) + len(chunk) <= TAIL_BYTES_MAX
        self._tail = tail[-TAIL_BYTES_MAX:]
        return chunk

    def result(self) -> Tapped:
        """What the answer says of itself."""
        read = openai_media.tap_response if self._is_whole else openai_media.tap_tail
        return read(self._tail, self._medium)


def stream_tap_of(wire: str, peek: Peek, content_type: bytes) -> StreamTap | None:
    """What counts a stream of a dialect, and can end it; None where the answer is none. `wire`: the dialect that is
    spoken there, "" where it is not known.
    """
    dialect = DIALECTS.get(wire)
    if dialect is None or not peek.stream:
        return None
    if content_type.startswith(JSON) and not dialect.STREAM_TYPE.startswith(JSON):
        return None  # an answer that came whole
    return dialect.Tap(msgspec.structs.replace(peek, stream=False))  # nothing may be strained out


def tap_of(endpoint: EndpointKind, wire: str, content_type: bytes) -> Tap:
    """What counts an answer of that type that is no stream of a dialect."""
    if wire in WIRES:
        return KeptTap(WIRES[wire].tap_response)
    medium = MEDIA.get(endpoint)
    if medium is None:
        return NoTap()
    if content_type.startswith(b"text/event-stream"):
        return openai_media.Tap(medium)
    return TailTap(medium) if content_type.startswith(JSON) else NoTap()
