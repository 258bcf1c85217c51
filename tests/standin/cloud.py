"""One running stand-in: it checks every request, answers by script or by rule, and remembers what it saw."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.standin.reply import RejectedError, Reply, Used
from tests.standin.script import PLAIN, Script
from tests.standin.wire import Gauge, Link, Request, Server

STALL_S_MAX = 60.0
POLL_S = 0.002


class Wire(Protocol):
    """What distinguishes one provider, or one of its endpoints, from another.

    A path has its query with it. `read` gives the body as the other methods take it: where the path names the model
    and whether a stream is wanted, they are put into it as `model` and `stream`.
    """

    @property
    def name(self) -> str: ...
    @property
    def base_suffix(self) -> str: ...
    @property
    def stream_type(self) -> str: ...
    def serves(self, path: str) -> bool: ...
    def read(self, path: str, raw: bytes) -> dict[str, Any]: ...
    def unauthorised(self, headers: dict[str, str], key: str) -> str | None: ...
    def check(self, body: dict[str, Any], headers: dict[str, str]) -> None: ...
    def reply(self, body: dict[str, Any], script: Script, number: int) -> Reply: ...
    def whole(self, reply: Reply) -> bytes: ...
    def frames(self, reply: Reply, body: dict[str, Any]) -> Iterator[tuple[bytes, int]]: ...
    def error(self, status: int, message: str) -> bytes: ...
    def error_headers(self, status: int) -> dict[str, str]: ...
    def error_frame(self) -> bytes: ...
    def broken_frame(self) -> bytes: ...
    def models(self, names: tuple[str, ...]) -> bytes: ...


@dataclass
class Exchange:
    """One request and what became of it. Times are `time.monotonic` seconds.

    `outcome`: `open` while it runs, `complete`, `faulted` (as scripted), `rejected`, or `left` (the client went away,
    at `left_at`). `sent`: output tokens that were sent; `used`: what the answer says was used, when it came that far.
    """

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any] = field(default_factory=dict)
    started_at: float = 0.0
    outcome: str = "open"
    status: int = 0
    sent: int = 0
    used: Used | None = None
    left_at: float = 0.0


class StandIn:
    """A provider's cloud on loopback, with one wire or several. All here may be called from the test's thread."""

    def __init__(self, wires: Wire | tuple[Wire, ...], key: str, models: tuple[str, ...]) -> None:
        self.key = key
        self._wires = wires if isinstance(wires, tuple) else (wires,)
        self._models = models
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._scripts: dict[bytes, list[Script]] = {}
        self._always: dict[bytes, Script] = {}
        self._exchanges: list[Exchange] = []
        self._violations: list[str] = []
        self._server = Server(self._serve)

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.close()

    @property
    def base_url(self) -> str:
        """What this provider's own SDK takes."""
        return f"http://127.0.0.1:{self._server.port}{self._wires[0].base_suffix}"

    @property
    def sockets(self) -> Gauge:
        """Connections: open now, opened so far, most at once."""
        return self._server.gauge

    def script(self, *scripts: Script, always: bool = False) -> str:
        """A marker: each request whose body holds it is answered by the next script, then by rule.

        With `always` the last script is repeated for ever.
        """
        with self._lock:
            marker = f"[{self._wires[0].name}-{next(self._numbers)}]"
            self._scripts[marker.encode()] = list(scripts[:-1] if always else scripts)
            if always:
                self._always[marker.encode()] = scripts[-1]
        return marker

    @property
    def exchanges(self) -> list[Exchange]:
        """What was asked since the last `reset`, oldest first (inference only)."""
        with self._lock:
            return list(self._exchanges)

    @property
    def last(self) -> Exchange:
        """The latest exchange."""
        return self.exchanges[-1]

    @property
    def running(self) -> int:
        """Exchanges that have not ended."""
        return sum(exchange.outcome == "open" for exchange in self.exchanges)

    def take_violations(self) -> list[str]:
        """What requests broke the provider's rules since the last call; forgotten by reading."""
        with self._lock:
            taken, self._violations = self._violations, []
        return taken

    def reset(self) -> None:
        """Forget exchanges, violations and scripts. Connections stay."""
        with self._lock:
            self._exchanges.clear()
            self._violations.clear()
            self._scripts.clear()
            self._always.clear()

    def wait_for(self, condition: Callable[[], bool], within_s: float = 30.0) -> bool:
        """Whether `condition` became true in time."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    async def _serve(self, request: Request, link: Link) -> None:
        path = request.path.partition("?")[0]
        if request.method == "GET" and path.endswith("/models"):
            complaint = self._wires[0].unauthorised(request.headers, self.key)
            await link.whole(
                *(
                    (401, self._wires[0].error(401, complaint))
                    if complaint
                    else (200, self._wires[0].models(self._models))
                )
            )
            return
        wire = next((wire for wire in self._wires if wire.serves(request.path)), None)
        if wire is None or request.method != "POST":
            self._violate(self._wires[0], f"{request.method} {request.path} does not exist")
            await link.whole(404, self._wires[0].error(404, "no such path"))
            return
        exchange = Exchange(request.method, request.path, request.headers, request.body, started_at=time.monotonic())
        with self._lock:
            self._exchanges.append(exchange)
        try:
            await self._exchange(exchange, link, wire)
        except asyncio.CancelledError:
            exchange.left_at = link.left_at
            exchange.outcome = "left"
            raise
        except Exception as broken:
            self._violate(wire, f"the stand-in itself broke: {broken!r}")
            link.cut()
            raise

    async def _exchange(self, exchange: Exchange, link: Link, wire: Wire) -> None:
        complaint = wire.unauthorised(exchange.headers, self.key)
        if complaint:
            await self._reject(exchange, link, wire, 401, complaint)
            return
        try:
            exchange.body = wire.read(exchange.path, exchange.raw)
            wire.check(exchange.body, exchange.headers)
        except (RejectedError, ValueError) as rejected:
            await self._reject(exchange, link, wire, 400, str(rejected))
            return
        script = self._script_for(exchange.raw)
        if script.head_delay_s:
            await asyncio.sleep(script.head_delay_s)
        if script.status != 200:
            await self._fail(exchange, link, wire, script)
            return
        if script.fault in ("hang", "not_http") and not script.after:
            await self._misbehave(exchange, link, wire, script.fault)
            return
        reply = wire.reply(exchange.body, script, next(self._numbers))
        exchange.status = 200
        if exchange.body.get("stream"):
            await self._stream(exchange, link, wire, script, reply)
        else:
            await self._answer(exchange, link, wire, script, reply)

    def _script_for(self, raw: bytes) -> Script:
        with self._lock:
            for marker, scripts in self._scripts.items():
                if marker in raw:
                    return scripts.pop(0) if scripts else self._always.get(marker, PLAIN)
        return PLAIN

    async def _answer(self, exchange: Exchange, link: Link, wire: Wire, script: Script, reply: Reply) -> None:
        body = wire.whole(reply)
        if script.fault == "malformed":
            body = body[: len(body) // 2]
        elif script.fault:
            await link.head(200, {"content-type": "application/json", "content-length": str(len(body))})
            await link.write(body[: len(body) // 2])
            await self._misbehave(exchange, link, wire, script.fault)
            return
        exchange.used = reply.used
        exchange.sent = reply.used.output + reply.used.reasoning
        exchange.outcome = "faulted" if script.fault else "complete"
        await link.whole(200, body, {"x-request-id": f"standin-{reply.number}"})

    async def _stream(self, exchange: Exchange, link: Link, wire: Wire, script: Script, reply: Reply) -> None:
        headers = {"content-type": wire.stream_type, "transfer-encoding": "chunked"}
        await link.head(200, {**headers, "x-request-id": f"standin-{reply.number}"})
        for frame, tokens in wire.frames(reply, exchange.body):
            if script.fault and exchange.sent >= script.after:
                await self._misbehave(exchange, link, wire, script.fault)
                return
            await link.chunk(frame)
            exchange.sent += tokens
            if script.pace_s and tokens:
                await asyncio.sleep(script.pace_s)
        exchange.used = reply.used
        exchange.outcome = "complete"
        await link.chunk(b"")

    async def _misbehave(self, exchange: Exchange, link: Link, wire: Wire, fault: str) -> None:
        if fault in ("hang", "stall"):
            await asyncio.sleep(STALL_S_MAX)
        exchange.outcome = "faulted"
        if fault == "error_event":
            await link.chunk(wire.error_frame())
            await link.chunk(b"")
        elif fault == "malformed":
            await link.chunk(wire.broken_frame())
            await link.chunk(b"")
        elif fault == "not_http":
            await link.write(b"this is not HTTP\r\n\r\n")
            link.cut()
        elif fault == "reset":
            link.reset()
        else:
            link.cut()

    async def _fail(self, exchange: Exchange, link: Link, wire: Wire, script: Script) -> None:
        exchange.outcome, exchange.status = "faulted", script.status
        headers = {"retry-after": script.retry_after} if script.retry_after else {}
        message = script.message or f"scripted failure {script.status}"
        await link.whole(script.status, wire.error(script.status, message), headers | wire.error_headers(script.status))

    async def _reject(self, exchange: Exchange, link: Link, wire: Wire, status: int, why: str) -> None:
        exchange.outcome, exchange.status = "rejected", status
        self._violate(wire, f"{status} {why}")
        await link.whole(status, wire.error(status, why), wire.error_headers(status))

    def _violate(self, wire: Wire, what: str) -> None:
        with self._lock:
            self._violations.append(f"{wire.name}: {what}")
