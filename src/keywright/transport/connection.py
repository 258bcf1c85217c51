"""One upstream connection: an asyncio protocol that decides when a connection may be used again.

The pool is only as safe as this file's answer to one question: *does the next byte on this socket belong to the next
answer?* Whenever that is not certain the socket is closed, which costs one handshake; guessing wrong gives one
tenant another's answer. So a connection is reused only if all of these hold, and they are checked in one place,
`_finish`:

- the answer ended where its own framing says (chunked or length; an answer that ends by closing has no next);
- both sides keep the connection (HTTP/1.1 without `connection: close`, HTTP/1.0 with `keep-alive`);
- nothing followed the answer in the same read, not even a line break;
- the request had been written whole (an early answer to half a request leaves the other half to be misread);
- the answer did not need interpretation (HEAD, whose length is not its length, is not worth the case).

A byte that comes while nobody waits closes the connection. So does leaving early: an exchange that is cancelled, timed
out, over a limit or malformed never returns its connection. What is malformed is `reader.py`'s to say.

**Time.** One lazy timer per connection (`timer.py`) holds whatever deadline is next: idle in the pool, first byte, idle
between pieces, total. A connection in steady use makes no timer per request. While reading is paused (our reader is
slow) only the total deadline counts.

**A request's body in pieces** is written by a task of its own, beside the reading of the answer, and never faster than
the system takes it: the next piece is asked for when the last one is written. An answer that comes before the body's
end and is no success ends the sending, and the connection with it. Waiting for the next piece is the client's silence,
not the upstream's: only the total deadline counts meanwhile.

**Buffers.** All connections of a pool read into one buffer, since it is empty again before the next read; otherwise the
transport makes a new 256 KiB object per read, which costs more than all of this file (docs/rfd/002-transport.md). A
request's body is handed to the transport whole: it is in memory already, and the transport keeps a reference, no copy.

Rejected: asyncio streams (a second buffer, a task switch per read, no say in when reading stops); pipelining (one slow
answer blocks others, and abandoning one costs all); looking for stray bytes by a `recv` before each reuse (a system
call per request, to narrow a window of microseconds in which an upstream could swap none but its own answers).
"""

import asyncio
from typing import Final, Protocol, cast

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError, UpstreamTimeoutError
from keywright.core.http import Deadlines, Pieces
from keywright.transport.answer import Answer
from keywright.transport.reader import AnswerReader
from keywright.transport.request import BodyFraming
from keywright.transport.settings import PoolSettings
from keywright.transport.timer import NEVER, LazyTimer

_NO_DEADLINES: Final = Deadlines()
_SUCCESSES: Final = range(200, 300)

KEEP_MARGIN_S: Final = 1.0
"""How long before an upstream's announced `keep-alive: timeout` its idle connection is given up."""


class Owner(Protocol):
    """The pool, as a connection sees it."""

    def freed(self, connection: "Connection") -> None:
        """The exchange is over and the connection may be used again."""

    def lost(self, connection: "Connection") -> None:
        """The connection is closed. Called once."""


class Connection(asyncio.BufferedProtocol):
    """One socket to one upstream, and at most one exchange on it. Called from the event loop's thread only."""

    __slots__ = (
        "_answer",
        "_buffer",
        "_deadlines",
        "_head",
        "_loop",
        "_owner",
        "_paused",
        "_reader",
        "_room",
        "_sending",
        "_settings",
        "_timer",
        "_total_at",
        "_transport",
        "_unwritten_bytes",
        "closed",
    )

    def __init__(self, owner: Owner, settings: PoolSettings, buffer: memoryview) -> None:
        self._owner = owner
        self._settings = settings
        self._buffer = buffer
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = AnswerReader(settings)
        self._timer = LazyTimer(self._loop, self._expire)
        self._head: asyncio.Future[Answer] | None = None  # an answer's head is waited for
        self._answer: Answer | None = None  # its body is
        self._deadlines = _NO_DEADLINES
        self._total_at = NEVER
        self._unwritten_bytes = 0  # at the last look; 0 when the request has been handed to the system whole
        self._paused = False
        self._sending: asyncio.Task[None] | None = None  # until a body in pieces is written whole
        self._room: asyncio.Future[None] | None = None  # waited for by it while not all is written
        self.closed = False

    # The pool's side.

    def exchange(
        self,
        request: tuple[bytes, ...],
        pieces: Pieces | None,
        deadlines: Deadlines,
        started_at: float,
        *,
        head_only: bool,
    ) -> "asyncio.Future[Answer]":
        """Write `request`, and then `pieces` as they come; return the future of the answer's head, which fails with an
        UpstreamError, or with what kept a piece from coming.

        Whoever gives up the future calls `abort`, or the answer's if the future has one.
        """
        transport = self._running_transport
        self._deadlines = deadlines
        self._total_at = started_at + deadlines.total_s
        self._reader.expect(head_only=head_only)
        head = self._head = self._loop.create_future()
        for piece in request:
            transport.write(piece)
        if pieces is not None:
            self._sending = self._loop.create_task(self._send(pieces))
        self._expire_after(deadlines.idle_s if self._unwritten_bytes else deadlines.first_byte_s)
        return head

    def abort(self) -> None:
        """Close the socket at once. Idempotent. An exchange under way is not told: its owner is the caller."""
        if self.closed:
            return
        self.closed = True
        self._timer.cancel()
        self._stop_sending()
        if self._transport is not None:
            self._transport.abort()
        self._owner.lost(self)

    def shut(self, why: str) -> None:
        """Close the socket at once. An exchange under way fails with UpstreamBrokeError, which says `why`."""
        if self.closed:
            return
        begun = self._reader.begun
        where = "before any answer" if not begun else "in the answer's head"
        if self._answer is not None:
            where = "in the answer's body"
        self._fail(UpstreamBrokeError(f"{why} {where}", answered=begun))

    # The answer's side.

    def pause(self) -> None:
        """Stop reading; only the total deadline counts."""
        if not self._paused and not self.closed:
            self._paused = True
            self._running_transport.pause_reading()
            self._timer.set(self._total_at)

    def resume(self) -> None:
        """Read again."""
        if self._paused and not self.closed:
            self._paused = False
            self._running_transport.resume_reading()
            self._expire_after(self._deadlines.idle_s)

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the transport."""
        self._transport = cast("asyncio.Transport", transport)  # aiofastnet's has its methods, not its class
        self._transport.set_write_buffer_limits(high=0)  # pause_writing means: not all is written

    def get_buffer(self, _: int) -> memoryview:
        """Called by the transport before it reads."""
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        """Called by the transport when one read has put `count` bytes into the buffer."""
        if self._head is None and self._answer is None:
            self.abort()  # bytes that nobody asked for: an answer to no request, or the upstream's farewell
            return
        reader = self._reader
        data = self._buffer[:count].tobytes()
        problem = reader.feed(data)
        piece = reader.body()
        if self._head is not None and reader.status:
            self._begin(self._head)
        answer = self._answer
        if reader.too_long:
            problem = f"its body is longer than {self._settings.body_bytes_max} bytes"
        if reader.complete and answer is not None:
            self._finish(answer, data, piece, intact=problem is None)
        elif problem is not None:
            self._fail(UpstreamMalformedError(f"the upstream's answer is not acceptable HTTP/1.1: {problem}"))
        elif answer is not None:
            if not self._paused:
                self._expire_after(self._deadlines.idle_s)
            if piece:
                answer.arrived(piece)

    def eof_received(self) -> bool:
        """Called by the transport when the upstream has ended its side in order (over TLS: with close_notify)."""
        answer = self._answer
        if answer is not None and self._reader.ends_by_closing:
            self._finish(answer, b"", b"", intact=False)
        else:
            self.shut("the upstream closed the connection")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the transport when the socket is gone."""
        self.shut(f"the upstream {'closed' if error is None else 'reset'} the connection")
        self._reader.close()

    def pause_writing(self) -> None:
        """Called by the transport when the system takes no more of the request for now."""
        self._unwritten_bytes = self._running_transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """Called by the transport when all of the request is written: from now on its answer is waited for."""
        self._unwritten_bytes = 0
        if self._room is not None:
            if not self._room.done():
                self._room.set_result(None)
        elif self._head is not None:
            self._expire_after(self._deadlines.first_byte_s)

    # Within.

    @property
    def _running_transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def _begin(self, head: "asyncio.Future[Answer]") -> None:
        """The answer's head is here: whoever waits for it has it from now on."""
        self._head = None
        if head.done():
            self.abort()  # its caller has left
            return
        reader = self._reader
        if reader.status not in _SUCCESSES:
            self._stop_sending()
        buffer_bytes_max = self._settings.buffer_bytes_max
        self._answer = Answer(reader.status, reader.headers(), reader.length, self, buffer_bytes_max)
        head.set_result(self._answer)

    def _finish(self, answer: Answer, data: bytes, piece: bytes, *, intact: bool) -> None:
        """The answer is complete: give it its end, and the connection back or up. `data` is what was read last."""
        self._answer = None
        reader = self._reader
        ended_well = intact and reader.keeps and reader.ended_exactly(data, piece)
        if ended_well and not self._unwritten_bytes and self._sending is None and not self.closed:
            self.resume()
            kept_s = self._settings.idle_s
            if reader.announced_s is not None:
                kept_s = min(kept_s, reader.announced_s - KEEP_MARGIN_S)
            self._timer.set(self._loop.time() + kept_s)
            self._owner.freed(self)
        else:
            self.abort()
        answer.finish(piece)

    def _fail(self, error: Exception) -> None:
        """The exchange, if any, ends with `error`; the socket is closed."""
        head, answer = self._head, self._answer
        self._head = self._answer = None
        self.abort()
        if head is not None and not head.done():
            head.set_exception(error)
        if answer is not None:
            answer.fail(error)

    async def _send(self, pieces: Pieces) -> None:
        """Write the request's body as it comes. Who waits for the answer is told what went wrong."""
        framing = BodyFraming(pieces.length)
        try:
            ended = False
            while not ended:
                if self._head is not None:
                    self._timer.set(self._total_at)
                piece = await pieces.next()
                ended = not piece
                self._running_transport.write(framing.framed(piece))
                if self._unwritten_bytes:
                    await self._written()
        except Exception as error:  # noqa: BLE001 - not hidden: it is what the exchange ends with
            self._sending = None
            self._fail(error)
            return
        self._sending = None
        if self._head is not None:
            self._expire_after(self._deadlines.first_byte_s)

    async def _written(self) -> None:
        """Until the system has taken all that was written."""
        self._room = self._loop.create_future()
        if self._head is not None:
            self._expire_after(self._deadlines.idle_s)
        try:
            await self._room
        finally:
            self._room = None

    def _stop_sending(self) -> None:
        """Take no more pieces. The connection is not used again."""
        if self._sending is not None:
            self._sending.cancel()

    def _expire_after(self, span_s: float) -> None:
        """The next deadline is `span_s` from now, or the exchange's total, if that is sooner."""
        self._timer.set(min(self._loop.time() + span_s, self._total_at))

    def _expire(self, now: float) -> None:
        """A deadline has passed."""
        deadlines = self._deadlines
        begun = self._reader.begun
        if self._head is None and self._answer is None:
            self.abort()
        elif now >= self._total_at:
            self._fail(UpstreamTimeoutError("total", deadlines.total_s, answered=begun))
        elif self._answer is not None:
            self._fail(UpstreamTimeoutError("idle", deadlines.idle_s, answered=True))
        elif self._unwritten_bytes:
            self._expect_progress()
        else:
            self._fail(UpstreamTimeoutError("first_byte", deadlines.first_byte_s, answered=begun))

    def _expect_progress(self) -> None:
        """A long request is being written: more of it than at the last look, or the upstream is idle."""
        unwritten_bytes = self._running_transport.get_write_buffer_size()
        if unwritten_bytes >= self._unwritten_bytes:
            self._fail(UpstreamTimeoutError("idle", self._deadlines.idle_s, answered=self._reader.begun))
        else:
            self._unwritten_bytes = unwritten_bytes
            self._expire_after(self._deadlines.idle_s)
