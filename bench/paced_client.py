"""A client with a rate: `python -m bench.paced_client`, job on standard input.

wrk sends as fast as it is answered, which shows what saturates but not how long a request takes at a given load. This
one sends when a request is due, whatever became of those before. Arrivals are random and independent (Poisson), the
same sequence for every target. Time counts from when a request was due, so one that waited for a free connection is
not flattered.
"""

import functools
import random
import socket
import sys
from collections import deque
from typing import Final

import msgspec
from msgspec import Struct

from bench.client import WARM
from bench.clockwork import NS_PER_S, Clockwork, now_ns
from bench.figures import percentile
from bench.process import HOST
from bench.wire import is_complete

READ_BYTES: Final = 65_536
SEED: Final = 20_260_101
WAITING_MAX: Final = 10_000
BYTES_SHOWN: Final = 400
OK: Final = b"HTTP/1.1 200 "


class PacedJob(Struct, frozen=True):
    """`request`, byte for byte, `rate` times a second over at most `connections`, measured for `seconds`."""

    port: int
    request: bytes
    rate: float
    connections: int
    warm_s: float
    seconds: float


class PacedResult(Struct, frozen=True):
    """Answers while it was measured, and how long they took."""

    requests: int
    p50_us: float
    p99_us: float


class PacedFailedError(Exception):
    """A request was refused, or the target cannot keep up with the rate."""


class Metronome:
    """Sends what is due over whatever connection is free."""

    def __init__(self, job: PacedJob) -> None:
        self.loop = Clockwork()
        self._job = job
        self._random = random.Random(SEED)
        self._due_ns = 0
        self._free: list[PacedConnection] = []
        self._waiting: deque[int] = deque()
        self._measuring = False
        self._took_ns: list[int] = []

    def run(self) -> PacedResult:
        """Connect, warm up, measure."""
        self._free = [PacedConnection(self, self._job) for _ in range(self._job.connections)]
        self._due_ns = now_ns()
        self._schedule()
        self.loop.at(self._due_ns + int(self._job.warm_s * NS_PER_S), self._measure)
        self.loop.run()
        took = self._took_ns
        return PacedResult(requests=len(took), p50_us=percentile(took, 50) / 1000, p99_us=percentile(took, 99) / 1000)

    def answered(self, connection: "PacedConnection", took_ns: int) -> None:
        """`connection` is free again."""
        if self._measuring:
            self._took_ns.append(took_ns)
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)

    def _schedule(self) -> None:
        self._due_ns += int(self._random.expovariate(self._job.rate) * NS_PER_S)
        self.loop.at(self._due_ns, functools.partial(self._send, self._due_ns))

    def _send(self, due_ns: int) -> None:
        if self._free:
            self._free.pop().send(due_ns)
        elif len(self._waiting) < WAITING_MAX:
            self._waiting.append(due_ns)
        else:
            raise PacedFailedError(f"the target does not keep up with {self._job.rate:.0f} requests a second")
        self._schedule()

    def _measure(self) -> None:
        self._measuring = True
        print(WARM.decode(), flush=True)
        self.loop.at(now_ns() + int(self._job.seconds * NS_PER_S), self.loop.stop)


class PacedConnection:
    """One kept-alive connection, one request at a time."""

    def __init__(self, metronome: Metronome, job: PacedJob) -> None:
        self._metronome = metronome
        self._request = job.request
        self._received = b""
        self._due_ns = 0
        self._socket = socket.create_connection((HOST, job.port))
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        metronome.loop.on_readable(self._socket.fileno(), self._read)

    def send(self, due_ns: int) -> None:
        """Send the request that was due at `due_ns`."""
        self._due_ns = due_ns
        self._socket.send(self._request)

    def _read(self) -> None:
        data = self._socket.recv(READ_BYTES)
        self._received += data
        if not data or not self._received.startswith(OK[: len(self._received)]):
            raise PacedFailedError(f"a request was refused: {self._received[:BYTES_SHOWN]!r}")
        if is_complete(self._received):
            self._received = b""
            self._metronome.answered(self, now_ns() - self._due_ns)


if __name__ == "__main__":
    outcome = Metronome(msgspec.json.decode(sys.stdin.buffer.read(), type=PacedJob)).run()
    print(msgspec.json.encode(outcome).decode(), flush=True)
