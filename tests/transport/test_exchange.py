"""One exchange after another: what goes out, what comes back however it is cut, keeping, stale connections, queues."""

import asyncio
import contextlib
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keywright.core.errors import ConnectFailedError, UpstreamBrokeError
from keywright.core.http import Deadlines, HttpRequest, Origin, Reach
from keywright.transport import PoolSettings
from tests.transport.upstream import OK, Peer, Script, always, answering, fetch, pool, post, until, upstream

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def recording(requests: list[bytes], answer: bytes = OK) -> Script:
    async def script(peer: Peer) -> None:
        while True:
            requests.append(await peer.request())
            await peer.send(answer)

    return script


async def test_a_request_goes_out_byte_for_byte() -> None:
    requests: list[bytes] = []
    async with upstream(recording(requests)) as served, pool() as connections:
        headers = ((b"Content-Type", b"application/json"), (b"x-empty", b""), (b"x-latin", b"\xe9 a"))
        await fetch(connections, served.reach(), post(b'{"a":1}', headers, b"/v1/x?y=%20z"))
        await fetch(connections, served.reach(), HttpRequest(b"GET", b"/", ()))
        await fetch(connections, served.reach(), HttpRequest(b"DELETE", b"/a", ()))
        await fetch(connections, served.reach(), post(b""))
        host = b"host: 127.0.0.1:%d\r\n" % served.port
    assert requests == [
        b"POST /v1/x?y=%20z HTTP/1.1\r\n"
        + host
        + b'Content-Type: application/json\r\nx-empty: \r\nx-latin: \xe9 a\r\ncontent-length: 7\r\n\r\n{"a":1}',
        b"GET / HTTP/1.1\r\n" + host + b"\r\n",
        b"DELETE /a HTTP/1.1\r\n" + host + b"\r\n",
        b"POST /v1/x HTTP/1.1\r\n" + host + b"content-length: 0\r\n\r\n",
    ]


async def test_a_long_body_goes_out_whole_to_a_slow_upstream() -> None:
    body = bytes(range(256)) * 40_000
    got = bytearray()

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        while len(got) < len(body):
            got.extend(await peer.reader.read(200_000))
            await asyncio.sleep(0)
        await peer.send(OK)
        await peer.request()
        await peer.send(OK)

    async with upstream(script) as served, pool() as connections:
        assert await fetch(connections, served.reach(), post(body)) == (200, b"ok")
        assert got == body
        await fetch(connections, served.reach())
        assert served.connections == 1


async def test_the_answer_to_head_has_no_body_and_its_connection_is_not_kept() -> None:
    async with (
        upstream(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")) as served,
        pool() as connections,
    ):
        for expected in (1, 2):
            assert await fetch(connections, served.reach(), HttpRequest(b"HEAD", b"/", ())) == (200, b"")
            assert served.connections == expected


async def test_an_answer_that_trickles_is_the_same_answer() -> None:
    reply = b"HTTP/1.1 103 Hints\r\na: b\r\n\r\n" + CHUNKED + b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nz: 1\r\n\r\n"

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for byte in reply:
                await peer.send(bytes((byte,)))
                await asyncio.sleep(0)

    async with upstream(script) as served, pool() as connections:
        assert await fetch(connections, served.reach()) == (200, b"hello!")
        assert await fetch(connections, served.reach()) == (200, b"hello!")
        assert served.connections == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    chunked=st.booleans(),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    how=st.sampled_from(["read", "chunk", "relay"]),
)
async def test_wherever_an_answer_is_cut_it_reads_the_same(
    pieces: list[bytes], chunked: bool, cuts: list[int], how: str
) -> None:
    if chunked:
        reply = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nt: 1\r\n\r\n"
    else:
        body = b"".join(pieces)
        reply = b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    edges = [0, *sorted(cut for cut in cuts if cut < len(reply)), len(reply)]

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for start, end in itertools.pairwise(edges):
                await peer.send(reply[start:end])
                await asyncio.sleep(0.0005)

    async with upstream(script) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        got: list[bytes] = []
        if how == "read":
            got.append(await answer.read(1000))
        elif how == "relay":
            await answer.relay(got.append)
        else:
            while piece := await answer.chunk():
                got.append(piece)
        assert b"".join(got) == b"".join(pieces)


async def test_read_does_not_suspend_when_the_body_is_here() -> None:
    async with upstream(always()) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        await asyncio.sleep(0.05)
        with pytest.raises(StopIteration) as finished:
            answer.read(10).send(None)
        assert finished.value.value == b"ok"


async def test_connections_are_kept_and_used_again_the_last_one_first() -> None:
    ports: list[int] = []

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            ports.append(peer.number)
            await asyncio.sleep(0.02)
            await peer.send(OK)

    async with upstream(script) as served, pool() as connections:
        await asyncio.gather(*(fetch(connections, served.reach()) for _ in range(5)))
        assert served.connections == 5
        for _ in range(5):
            await fetch(connections, served.reach())
        assert served.connections == 5
        assert len(set(ports[5:])) == 1


async def test_an_idle_connection_expires() -> None:
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.gone()
        closed.set()

    async with upstream(script) as served, pool(PoolSettings(idle_s=0.05)) as connections:
        await fetch(connections, served.reach())
        assert not closed.is_set()
        async with asyncio.timeout(1):
            await closed.wait()


async def test_an_upstreams_announced_timeout_is_kept_below() -> None:
    reply = b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1, max=9\r\ncontent-length: 2\r\n\r\nok"
    async with upstream(always(reply)) as served, pool() as connections:
        await fetch(connections, served.reach())
        await asyncio.sleep(0.05)
        await fetch(connections, served.reach())
        assert served.connections == 2


@pytest.mark.parametrize("by", ["close", "reset"])
async def test_a_kept_connection_that_is_gone_when_used_costs_one_silent_retry(by: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 1:
            await peer.request()  # the second request finds a connection that closes under it
            if by == "reset":
                peer.reset()
            return
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        assert await fetch(connections, served.reach()) == (200, b"ok")
        assert await fetch(connections, served.reach()) == (200, b"ok")
        assert served.connections == 2


async def test_a_request_that_is_to_be_sent_once_is_never_sent_over_a_kept_connection() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(OK)

    once = HttpRequest(b"POST", b"/keys", (), b"{}", once=True)
    async with upstream(script) as served, pool() as connections:
        for limit in (100, 1):
            reach, before = served.reach(connections_max=limit), served.connections
            for _ in range(2):
                assert await fetch(connections, reach, once) == (200, b"ok")
            assert await fetch(connections, reach) == (200, b"ok")
            assert served.connections == before + 2


async def test_after_one_retry_the_failure_is_the_callers() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.send(OK)
            await peer.request()

    async with upstream(script) as served, pool() as connections:
        await fetch(connections, served.reach())
        with pytest.raises(UpstreamBrokeError) as caught:
            await fetch(connections, served.reach())
        assert caught.value.sent
        assert not caught.value.answered
        assert served.connections == 2


async def test_a_retry_that_cannot_connect_does_not_deny_that_the_request_was_sent() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        served.listening.close()

    async with upstream(script) as served, pool() as connections:
        await fetch(connections, served.reach())
        with pytest.raises(UpstreamBrokeError) as caught:
            await fetch(connections, served.reach())
        assert caught.value.sent
        assert not caught.value.answered


async def test_a_kept_connection_that_had_begun_to_answer_is_not_retried() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"HTTP/1.1 200")

    async with upstream(script) as served, pool() as connections:
        await fetch(connections, served.reach())
        with pytest.raises(UpstreamBrokeError) as caught:
            await fetch(connections, served.reach())
        assert caught.value.answered
        assert served.connections == 1


async def test_many_kept_connections_closed_at_once_harm_nobody() -> None:
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(0.05)
        await peer.send(OK)
        if peer.number <= 20:
            await gate.wait()
            return
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        await asyncio.gather(*(fetch(connections, served.reach()) for _ in range(20)))
        gate.set()
        answers = await asyncio.gather(*(fetch(connections, served.reach()) for _ in range(20)))
        assert answers == [(200, b"ok")] * 20


@pytest.mark.parametrize("connections_max", [1, 2])
async def test_no_more_connections_than_allowed_and_waiters_are_served_in_order(connections_max: int) -> None:
    served_order: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            served_order.append(request.split(b" ")[1])
            await asyncio.sleep(0.005)
            await peer.send(OK)

    async with upstream(script) as served, pool() as connections:
        reach = served.reach(connections_max=connections_max)
        targets = [b"/%d" % number for number in range(12)]
        await asyncio.gather(*(fetch(connections, reach, post(target=target)) for target in targets))
        assert served.connections == connections_max
        assert sorted(served_order) == sorted(targets)
        if connections_max == 1:  # two may overtake each other
            assert served_order == targets


async def test_a_waiter_that_gives_up_leaves_the_line_to_the_others() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(0.05)
            await peer.send(OK)

    async with upstream(script) as served, pool() as connections:
        reach = served.reach(connections_max=1)
        tasks = [asyncio.create_task(fetch(connections, reach)) for _ in range(4)]
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [results[0], *results[2:]] == [(200, b"ok")] * 3
        assert isinstance(results[1], asyncio.CancelledError)


async def test_a_connection_given_to_a_waiter_that_leaves_at_that_moment_goes_on_to_the_next() -> None:
    async with upstream(always()) as served, pool() as connections:
        reach = served.reach(connections_max=1)

        async def first() -> None:
            await fetch(connections, reach)
            leaving.cancel()  # its connection was promised to `leaving` a moment ago, which has not run since

        running = asyncio.create_task(first())
        await asyncio.sleep(0)
        leaving = asyncio.create_task(fetch(connections, reach))
        staying = asyncio.create_task(fetch(connections, reach))
        assert await staying == (200, b"ok")
        await running
        assert leaving.cancelled()
        assert served.connections == 1


async def test_a_waiter_gets_the_place_of_a_connection_that_closed() -> None:
    reply = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    async with upstream(always(reply)) as served, pool() as connections:
        reach = served.reach(connections_max=1)
        answers = await asyncio.gather(*(fetch(connections, reach) for _ in range(5)))
        assert answers == [(200, b"ok")] * 5
        assert served.connections == 5


async def test_too_long_a_line_is_refused_at_once_and_too_slow_a_line_in_time() -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with upstream(script) as served, pool(PoolSettings(waiters_max=1)) as connections:
        reach = served.reach(connections_max=1, deadlines=Deadlines(connect_s=0.1, first_byte_s=3))
        holder = asyncio.create_task(fetch(connections, reach))
        await until(lambda: served.connections == 1)
        waiter = asyncio.create_task(fetch(connections, reach))
        await asyncio.sleep(0)
        with pytest.raises(ConnectFailedError, match="too many") as caught:
            await fetch(connections, reach)
        assert caught.value.cause == "busy"
        with pytest.raises(ConnectFailedError, match="in use"):
            await waiter
        holder.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await holder


async def test_a_failed_connection_gives_its_place_back() -> None:
    async with upstream(always()) as served, pool() as connections:
        refusing = Reach(Origin("http", "127.0.0.1", 1), private=True, connections_max=1)
        for _ in range(3):
            with pytest.raises(ConnectFailedError) as caught:
                await fetch(connections, refusing)
            assert not caught.value.sent
        assert await fetch(connections, served.reach()) == (200, b"ok")


async def test_a_closed_pool_fails_those_under_way_and_those_to_come() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        reach = served.reach(connections_max=1)
        tasks = [asyncio.create_task(fetch(connections, reach)) for _ in range(2)]
        await until(lambda: served.connections == 1)
        await asyncio.sleep(0.01)
        await connections.aclose()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], UpstreamBrokeError)
        assert isinstance(results[1], ConnectFailedError)
        with pytest.raises(ConnectFailedError):
            await fetch(connections, reach)


async def test_nothing_is_kept_of_a_reach_that_is_used_no_more() -> None:
    async with upstream(always()) as served, pool(PoolSettings(idle_s=0.02)) as connections:
        for number in range(5):
            await fetch(connections, served.reach(connections_max=number + 1))
        await until(lambda: not connections._lines)
