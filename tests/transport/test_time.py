"""Deadlines, each by itself, and leaving early."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trustme

from keywright.core.errors import ConnectFailedError, UpstreamTimeoutError
from keywright.core.http import Deadlines, Origin, Reach
from keywright.transport import Answer, Pool
from keywright.transport.resolve import Address
from tests.transport.upstream import OK, Peer, always, fetch, nowhere, pool, post, upstream

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LONG_S = 30.0


@contextlib.contextmanager
def taking(at_least_s: float, less_than_s: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert at_least_s - 0.01 <= time.monotonic() - began < less_than_s


async def stalling(peer: Peer, sent: bytes, closed: asyncio.Event) -> None:
    await peer.request()
    await peer.send(sent)
    await peer.gone()
    closed.set()


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nx: y\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_first_byte(sent: bytes) -> None:
    closed = asyncio.Event()
    async with upstream(lambda peer: stalling(peer, sent, closed)) as served, pool() as connections:
        deadlines = Deadlines(connect_s=LONG_S, first_byte_s=0.1, idle_s=LONG_S, total_s=LONG_S)
        with taking(0.1, 10), pytest.raises(UpstreamTimeoutError) as caught:
            await connections.send(served.reach(deadlines=deadlines), post())
        assert caught.value.phase == "first_byte"
        assert (caught.value.sent, caught.value.answered) == (True, bool(sent))
        await closed.wait()


async def test_idle() -> None:
    closed = asyncio.Event()
    async with upstream(lambda peer: stalling(peer, CHUNKED + b"2\r\nok\r\n", closed)) as served, pool() as connections:
        deadlines = Deadlines(connect_s=LONG_S, first_byte_s=LONG_S, idle_s=0.1, total_s=LONG_S)
        answer = await connections.send(served.reach(deadlines=deadlines), post())
        assert await answer.chunk() == b"ok"
        with taking(0.09, 10), pytest.raises(UpstreamTimeoutError) as caught:
            await answer.chunk()
        assert caught.value.phase == "idle"
        assert caught.value.answered
        await closed.wait()


async def test_idle_counts_from_the_last_piece() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for _ in range(10):
            await asyncio.sleep(0.1)
            await peer.send(b"1\r\nx\r\n")
        await peer.send(b"0\r\n\r\n")

    async with upstream(script) as served, pool() as connections:
        deadlines = Deadlines(connect_s=LONG_S, first_byte_s=LONG_S, idle_s=0.7, total_s=LONG_S)
        assert await fetch(connections, served.reach(deadlines=deadlines)) == (200, b"x" * 10)


async def test_total_counts_from_send_and_ends_what_keeps_coming() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        while True:
            await asyncio.sleep(0.01)
            await peer.send(b"1\r\nx\r\n")

    async with upstream(script) as served, pool() as connections:
        deadlines = Deadlines(connect_s=LONG_S, first_byte_s=LONG_S, idle_s=LONG_S, total_s=0.2)
        with taking(0.2, 10), pytest.raises(UpstreamTimeoutError) as caught:
            await fetch(connections, served.reach(deadlines=deadlines))
        assert caught.value.phase == "total"


async def test_an_upstream_that_reads_no_more_of_a_long_request_is_idle() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(LONG_S)

    async with upstream(script) as served, pool() as connections:
        deadlines = Deadlines(connect_s=LONG_S, first_byte_s=LONG_S, idle_s=0.1, total_s=LONG_S)
        with taking(0.1, 10), pytest.raises(UpstreamTimeoutError) as caught:
            await connections.send(served.reach(deadlines=deadlines), post(b"x" * 20_000_000))
        assert caught.value.phase == "idle"


async def test_a_short_deadline_after_a_long_one_is_kept() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        reach = served.reach(deadlines=Deadlines(connect_s=LONG_S, first_byte_s=0.5, idle_s=LONG_S, total_s=LONG_S))
        await fetch(connections, reach)  # leaves a timer for its idle connection
        with taking(0.5, 10), pytest.raises(UpstreamTimeoutError):
            await fetch(connections, reach)
        assert served.connections == 1


@pytest.mark.parametrize(("connect_s", "total_s", "phase"), [(0.1, LONG_S, "connect"), (LONG_S, 0.1, "total")])
async def test_connect(connect_s: float, total_s: float, phase: str) -> None:
    async def never(_: str) -> tuple[Address, ...]:
        await asyncio.sleep(LONG_S)
        return ()

    connections = Pool(environment={}, allowed=nowhere, resolver=never)
    deadlines = Deadlines(connect_s=connect_s, total_s=total_s)
    reach = Reach(Origin("http", "slow.example", 80), private=True, deadlines=deadlines)
    with taking(0.1, 10), pytest.raises(UpstreamTimeoutError) as caught:
        await connections.send(reach, post())
    assert caught.value.phase == phase
    assert not caught.value.sent
    await connections.aclose()


async def test_a_tls_handshake_that_never_ends_is_a_connect_deadline(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.gone()
        gone.set()

    async with upstream(script) as served, pool() as connections:
        reach = served.reach(ca_file=str(ca_file), deadlines=Deadlines(connect_s=0.1))
        with taking(0.1, 10), pytest.raises(UpstreamTimeoutError) as caught:
            await connections.send(reach, post())
        assert caught.value.phase == "connect"
        assert not caught.value.sent
        await gone.wait()


async def reading(answer: Answer) -> None:
    await answer.read(10_000)


async def chunking(answer: Answer) -> None:
    while await answer.chunk():
        pass


async def relaying(answer: Answer) -> None:
    await answer.relay(lambda _: None)


@pytest.mark.parametrize("use", [reading, chunking, relaying])
@pytest.mark.parametrize("sent", [b"", CHUNKED, CHUNKED + b"2\r\nok\r\n"], ids=["head", "body", "mid-body"])
async def test_cancelling_closes_the_socket_at_once(sent: bytes, use: Callable[[Answer], Awaitable[None]]) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.send(sent)
        await peer.gone()
        closed.set()

    async with upstream(script) as served, pool() as connections:

        async def call() -> None:
            answer = await connections.send(served.reach(), post())
            await use(answer)

        task = asyncio.create_task(call())
        await asked.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        with taking(0, 5):
            with pytest.raises(asyncio.CancelledError):
                await task
            await closed.wait()


async def test_aborting_closes_the_socket_at_once_and_twice_is_once() -> None:
    closed = asyncio.Event()
    async with upstream(lambda peer: stalling(peer, CHUNKED, closed)) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        with taking(0, 5):
            answer.abort()
            answer.abort()
            await closed.wait()


async def test_aborting_a_complete_answer_keeps_its_connection() -> None:
    async with upstream(always()) as served, pool() as connections:
        for _ in range(3):
            answer = await connections.send(served.reach(), post())
            await asyncio.sleep(0.01)
            answer.abort()
        assert served.connections == 1


async def test_an_aborted_exchange_never_returns_its_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoi")
        with contextlib.suppress(ConnectionError):
            await asyncio.sleep(0.02)
            await peer.send(b"son")
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        for expected in (1, 2, 3):
            answer = await connections.send(served.reach(), post())
            assert await answer.chunk() == b"poi"
            answer.abort()
            assert served.connections == expected


async def test_cancelling_while_the_answer_arrives_harms_no_later_call() -> None:
    """The moment of cancellation is swept across the moment of arrival."""

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            target = request.split(b" ")[1]
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target))

    async with upstream(script) as served, pool() as connections:
        reach = served.reach(connections_max=2)
        for round_number in range(150):
            first = asyncio.create_task(fetch(connections, reach, post(target=b"/cancelled")))
            for _ in range(round_number % 15):
                await asyncio.sleep(0)
            first.cancel()
            target = b"/%d" % round_number
            assert await fetch(connections, reach, post(target=target)) == (200, target)
            with contextlib.suppress(asyncio.CancelledError):
                await first


async def test_a_call_cancelled_while_connecting_leaves_nothing_open() -> None:
    async with upstream(always()) as served, pool() as connections:
        for spins in range(8):
            reach = served.reach(connections_max=1)
            task = asyncio.create_task(fetch(connections, reach))
            for _ in range(spins):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert await fetch(connections, reach) == (200, b"ok")


async def test_a_refused_connection_is_told_with_its_host() -> None:
    async with pool() as connections:
        with pytest.raises(ConnectFailedError, match=r"localhost:1: .*refused"):
            await connections.send(Reach(Origin("http", "localhost", 1), private=True), post())
