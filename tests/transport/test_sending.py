"""A request's body in pieces: framed, paced by who takes it, and never sent twice."""

import asyncio
import contextlib

import pytest

from keywright.core.errors import UpstreamBrokeError, UpstreamTimeoutError
from keywright.core.http import Deadlines, HttpRequest, Pieces
from keywright.transport.request import BodyFraming
from tests.transport.upstream import OK, Peer, Script, fetch, pool, post, until, upstream

PIECE = b"x" * 65_536
PIECES = 800
"""Fifty megabytes."""
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig"


class Body:
    """Gives `pieces`; with `forever`, it waits after the last instead of ending. `given` counts bytes."""

    def __init__(self, *pieces: bytes, length: int | None = None, forever: bool = False) -> None:
        self.length = length
        self.given = 0
        self._pieces = iter(pieces)
        self._forever = forever

    async def next(self) -> bytes:
        piece = next(self._pieces, b"")
        if not piece and self._forever:
            await asyncio.Event().wait()
        self.given += len(piece)
        return piece


class Failing:
    """Fails after its first piece."""

    length = None

    def __init__(self) -> None:
        self._given = False

    async def next(self) -> bytes:
        if self._given:
            raise KeyError("the body's own trouble")
        self._given = True
        return b"a"


def sending(body: Pieces) -> HttpRequest:
    return HttpRequest(b"POST", b"/v1/files", ((b"content-type", b"x/y"),), pieces=body)


def reading(got: bytearray, ending: bytes, answer: bytes = OK) -> Script:
    async def script(peer: Peer) -> None:
        while not got.endswith(ending):
            got.extend(await peer.reader.read(65_536))
        await peer.send(answer)
        await peer.gone()

    return script


async def test_a_body_of_known_length_is_sent_with_it() -> None:
    head = b"POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: x/y\r\ncontent-length: 7\r\n\r\n"
    got = bytearray()
    async with upstream(reading(got, b"abcdefg")) as served, pool() as connections:
        body = Body(b"abc", b"defg", length=7)
        assert await fetch(connections, served.reach(), sending(body)) == (200, b"ok")
        assert bytes(got) == head % served.port + b"abcdefg"


async def test_a_body_of_unknown_length_is_sent_in_chunks() -> None:
    got = bytearray()
    async with upstream(reading(got, b"0\r\n\r\n")) as served, pool() as connections:
        assert await fetch(connections, served.reach(), sending(Body(b"abc", b"d" * 20))) == (200, b"ok")
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    assert body == b"3\r\nabc\r\n14\r\n" + b"d" * 20 + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("pieces", [(b"abc",), (b"abc", b"de"), ()])
async def test_a_body_that_is_not_as_long_as_it_says_ends_the_connection(pieces: tuple[bytes, ...]) -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.gone()
        gone.set()

    async with upstream(script) as served, pool() as connections:
        with pytest.raises(ValueError, match="length"):
            await connections.send(served.reach(), sending(Body(*pieces, length=4)))
        await asyncio.wait_for(gone.wait(), 2)


def test_an_empty_body_of_known_length_is_nothing() -> None:
    assert BodyFraming(0).framed(b"") == b""
    assert BodyFraming(None).framed(b"") == b"0\r\n\r\n"


async def test_no_more_is_taken_than_the_upstream_takes() -> None:
    body = Body(*[PIECE] * PIECES, length=len(PIECE) * PIECES)
    go = asyncio.Event()
    got = 0

    async def script(peer: Peer) -> None:
        nonlocal got
        await peer.reader.readuntil(b"\r\n\r\n")
        await go.wait()
        while got < len(PIECE) * PIECES:
            got += len(await peer.reader.read(1 << 20))
        await peer.send(OK)
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        deadlines = Deadlines(connect_s=2, first_byte_s=5, idle_s=5, total_s=20)
        answer = asyncio.create_task(connections.send(served.reach(deadlines=deadlines), sending(body)))
        before = -1
        while before != body.given:
            before = body.given
            await asyncio.sleep(0.05)
        assert 0 < body.given < 0.3 * len(PIECE) * PIECES
        go.set()
        assert (await answer).status == 200
        assert got == len(PIECE) * PIECES


async def test_an_upstream_that_takes_nothing_more_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await asyncio.Event().wait()

    async with upstream(script) as served, pool() as connections:
        deadlines = Deadlines(connect_s=2, first_byte_s=9, idle_s=0.2, total_s=9)
        with pytest.raises(UpstreamTimeoutError, match="idle"):
            await connections.send(served.reach(deadlines=deadlines), sending(Body(*[PIECE] * PIECES)))


async def test_the_silence_of_the_client_is_not_the_upstreams() -> None:
    class Slow(Body):
        async def next(self) -> bytes:
            await asyncio.sleep(0.3)
            return await super().next()

    async with upstream(reading(bytearray(), b"0\r\n\r\n")) as served, pool() as connections:
        deadlines = Deadlines(connect_s=2, first_byte_s=0.2, idle_s=0.2, total_s=5)
        slow = Slow(b"abc", b"d" * 20)
        assert await fetch(connections, served.reach(deadlines=deadlines), sending(slow)) == (200, b"ok")


async def test_after_the_body_the_answer_has_its_deadline() -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        deadlines = Deadlines(connect_s=2, first_byte_s=0.2, idle_s=5, total_s=5)
        with pytest.raises(UpstreamTimeoutError, match="first_byte"):
            await connections.send(served.reach(deadlines=deadlines), sending(Body(b"abc")))


async def test_a_refusal_before_the_end_stops_the_sending_and_closes() -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(TOO_LARGE)
        await peer.gone()
        gone.set()

    async with upstream(script) as served, pool() as connections:
        body = Body(b"abc", forever=True)
        assert await fetch(connections, served.reach(), sending(body)) == (413, b"big")
        await asyncio.wait_for(gone.wait(), 2)


async def test_a_success_before_the_end_lets_the_rest_come() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while b"0\r\n\r\n" not in (piece := await peer.reader.read(100)):
            await peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await peer.send(b"4\r\nlast\r\n0\r\n\r\n")
        await peer.gone()

    class Stepwise(Body):
        async def next(self) -> bytes:
            await asyncio.sleep(0.03)
            return await super().next()

    async with upstream(script) as served, pool() as connections:
        status, echoed = await fetch(connections, served.reach(), sending(Stepwise(b"one", b"two", b"three")))
    assert status == 200
    assert b"one" in echoed
    assert echoed.endswith(b"last")


async def test_what_keeps_a_piece_from_coming_is_what_the_call_ends_with() -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.gone()
        gone.set()

    async with upstream(script) as served, pool() as connections:
        with pytest.raises(KeyError, match="own trouble"):
            await connections.send(served.reach(), sending(Failing()))
        await asyncio.wait_for(gone.wait(), 2)


async def test_leaving_ends_the_sending() -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.gone()
        gone.set()

    async with upstream(script) as served, pool() as connections:
        body = Body(b"abc", forever=True)
        call = asyncio.create_task(connections.send(served.reach(), sending(body)))
        await until(lambda: body.given == 3)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gone.wait(), 2)
        assert call.cancelled()


async def test_a_body_in_pieces_never_goes_over_a_kept_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        for limit in (100, 1):
            reach = served.reach(connections_max=limit)
            before = served.connections
            assert await fetch(connections, reach) == (200, b"ok")
            assert await fetch(connections, reach, sending(Body(b"abc", length=3))) == (200, b"ok")
            assert served.connections == before + 2


async def test_its_connection_is_kept_afterwards() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(OK)

    async with upstream(script) as served, pool() as connections:
        assert await fetch(connections, served.reach(), sending(Body(b"abc", length=3))) == (200, b"ok")
        assert await fetch(connections, served.reach(), post()) == (200, b"ok")
        assert served.connections == 1


async def test_it_is_not_sent_again_when_the_connection_breaks() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.reset()

    async with upstream(script) as served, pool() as connections:
        body = Body(*[PIECE] * 200)
        with pytest.raises(UpstreamBrokeError):
            await connections.send(served.reach(), sending(body))
        assert served.connections == 1


async def test_the_length_that_an_answer_says_is_known() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        lengths = []
        for request in (post(), post(), HttpRequest(b"HEAD", b"/", ())):
            answer = await connections.send(served.reach(), request)
            await answer.read(10)
            lengths.append(answer.length)
        assert lengths == [2, None, 99]
