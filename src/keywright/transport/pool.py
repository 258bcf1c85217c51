"""Connections to upstreams, kept and shared: what the pipeline sends through.

A call takes the connection that was used last (its congestion window is open and its peer least likely to have left),
or opens one, or, at a reach's `connections_max`, queues. What can or may be sent only once, a body in pieces and a
request that says so, always gets a fresh connection: whether a kept one still stands is not known before something was
sent on it.

Only one case is repeated here: a connection that had been kept was closed by the upstream before any answer. The
upstream then closed it while idle, and our request crossed that on the way; a fresh connection gets the request once
more. All other repeating is the pipeline's decision.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from keywright.core.errors import ConnectFailedError, UpstreamBrokeError, UpstreamError
from keywright.core.http import HttpRequest, Reach
from keywright.transport.answer import Answer
from keywright.transport.connection import Connection
from keywright.transport.dial import AddressCheck, Dialer
from keywright.transport.proxy import Proxy
from keywright.transport.request import RequestWriter, authority
from keywright.transport.resolve import Resolver, ResolverCache, resolve_by_system
from keywright.transport.settings import PoolSettings

READ_BYTES_MAX: Final = 64 * 1024
"""Of one read of any socket: the size of the buffer that all connections of a pool share."""


class Pool:
    """All connections of one event loop. `environment` names proxies; `allowed` says which addresses a reach may have
    that is not `private`; `resolver` finds the addresses of names.
    """

    def __init__(
        self,
        settings: PoolSettings | None = None,
        *,
        environment: Mapping[str, str],
        allowed: AddressCheck,
        resolver: Resolver = resolve_by_system,
    ) -> None:
        self._settings = settings or PoolSettings()
        self._names = ResolverCache(resolver, self._settings.resolved_s, self._settings.resolved_max)
        self._dialer = Dialer(self._names, allowed, environment)
        self._buffer = memoryview(bytearray(READ_BYTES_MAX))
        self._lines: dict[Reach, _Line] = {}
        self._closed = False

    async def send(self, reach: Reach, request: HttpRequest) -> Answer:
        """Send `request` to `reach` and return its answer once the head is here. Cancelling closes the socket.

        Raises:
            ConnectFailedError: no connection; nothing was sent.
            UpstreamTimeoutError: a deadline of `reach` passed.
            UpstreamBrokeError: the connection ended before the head.
            UpstreamMalformedError: what came is not an acceptable answer.
            ValueError: the request cannot be sent as it is.
            Exception: what the request's `pieces` raised.
        """
        line = self._lines.get(reach) or self._open_line(reach)
        started_at = line.loop.time()
        pieces = line.writer.write(request)
        head_only = request.method == b"HEAD"
        body = request.pieces
        once = body is not None or request.once
        connection = None if once else line.take_idle()
        fresh = False
        if connection is None:
            connection, fresh = await line.acquire(started_at)
        if once and not fresh:
            connection, fresh = await line.renew(connection, started_at), True
        while True:
            head = connection.exchange(pieces, body, reach.deadlines, started_at, head_only=head_only)
            try:
                return await head
            except UpstreamBrokeError as error:
                if fresh or error.answered:
                    raise
                stale = error
            except asyncio.CancelledError:
                _give_up(connection, head)
                raise
            connection, fresh = await self._dial_anew(reach, started_at, stale), True

    async def aclose(self) -> None:
        """Close all connections, idle or not; calls under way fail."""
        self._closed = True
        for line in tuple(self._lines.values()):
            line.close()
        await self._names.aclose()
        await asyncio.sleep(0)  # the transports close their sockets in the loop's next round

    async def _dial_anew(self, reach: Reach, started_at: float, stale: UpstreamBrokeError) -> Connection:
        """A fresh connection after `stale`, which is the failure if there is none: the request had been sent once."""
        try:
            line = self._lines.get(reach) or self._open_line(reach)
            return await line.dial_anew(started_at)
        except UpstreamError:
            raise stale from None

    def _open_line(self, reach: Reach) -> "_Line":
        if self._closed:
            raise ConnectFailedError("the gateway is shutting down", "stopping")
        line = _Line(reach, self._dialer, self._settings, self._buffer, self._forget)
        self._lines[reach] = line
        return line

    def _forget(self, line: "_Line") -> None:
        """A line without connections and waiters is nothing; configuration that is gone leaves none behind."""
        if self._lines.get(line.reach) is line:
            del self._lines[line.reach]


def _give_up(connection: Connection, head: "asyncio.Future[Answer]") -> None:
    """The caller is gone. An answer that came at that very moment may already have given its connection back."""
    if head.done() and not head.cancelled() and head.exception() is None:
        head.result().abort()
    else:
        connection.abort()


class _Line:
    """All connections to one reach. `_open` counts those that exist, are being made, or are promised to a waiter."""

    def __init__(
        self,
        reach: Reach,
        dialer: Dialer,
        settings: PoolSettings,
        buffer: memoryview,
        forget: "Callable[[_Line], None]",
    ) -> None:
        self.reach = reach
        self.loop = asyncio.get_running_loop()
        self._dialer = dialer
        self._settings = settings
        self._buffer = buffer
        self._forget = forget
        self._proxy = dialer.proxy(reach)
        self.writer = _writer(reach, self._proxy)
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # the last one in is used next
        self._open = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._closed = False

    def take_idle(self) -> Connection | None:
        """A kept connection, or None."""
        return self._idle.popitem()[0] if self._idle else None

    async def acquire(self, started_at: float) -> tuple[Connection, bool]:
        """A connection, kept or fresh, and whether it is fresh; waits in line at the limit.

        Raises:
            ConnectFailedError: it cannot be made, or the line is too long or too slow.
            UpstreamTimeoutError: connecting took too long.
        """
        if self._open < self.reach.connections_max and not self._waiters:
            self._open += 1
            return await self._dial(started_at), True
        if self._idle:  # not wanted by who comes here: it is to be fresh
            return self._idle.popitem()[0], False
        kept = await self._queue(started_at)
        if kept is None:
            return await self._dial(started_at), True
        if kept.closed:  # lost on the way to us, and its place given up
            return await self.acquire(started_at)
        return kept, False

    async def dial_anew(self, started_at: float) -> Connection:
        """A fresh connection in place of one that was lost just now, whose place may have gone to a waiter already:
        for the length of one such exchange the limit is exceeded by one.
        """
        self._open += 1
        return await self._dial(started_at)

    async def renew(self, kept: Connection, started_at: float) -> Connection:
        """A fresh connection in the place of one that was kept."""
        self._open += 1
        kept.abort()
        return await self._dial(started_at)

    def freed(self, connection: Connection) -> None:
        """An exchange is over: the next in line has its connection, or it is kept."""
        if not self._pass_on(connection):
            self._idle[connection] = None

    def lost(self, connection: Connection) -> None:
        """A connection is closed."""
        self._idle.pop(connection, None)
        if connection in self._connections:
            self._connections.discard(connection)
            self._give_place()

    def close(self) -> None:
        """Close all connections and send the waiters away."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(ConnectFailedError("the gateway is shutting down", "stopping"))
        self._waiters.clear()
        for connection in tuple(self._connections):
            connection.shut("the gateway is shutting down")

    async def _dial(self, started_at: float) -> Connection:
        """A fresh connection for a place already counted."""
        by = started_at + self.reach.deadlines.total_s
        try:
            connection = await self._dialer.connect(self.reach, self._proxy, self._make, by)
            if self._closed:
                connection.abort()
                raise ConnectFailedError("the gateway is shutting down", "stopping")
        except BaseException:
            self._give_place()
            raise
        self._connections.add(connection)
        return connection

    def _make(self) -> Connection:
        return Connection(self, self._settings, self._buffer)

    async def _queue(self, started_at: float) -> Connection | None:
        """Wait for a connection, or for the place to make one (None)."""
        where = f"{self.reach.origin.host}:{self.reach.origin.port}"
        if len(self._waiters) >= self._settings.waiters_max:
            raise ConnectFailedError(f"all connections to {where} are in use and too many calls wait for one", "busy")
        connect_s = min(self.reach.deadlines.connect_s, self.reach.deadlines.total_s)
        waiter: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout_at(started_at + connect_s):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._return(waiter.result())
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise ConnectFailedError(
                    f"all {self.reach.connections_max} connections to {where} were in use for {connect_s:g} s",
                    "busy",
                ) from None
            raise

    def _return(self, given: Connection | None) -> None:
        """What a waiter was given and cannot use."""
        if given is None:
            self._give_place()
        elif not given.closed:
            self.freed(given)

    def _pass_on(self, given: Connection | None) -> bool:
        """Give it to the first in line who still waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(given)
                return True
        return False

    def _give_place(self) -> None:
        """One connection fewer: the first in line may make one in its place."""
        if self._pass_on(None):
            return
        self._open -= 1
        if self._open == 0:
            self._forget(self)


def _writer(reach: Reach, proxy: Proxy | None) -> RequestWriter:
    origin = reach.origin
    if proxy is None or origin.scheme == "https":
        return RequestWriter(origin)
    return RequestWriter(origin, prefix=b"http://" + authority(origin), proxy_authorization=proxy.authorization)
