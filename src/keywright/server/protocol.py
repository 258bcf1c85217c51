"""The data plane without ASGI in between: a protocol class for uvicorn that hands its paths straight to the pipeline.

Why. ASGI costs a dict per message, a task that waits for the client to leave, an event per body piece, and header
checks by regular expression: about a third of what a whole call may cost us (docs/rfd/008-edge.md has the figures).
uvicorn lets its protocol class be replaced. This one is uvicorn's own, with data-plane requests taken out at the
end of their headers; everything else, and everything about connections (keep-alive, pipelining, graceful shutdown,
flow control), stays uvicorn's. `data_plane.py` serves the same paths over plain ASGI, and the tests run against
both.

What it relies on in uvicorn's class: `cycle` is the running request and has `response_complete`, `disconnected`,
`message_event` and `keep_alive`; `pipeline` holds the requests that wait for it; `_start_asgi_task` starts one. The
lock pins the version, and `tests/server` fails loudly when these change.

A request's head is read here without uvicorn's: a dict of scope for each request and two calls for each header are
made only for what is not ours.
"""

import asyncio
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from keywright.pipeline.types import Call
from keywright.server.edge import Edge
from keywright.server.exchange import Exchange
from keywright.server.paths import data_path
from keywright.server.raw_exchange import RawExchange
from keywright.server.raw_paths import NATIVE, raw_path
from keywright.transport.timer import NEVER, LazyTimer

HEADERS_MAX: Final = 128
FAREWELL_S: Final = 0.5
"""How long a client may take to say that it has seen our TLS connection's end, when the gateway stops."""
HEAD_BYTES_MAX: Final = 64 * 1024


class DataPlaneProtocol(HttpToolsProtocol):
    """One client connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        edge: Edge,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.edge = edge
        self.answering: Exchange | None = None
        self._head_bytes = 0
        self._is_in_head = True
        self._fruitless_bytes = 0
        self._is_fruitful = False
        self._is_reading = True
        self._reading: asyncio.TimerHandle | None = None
        self._idle = LazyTimer(self.loop, self._idle_too_long)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come. It has as long for its first request as for any other."""
        super().connection_made(transport)  # type: ignore[arg-type] # a transport that can be read and written
        self._reading = self.loop.call_later(self.edge.read_s, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a request that is not complete afterwards is given a deadline."""
        self._is_fruitful = False
        super().data_received(data)
        if self._is_fruitful:
            self._fruitless_bytes = 0
        else:
            self._count_fruitless(len(data))
        if self._is_reading and self._reading is None:
            self._reading = self.loop.call_later(self.edge.read_s, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left, or we have closed."""
        self._stop_reading_clock()
        self._idle.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it running for 75 s when the connection was reset
        if self.answering is not None:
            self.answering.client_left()

    def on_url(self, url: bytes) -> None:
        """Part of the request line."""
        self._head_bytes += len(url)
        if self._head_bytes > HEAD_BYTES_MAX:
            raise HeadTooLargeError
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer: that is not believed, for whoever stands before the gateway has not seen it."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            raise HeadTooLargeError
        if not self._is_in_head:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_bytes = 0
        self._is_in_head = True
        self._is_reading = True
        self._is_fruitful = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete: take the request out if it is ours."""
        self._is_fruitful = True
        self._is_in_head = False
        target, _, query = self.url.partition(b"?")
        path = data_path(target, query)
        if path is None or self.parser.get_method() != b"POST":
            raw = None if path is not None else raw_path(target, query, self.headers)
            if raw is None or self.parser.get_method() not in raw.methods:
                if NATIVE in target and not target.startswith(b"/"):
                    raise AbsoluteFormError  # elsewhere it means its path; here nothing is normalised
                self._hand_over()
                return
            self._is_reading = False  # its body has a deadline for each piece
            self._stop_reading_clock()
            exchange: Exchange = RawExchange(
                self, raw, query, self.parser, self.headers, expects=self.expect_100_continue
            )
        else:
            exchange = Exchange(self, path, query, self.parser, self.headers, expects=self.expect_100_continue)
        if self.transport.is_closing():
            self.cycle = exchange  # type: ignore[assignment]
            return
        running = self.cycle
        self.cycle = exchange  # type: ignore[assignment]
        if running is None or running.response_complete:  # type: ignore[redundant-expr] # None before the first
            exchange.its_turn()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        self._is_fruitful = True
        cycle = self.cycle
        if isinstance(cycle, Exchange):
            cycle.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._is_fruitful = True
        self._is_reading = False
        self._stop_reading_clock()
        cycle = self.cycle
        if isinstance(cycle, Exchange):
            cycle.complete()
        else:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:  # uvicorn's own signature
        if isinstance(cycle, Exchange):
            cycle.its_turn()
        else:
            super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """The gateway stops: an idle connection ends, a busy one with its answer. Over TLS that takes two."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(FAREWELL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self.answering is not None:
            self.answering.client_reads()

    def on_response_complete(self) -> None:
        """A request is answered: start the next one, or wait for it `timeout_keep_alive` seconds at most.

        As uvicorn's, but for its timer, which would be made and cancelled for every request.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._idle.set(self.loop.time() + self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle.set(NEVER)

    def _idle_too_long(self, _: float) -> None:
        self.timeout_keep_alive_handler()

    def failed(self, call: Call, error: Exception) -> None:
        """A call ended with a fault of ours."""
        self.logger.error("the call %s failed within the gateway", call.id, exc_info=error)

    def _hand_over(self) -> None:
        """The request is uvicorn's: give it the scope that it would have begun with."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    def _count_fruitless(self, size_bytes: int) -> None:
        """Count what brought neither a head nor body: the parser keeps one header, or trailer, however long it gets."""
        self._fruitless_bytes += size_bytes
        if self._fruitless_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def _too_slow(self) -> None:
        self._reading = None
        self.transport.close()

    def _stop_reading_clock(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None


class AbsoluteFormError(Exception):
    """The request's target names a host, on a native path. Raised into the parser, which stops there."""


class HeadTooLargeError(Exception):
    """The request's head is larger than the edge takes. Raised into the parser, which stops there."""
