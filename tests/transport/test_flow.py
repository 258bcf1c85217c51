"""Back-pressure, both ways: a slow reader stops the upstream, and memory stays flat."""

import asyncio
import tracemalloc

import pytest

from keywright.core.errors import UpstreamBrokeError
from keywright.core.http import Deadlines
from keywright.transport import PoolSettings
from tests.transport.upstream import Peer, fetch, pool, post, until, upstream

PIECE = b"x" * 65_536
PIECES = 1600
"""A hundred megabytes: far more than sockets and buffers hold together."""

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(PIECE) * PIECES)


class Flood:
    """An upstream that sends as fast as it is read, and knows how far it came."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, peer: Peer) -> None:
        peer.writer.transport.set_write_buffer_limits(high=0)
        while True:
            await peer.request()
            await peer.send(HEAD)
            for _ in range(PIECES):
                await peer.send(PIECE)
                self.sent += len(PIECE)


async def stands(flood: Flood) -> int:
    """How much was sent when nothing more goes."""
    before = -1
    while before != flood.sent:
        before = flood.sent
        await asyncio.sleep(0.05)
    return before


async def test_a_reader_that_does_not_read_stops_the_upstream() -> None:
    flood = Flood()
    async with upstream(flood) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        stood_at = await stands(flood)
        assert stood_at < 0.3 * len(PIECE) * PIECES
        assert answer._buffered_bytes <= 2 * PoolSettings().buffer_bytes_max
        got = 0
        most = 0
        while piece := await answer.chunk():
            got += len(piece)
            most = max(most, len(piece))
        assert got == len(PIECE) * PIECES
        assert most <= 2 * PoolSettings().buffer_bytes_max
        again = await connections.send(served.reach(), post())
        again.abort()
        assert served.connections == 1, "the connection has been kept in spite of its pauses"


async def test_relay_pauses_and_resumes() -> None:
    flood = Flood()
    got = 0
    async with upstream(flood) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())

        def take(piece: bytes) -> None:
            nonlocal got
            got += len(piece)
            answer.pause()

        relaying = asyncio.create_task(answer.relay(take))
        stood_at = await stands(flood)
        assert stood_at < 0.3 * len(PIECE) * PIECES
        assert got < stood_at
        while not relaying.done():
            answer.resume()
            await asyncio.sleep(0)
        await relaying
        assert got == len(PIECE) * PIECES


async def test_a_pause_is_not_the_upstreams_silence() -> None:
    flood = Flood()
    async with upstream(flood) as served, pool() as connections:
        deadlines = Deadlines(connect_s=2, first_byte_s=2, idle_s=0.1, total_s=8)
        answer = await connections.send(served.reach(deadlines=deadlines), post())
        await asyncio.sleep(0.4)
        got = 0
        while piece := await answer.chunk():
            got += len(piece)
        assert got == len(PIECE) * PIECES


async def test_read_takes_more_than_the_buffer() -> None:
    async with upstream(Flood()) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        await asyncio.sleep(0.1)
        assert len(await answer.read(1 << 30)) == len(PIECE) * PIECES


async def test_what_take_raises_ends_the_relay_and_closes_the_socket() -> None:
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await asyncio.sleep(0.02)
        await peer.send(b"2\r\nok\r\n")
        await peer.gone()
        closed.set()

    def take(_: bytes) -> None:
        raise KeyError("mine")

    async with upstream(script) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        with pytest.raises(KeyError, match="mine"):
            await answer.relay(take)
        await closed.wait()


async def test_take_may_abort() -> None:
    async with upstream(Flood()) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        with pytest.raises(UpstreamBrokeError):
            await answer.relay(lambda _: answer.abort())


async def test_each_piece_is_relayed_when_it_arrives() -> None:
    got: list[bytes] = []
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(3):
            await peer.send(b"1\r\n%d\r\n" % number)
            await go.wait()
            go.clear()
        await peer.send(b"0\r\n\r\n")

    async with upstream(script) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        relaying = asyncio.create_task(answer.relay(got.append))
        for number in range(3):
            await until(lambda: len(got) > number)  # noqa: B023
            go.set()
        await relaying
    assert got == [b"0", b"1", b"2"]


async def test_uploading_keeps_no_second_copy() -> None:
    body = b"x" * 50_000_000

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(5)

    async with upstream(script) as served, pool() as connections:
        tracemalloc.start()
        task = asyncio.create_task(fetch(connections, served.reach(), post(body)))
        await asyncio.sleep(0.2)
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert grown < 10_000_000
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
