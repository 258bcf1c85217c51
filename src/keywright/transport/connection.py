"""One upstream connection: an asyncio protocol around llhttp that decides when a connection may be used again.

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
out, over a limit or malformed never returns its connection.

**What llhttp checks, and what is added.** llhttp without its leniencies refuses bare LF, folded lines, spaces before
colons, control bytes in values, doubled or signed lengths, length beside transfer-encoding, bad chunk sizes and bare
line ends in chunks (`tests/transport/test_hostile.py` holds all of that, so an upgrade that weakens it is seen). It is
more lenient than a gateway may be about: any `transfer-encoding` but exactly `chunked` (it would read to the end of
the connection, or take `gzip, chunked` as if it were `chunked`), versions 0.9 and 2.0, RTSP, empty lines before an
answer, statuses 000-099 and 600-999, trailing blanks in values, and the number and size of everything.

**Time.** One timer per connection, armed lazily: a deadline that moves later costs a comparison, and the timer, when
it fires too early, is set again. A connection in steady use sets no timer per request. The same timer expires idle
connections. While reading is paused (our reader is slow) only the total deadline counts.

**Buffers.** All connections of a pool read into one buffer, since it is empty again before the next read; otherwise the
transport makes a new 256 KiB object per read, which costs more than all of this file (docs/rfd/002-transport.md).
llhttp copies each piece of body once; the pieces of one read are joined and handed on once, so that a read with forty
chunks is one call. `on_body` is bound to a list's `append`: no Python frame per chunk.

Rejected: h11 (pure Python, 300 µs per exchange here); asyncio streams (a second buffer, a task switch per read, no
say in when reading stops); pipelining (one slow answer blocks others, and abandoning one costs all).
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, cast

import httptools

from keywright.core.errors import UpstreamBrokeError, UpstreamError, UpstreamMalformedError, UpstreamTimeoutError
from keywright.core.http import Deadlines, Header
from keywright.transport.answer import Answer
from keywright.transport.settings import PoolSettings

_NEVER: Final = float("inf")
_NO_DEADLINES: Final = Deadlines()
_H: Final = ord("H")
_AFTER_LENGTHLESS_END: Final = (b"\n\n", b"\r\n\r\n\r\n", b"\r")
"""How a read ends that holds line breaks beyond the empty line that ends a head, the last chunk or trailers."""

_REMOVED: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer"),
        *(b"transfer-encoding", b"upgrade", b"content-length"),
    }
)
_KEPT_WHEN_NAMED: Final = frozenset({b"close", b"keep-alive"})
"""Words in `connection:` that are not names of further headers to remove."""


_BODYLESS: Final = frozenset({204, 304})

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
        "_answered",
        "_body_bytes",
        "_buffer",
        "_complete",
        "_deadlines",
        "_due",
        "_ends_by_closing",
        "_framed_by",
        "_framing_bytes",
        "_head",
        "_head_only",
        "_headers",
        "_interims",
        "_keep_s",
        "_keeps",
        "_loop",
        "_named",
        "_owner",
        "_parser",
        "_paused",
        "_pieces",
        "_refusal",
        "_settings",
        "_timer",
        "_timer_at",
        "_total_at",
        "_transport",
        "_unwritten_bytes",
        "closed",
        "on_body",
    )

    def __init__(self, owner: Owner, settings: PoolSettings, buffer: memoryview) -> None:
        self._owner = owner
        self._buffer = buffer
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self.on_body: Callable[[bytes], None] = self._pieces.append
        self._parser = httptools.HttpResponseParser(self)
        self.closed = False
        self._paused = False
        self._unwritten_bytes = 0  # at the last look; 0 when the request has been handed to the system whole
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._due = _NEVER
        self._keep_s = settings.idle_s
        self._head: asyncio.Future[Answer] | None = None  # an answer's head is waited for
        self._answer: Answer | None = None  # its body is
        self._deadlines = _NO_DEADLINES
        self._total_at = _NEVER
        self._head_only = False
        self._headers: list[Header] = []
        self._named: list[bytes] = []
        self._reset()

    # The pool's side.

    def exchange(
        self, request: tuple[bytes, ...], deadlines: Deadlines, started_at: float, *, head_only: bool
    ) -> "asyncio.Future[Answer]":
        """Write `request` and return the future of its answer's head, which fails with an UpstreamError.

        Whoever gives up the future calls `abort`, or the answer's if the future has one.
        """
        transport = self._running_transport
        self._deadlines = deadlines
        self._total_at = started_at + deadlines.total_s
        self._head_only = head_only
        head = self._head = self._loop.create_future()
        for piece in request:
            transport.write(piece)
        self._arm_before(deadlines.idle_s if self._unwritten_bytes else deadlines.first_byte_s)
        return head

    def abort(self) -> None:
        """Close the socket at once. Idempotent. An exchange under way is not told: its owner is the caller."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        self._owner.lost(self)

    def shut(self, why: str) -> None:
        """Close the socket at once. An exchange under way fails with UpstreamBrokeError, which says `why`."""
        if self.closed:
            return
        where = "before any answer" if not self._answered else "in the answer's head"
        if self._answer is not None:
            where = "in the answer's body"
        self._fail(UpstreamBrokeError(f"{why} {where}", answered=self._answered))

    # The answer's side.

    def pause(self) -> None:
        """Stop reading; only the total deadline counts."""
        if not self._paused and not self.closed:
            self._paused = True
            self._running_transport.pause_reading()
            self._arm(self._total_at)

    def resume(self) -> None:
        """Read again."""
        if self._paused and not self.closed:
            self._paused = False
            self._running_transport.resume_reading()
            self._arm_before(self._deadlines.idle_s)

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
        data = self._buffer[:count].tobytes()
        if self._head is None and self._answer is None:
            self.abort()  # bytes that nobody asked for: an answer to no request, or the upstream's farewell
            return
        problem = self._parse(data)
        piece = self._joined()
        self._body_bytes += len(piece)
        if self._body_bytes > self._settings.body_bytes_max:
            problem = f"its body is longer than {self._settings.body_bytes_max} bytes"
        answer = self._answer
        if self._complete:
            self._finish(data, piece, intact=problem is None)
        elif problem is not None:
            self._fail(UpstreamMalformedError(f"the upstream's answer is not acceptable HTTP/1.1: {problem}"))
        elif answer is not None and not self.closed:
            if not self._paused:
                self._arm_before(self._deadlines.idle_s)
            if piece:
                answer.arrived(piece)

    def eof_received(self) -> bool:
        """Called by the transport when the upstream has ended its side in order (over TLS: with close_notify)."""
        if self._answer is not None and self._ends_by_closing:
            self._finish(b"", b"", intact=False)
        else:
            self.shut("the upstream closed the connection")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the transport when the socket is gone."""
        del self._parser  # breaks the cycle with its callbacks
        self.shut(f"the upstream {'closed' if error is None else 'reset'} the connection")

    def pause_writing(self) -> None:
        """Called by the transport when the system takes no more of the request for now."""
        self._unwritten_bytes = self._running_transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """Called by the transport when all of the request is written: from now on its answer is waited for."""
        self._unwritten_bytes = 0
        if self._head is not None:
            self._arm_before(self._deadlines.first_byte_s)

    # The parser's side: called within `_parse`. What these raise ends the parsing.

    def on_message_begin(self) -> None:
        """An answer begins, interim or real."""
        if self._complete:
            self._refuse("an answer follows the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or, within a body, a trailer, which is dropped."""
        if self._answer is not None:
            return
        name = name.lower()
        if name in _REMOVED:
            self._framing_header(name, value.strip())
        else:
            self._headers.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        """A head is complete."""
        parser = self._parser
        status = parser.get_status_code()
        version = parser.get_http_version()
        if version != "1.1" and (version != "1.0" or self._framed_by == b"transfer-encoding"):
            self._refuse(f"version {version}")
        if not 100 <= status <= 599:
            self._refuse(f"status {status}")
        if len(self._headers) > self._settings.headers_max:
            self._refuse("too many headers")
        if status < 200:
            self._interim(status)
        else:
            self._begin(status)

    def on_message_complete(self) -> None:
        """An answer, interim or real, has ended."""
        if self._answer is not None:
            self._complete = True

    # Within.

    @property
    def _running_transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def _reset(self) -> None:
        """Ready for an answer."""
        self._answered = False
        self._complete = False
        self._keeps = False
        self._ends_by_closing = False
        self._framed_by = b""
        self._framing_bytes = 0
        self._body_bytes = 0
        self._interims = 0
        self._refusal = ""

    def _parse(self, data: bytes) -> str | None:
        """Feed the parser; what is wrong, or None."""
        in_head = self._answer is None
        if in_head:
            if not self._answered:
                self._answered = True
                if data[0] != _H:
                    return "it does not begin with HTTP/"
            room = self._settings.head_bytes_max - self._framing_bytes
            if len(data) > room and data.find(b"\r\n\r\n", 0, room) < 0:
                return "too long a head"
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return "it switches protocols"
        except httptools.HttpParserError as error:
            return self._refusal or str(error)
        if self._pieces or (in_head and self._answer is not None):
            self._framing_bytes = 0
            return None
        self._framing_bytes += len(data)
        if not in_head and self._framing_bytes > self._settings.framing_bytes_max:
            return "too long a chunk extension or trailer"
        return None

    def _joined(self) -> bytes:
        """The body that the last read brought."""
        pieces = self._pieces
        if not pieces:
            return b""
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return piece

    def _framing_header(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self._framed_by = name
        elif name == b"transfer-encoding":
            if self._framed_by or value.lower() != b"chunked":
                self._refuse("a transfer-encoding other than chunked")
            self._framed_by = name
        elif name == b"connection" and value not in _KEPT_WHEN_NAMED:
            self._named += (word.strip().lower() for word in value.split(b","))
        elif name == b"keep-alive":
            digits = value.partition(b"timeout=")[2].partition(b",")[0]
            if digits.isdigit() and len(digits) < 6:
                self._keep_s = min(self._settings.idle_s, int(digits) - KEEP_MARGIN_S)

    def _interim(self, status: int) -> None:
        """A 1xx answer: dropped. Its parser state ends with its head."""
        if status == 101:
            self._refuse("it switches protocols")
        self._interims += 1
        if self._interims > self._settings.interim_max:
            self._refuse("too many interim answers")
        self._headers.clear()
        self._named.clear()
        self._framed_by = b""

    def _begin(self, status: int) -> None:
        """The real answer's head is here: whoever waits for it has it from now on."""
        head = self._head
        if head is None or head.done():
            self._refuse("nobody waits for it any more")
            return
        headers = self._headers
        if self._named:
            named = frozenset(self._named) - _KEPT_WHEN_NAMED
            if named:
                headers = [header for header in headers if header[0] not in named]
            self._named.clear()
        answer = Answer(status, tuple(headers), self, self._settings.buffer_bytes_max)
        self._headers.clear()
        self._keeps = self._parser.should_keep_alive()
        self._ends_by_closing = not self._framed_by and status not in _BODYLESS
        self._head = None
        self._answer = answer
        head.set_result(answer)
        if self._head_only:
            self._complete = True
            self._refuse("an answer to HEAD ends here, whatever its length says")

    def _finish(self, data: bytes, piece: bytes, *, intact: bool) -> None:
        """The answer is complete: give it its end, and the connection back or up. `data` is what was read last."""
        answer = self._answer
        assert answer is not None
        self._answer = None
        if self._framed_by == b"content-length" and piece:
            nothing_follows = data.endswith(piece)
        else:
            nothing_follows = not data.endswith(_AFTER_LENGTHLESS_END)
        if intact and nothing_follows and self._keeps and not self._unwritten_bytes and not self.closed:
            self.resume()
            self._reset()
            self._arm(self._loop.time() + self._keep_s)
            self._owner.freed(self)
        else:
            self.abort()
        answer.finish(piece)

    def _refuse(self, why: str) -> None:
        """Stop the parser."""
        self._refusal = why
        raise ValueError(why)

    def _fail(self, error: UpstreamError) -> None:
        """The exchange, if any, ends with `error`; the socket is closed."""
        head, answer = self._head, self._answer
        self._head = self._answer = None
        self.abort()
        if head is not None and not head.done():
            head.set_exception(error)
        if answer is not None:
            answer.fail(error)

    def _arm_before(self, span_s: float) -> None:
        """The next deadline is `span_s` from now, or the exchange's total, if that is sooner."""
        self._arm(min(self._loop.time() + span_s, self._total_at))

    def _arm(self, at: float) -> None:
        self._due = at
        if at < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(at, self._tick)
            self._timer_at = at

    def _tick(self) -> None:
        self._timer = None
        self._timer_at = _NEVER
        now = self._loop.time()
        if now < self._due:
            self._arm(self._due)
        else:
            self._expire(now)

    def _expire(self, now: float) -> None:
        """A deadline has passed."""
        deadlines = self._deadlines
        if self._head is None and self._answer is None:
            self.abort()
        elif now >= self._total_at:
            self._fail(UpstreamTimeoutError("total", deadlines.total_s, answered=self._answered))
        elif self._answer is not None:
            self._fail(UpstreamTimeoutError("idle", deadlines.idle_s, answered=True))
        elif self._unwritten_bytes:
            self._expect_progress()
        else:
            self._fail(UpstreamTimeoutError("first_byte", deadlines.first_byte_s, answered=self._answered))

    def _expect_progress(self) -> None:
        """A long request is being written: more of it than at the last look, or the upstream is idle."""
        unwritten_bytes = self._running_transport.get_write_buffer_size()
        if unwritten_bytes >= self._unwritten_bytes:
            self._fail(UpstreamTimeoutError("idle", self._deadlines.idle_s, answered=self._answered))
        else:
            self._unwritten_bytes = unwritten_bytes
            self._arm_before(self._deadlines.idle_s)
