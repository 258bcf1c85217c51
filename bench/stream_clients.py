"""Clients that read streams: `python -m bench.stream_clients`, job on standard input.

As many connections as the job says each have one stream after another. Every chunk carries the time at which the
upstream sent it, so the difference to now is how long it was under way. Opening is spread over one gap, so that frames
of different streams come one at a time and not in bursts.
"""

import socket
import sys
from typing import Final

import msgspec
from msgspec import Struct

from bench.client import WARM
from bench.clockwork import NS_PER_S, Clockwork, now_ns
from bench.figures import percentile
from bench.payloads import MARK, MARK_DIGITS
from bench.process import HOST

READ_BYTES: Final = 65_536
TAIL_BYTES: Final = 32
"""More than a mark or the end of a chunked body, either of which two reads may share."""
END: Final = b"\r\n0\r\n\r\n"
OPEN_S_MAX: Final = 60.0
BYTES_SHOWN: Final = 400


class StreamJob(Struct, frozen=True):
    """`request` is what to send, byte for byte; measured for `seconds` once all `streams` had a chunk."""

    port: int
    request: bytes
    streams: int
    spread_us: int
    warm_s: float
    seconds: float


class StreamResult(Struct, frozen=True):
    """Chunks that arrived while it was measured, and how long they were under way."""

    chunks: int
    p50_us: float
    p99_us: float


class StreamFailedError(Exception):
    """A stream was refused or broken off."""


class Crowd:
    """All clients of one job."""

    def __init__(self, job: StreamJob) -> None:
        self.job = job
        self.loop = Clockwork()
        self.measuring = False
        self.delays_us: list[int] = []
        self._begun = 0

    def run(self) -> StreamResult:
        """Open, warm up, measure."""
        begin_ns = now_ns()
        for index in range(self.job.streams):
            due_ns = begin_ns + index * self.job.spread_us * 1000 // self.job.streams
            self.loop.at(due_ns, self._open)
        self.loop.at(begin_ns + int(OPEN_S_MAX * NS_PER_S), self._give_up)
        self.loop.run()
        return StreamResult(
            chunks=len(self.delays_us), p50_us=percentile(self.delays_us, 50), p99_us=percentile(self.delays_us, 99)
        )

    def _open(self) -> None:
        StreamClient(self)

    def began(self) -> None:
        """One more client has had its first chunk."""
        self._begun += 1
        if self._begun == self.job.streams:
            self.loop.at(now_ns() + int(self.job.warm_s * NS_PER_S), self._measure)

    def _measure(self) -> None:
        self.measuring = True
        print(WARM.decode(), flush=True)
        self.loop.at(now_ns() + int(self.job.seconds * NS_PER_S), self.loop.stop)

    def _give_up(self) -> None:
        if self._begun < self.job.streams:
            raise StreamFailedError(f"{self._begun} of {self.job.streams} streams open after {OPEN_S_MAX:g} s")


class StreamClient:
    """One connection."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._began = False
        self._tail = b""
        self._socket = socket.create_connection((HOST, crowd.job.port), timeout=OPEN_S_MAX)
        self._socket.settimeout(0)
        crowd.loop.on_readable(self._socket.fileno(), self._read)
        self._ask()

    def _ask(self) -> None:
        self._at_head = True
        self._socket.send(self._crowd.job.request)

    def _read(self) -> None:
        data = self._socket.recv(READ_BYTES)
        if not data or (self._at_head and not data.startswith(b"HTTP/1.1 200 ")):
            raise StreamFailedError(f"a stream ended or was refused: {data[:BYTES_SHOWN]!r}")
        self._at_head = False
        now_us = now_ns() // 1000
        sent_us, self._tail = marks(self._tail + data)
        if sent_us and not self._began:
            self._began = True
            self._crowd.began()
        if self._crowd.measuring:
            self._crowd.delays_us.extend(now_us - sent for sent in sent_us)
        if self._tail.endswith(END):
            self._tail = b""
            self._ask()


def marks(data: bytes) -> tuple[list[int], bytes]:
    """The complete times in `data`, and what of its end belongs to the next piece."""
    found: list[int] = []
    at = data.find(MARK)
    while at >= 0:
        end = at + 1 + MARK_DIGITS
        if end > len(data):
            return found, data[at:]
        found.append(int(data[at + 1 : end]))
        at = data.find(MARK, end)
    rest = data[-TAIL_BYTES:]
    _, mark, after = rest.rpartition(MARK)
    return found, after if mark else rest


if __name__ == "__main__":
    outcome = Crowd(msgspec.json.decode(sys.stdin.buffer.read(), type=StreamJob)).run()
    print(msgspec.json.encode(outcome).decode(), flush=True)
