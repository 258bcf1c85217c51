"""One upstream's answer, as the pipeline reads it: at once, piece by piece, or pushed.

An answer is fed by its connection, once per read of the socket, and knows of it only how to stop and continue reading
and how to close it. When the body is complete the connection has already gone back to the pool, so a slow reader of a
short answer holds none.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.http import Header


class Source(Protocol):
    """The connection, as an answer sees it. All three are idempotent."""

    def pause(self) -> None:
        """Stop reading the socket."""

    def resume(self) -> None:
        """Read the socket again."""

    def abort(self) -> None:
        """Close the socket at once."""


class Answer:
    """Status, headers (lower-case names, without hop-by-hop and framing headers), and a body that may still come.
    `length`: the content-length that was said, None where none was; after HEAD no body of it comes.

    The body is read in one way: `read`, `chunk` until it returns nothing, or `relay`. Each raises UpstreamTimeoutError,
    UpstreamBrokeError or UpstreamMalformedError when the body ends wrongly; cancelling one closes the socket. Call
    `abort` when done, whatever happened: for a complete body it does nothing.
    """

    __slots__ = (
        "_buffer_bytes_max",
        "_buffered_bytes",
        "_error",
        "_pieces",
        "_source",
        "_take",
        "_waiter",
        "_whole_bytes_max",
        "headers",
        "length",
        "status",
    )

    def __init__(
        self, status: int, headers: tuple[Header, ...], length: int | None, source: Source, buffer_bytes_max: int
    ) -> None:
        self.status = status
        self.headers = headers
        self.length = length
        self._source: Source | None = source  # None once the body has ended, well or not
        self._buffer_bytes_max = buffer_bytes_max
        self._pieces: list[bytes] = []
        self._buffered_bytes = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._take: Callable[[bytes], None] | None = None
        self._whole_bytes_max: int | None = None

    async def read(self, bytes_max: int) -> bytes:
        """The whole body. Does not suspend if it is already here.

        Raises:
            UpstreamMalformedError: it is longer than `bytes_max`; the socket is closed then.
        """
        self._whole_bytes_max = bytes_max
        if self._source is not None and self._buffered_bytes <= bytes_max:
            self._source.resume()
            await self._wait()
        if self._buffered_bytes > bytes_max:
            self.abort()
            raise _too_long(bytes_max)
        if self._error is not None:
            raise self._error
        return self._drain()

    async def chunk(self) -> bytes:
        """What has arrived since the last call, waiting for it if need be; b"" at the body's end."""
        if not self._pieces and self._source is not None:
            await self._wait()
        if self._pieces:
            piece = self._drain()
            if self._source is not None:
                self._source.resume()
            return piece
        if self._error is not None:
            raise self._error
        return b""

    async def relay(self, take: Callable[[bytes], None]) -> None:
        """Hand every piece to `take` the moment it arrives, from the socket's own callback; return at the body's end.

        `take` may call `pause`, `resume` and `abort`. What it raises closes the socket and is raised here.
        """
        if self._pieces:
            take(self._drain())
        if self._source is not None:
            self._take = take
            self._source.resume()
            try:
                await self._wait()
            finally:
                self._take = None
        if self._error is not None:
            raise self._error

    def pause(self) -> None:
        """Stop reading the upstream's socket; its idle deadline stands still meanwhile."""
        if self._source is not None:
            self._source.pause()

    def resume(self) -> None:
        """Read the upstream's socket again."""
        if self._source is not None:
            self._source.resume()

    def abort(self) -> None:
        """Be done with this answer: closes the socket at once unless the body is complete. Idempotent."""
        source = self._source
        if source is not None:
            source.abort()
            self.fail(UpstreamBrokeError("the answer was given up before its end", answered=True))

    # What follows is called by the connection.

    def arrived(self, piece: bytes) -> None:
        """Some of the body is here."""
        if self._take is not None:
            self._push(self._take, piece)
            return
        self._pieces.append(piece)
        self._buffered_bytes += len(piece)
        if self._whole_bytes_max is None:
            self._wake()
            if self._buffered_bytes > self._buffer_bytes_max:
                self.pause()
        elif self._buffered_bytes > self._whole_bytes_max:
            self.abort()

    def finish(self, piece: bytes) -> None:
        """The body has ended as it should, with `piece` (which may be empty)."""
        self._source = None
        if piece:
            self.arrived(piece)
        self._wake()

    def fail(self, error: Exception) -> None:
        """The body has ended too early. What had arrived can still be had from `chunk`."""
        self._end(error)

    def _push(self, take: Callable[[bytes], None], piece: bytes) -> None:
        try:
            take(piece)
        except Exception as error:  # noqa: BLE001 - not hidden: `relay` raises it
            if self._source is not None:
                self._source.abort()
            self._end(error)

    def _end(self, error: Exception) -> None:
        self._source = None
        if self._error is None:
            self._error = error
        self._wake()

    def _drain(self) -> bytes:
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._buffered_bytes = 0
        return body

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        """Until `_wake`. Cancelled: the socket is closed before the cancellation goes on."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._waiter = None


def _too_long(bytes_max: int) -> UpstreamMalformedError:
    return UpstreamMalformedError(f"the answer's body is longer than {bytes_max} bytes")
