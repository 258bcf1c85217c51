"""Upstreams that lie, break off or flood: what is refused, what is survived, and that no such connection is reused."""

import asyncio

import pytest

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.transport import PoolSettings
from tests.transport.upstream import OK, Peer, always, answering, fetch, pool, post, upstream

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"

MALFORMED_HEADS = {
    "two different lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok!",
    "two equal lengths": HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\nok",
    "a list of lengths": HEAD + b"content-length: 2, 2\r\n\r\nok",
    "a signed length": HEAD + b"content-length: +2\r\n\r\nok",
    "a negative length": HEAD + b"content-length: -2\r\n\r\nok",
    "a hexadecimal length": HEAD + b"content-length: 0x2\r\n\r\nok",
    "an empty length": HEAD + b"content-length:\r\n\r\nok",
    "an endless length": HEAD + b"content-length: 99999999999999999999999\r\n\r\nok",
    "length and transfer-encoding": HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding and length": HEAD + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
    "transfer-encoding twice": HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": HEAD + b"transfer-encoding: chunked, identity\r\n\r\nok",
    "gzip": HEAD + b"transfer-encoding: gzip\r\n\r\nok",
    "xchunked": HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked with a parameter": HEAD + b"transfer-encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare LF after the status line": b"HTTP/1.1 200 OK\ncontent-length: 2\r\n\r\nok",
    "bare LF after a header": HEAD + b"a: b\ncontent-length: 2\r\n\r\nok",
    "bare LF as the head's end": HEAD + b"content-length: 2\r\n\nok",
    "bare CR after a header": HEAD + b"a: b\rcontent-length: 2\r\n\r\nok",
    "a folded line": HEAD + b"a: b\r\n c\r\ncontent-length: 2\r\n\r\nok",
    "a line folded by a tab": HEAD + b"a: b\r\n\tc\r\ncontent-length: 2\r\n\r\nok",
    "a folded length": HEAD + b"content-length: 2\r\n 0\r\n\r\nok",
    "space before a header": HEAD + b" a: b\r\ncontent-length: 2\r\n\r\nok",
    "space before the colon": HEAD + b"content-length : 2\r\n\r\nok",
    "no colon": HEAD + b"content-length 2\r\n\r\nok",
    "no name": HEAD + b": 2\r\ncontent-length: 2\r\n\r\nok",
    "NUL in a value": HEAD + b"a: b\0c\r\ncontent-length: 2\r\n\r\nok",
    "NUL in a name": HEAD + b"a\0b: c\r\ncontent-length: 2\r\n\r\nok",
    "a control byte in a value": HEAD + b"a: \x08\r\ncontent-length: 2\r\n\r\nok",
    "DEL in a value": HEAD + b"a: \x7f\r\ncontent-length: 2\r\n\r\nok",
    "a letter in the status": b"HTTP/1.1 2x0 OK\r\ncontent-length: 2\r\n\r\nok",
    "two digits of status": b"HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok",
    "four digits of status": b"HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok",
    "status 099": b"HTTP/1.1 099 Odd\r\ncontent-length: 2\r\n\r\nok",
    "status 000": b"HTTP/1.1 000 Odd\r\ncontent-length: 2\r\n\r\nok",
    "status 600": b"HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\nok",
    "two spaces before the status": b"HTTP/1.1  200 OK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/0.9": b"<html>ok</html>\r\n\r\n",
    "a version 0.9": b"HTTP/0.9 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "a version 1.2": b"HTTP/1.2 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "a version 2.0": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/2 frames": b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "ICY": b"ICY 200 OK\r\n\r\n",
    "lower-case http": b"http/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "empty lines first": b"\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "a request": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Go\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    "a silent switch of protocols": b"HTTP/1.1 101 Go\r\n\r\n",
    "an interim answer without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
    "too many headers": HEAD + b"a: b\r\n" * 129 + b"content-length: 2\r\n\r\nok",
    "too long a header": HEAD + b"a: " + b"b" * 70_000 + b"\r\ncontent-length: 2\r\n\r\nok",
    "too long a name": HEAD + b"a" * 70_000 + b": b\r\ncontent-length: 2\r\n\r\nok",
    "too long a reason": b"HTTP/1.1 200 " + b"O" * 70_000 + b"\r\ncontent-length: 2\r\n\r\nok",
    "too long interim heads": b"HTTP/1.1 103 Hints\r\na: " + b"b" * 70_000 + b"\r\n\r\n" + OK,
}

MALFORMED_BODIES = {
    "no chunk size": CHUNKED + b"\r\nok\r\n0\r\n\r\n",
    "a signed chunk size": CHUNKED + b"+2\r\nok\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "0x before a chunk size": CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "space after a chunk size": CHUNKED + b"2 \r\nok\r\n0\r\n\r\n",
    "a letter in a chunk size": CHUNKED + b"g\r\nok\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"fffffffffffffffff\r\nok",
    "bare LF after a chunk size": CHUNKED + b"2\nok\r\n0\r\n\r\n",
    "bare LF after a chunk": CHUNKED + b"2\r\nok\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"2\r\noks\r\n0\r\n\r\n",
    "a chunk shorter than its size": CHUNKED + b"3\r\nok\r\n0\r\n\r\n",
    "bare LF in an extension": CHUNKED + b'2;a="\n"\r\nok\r\n0\r\n\r\n',
    "NUL in an extension": CHUNKED + b"2;a=\0\r\nok\r\n0\r\n\r\n",
    "bare LF after a trailer": CHUNKED + b"2\r\nok\r\n0\r\na: b\n\r\n",
    "NUL in a trailer": CHUNKED + b"2\r\nok\r\n0\r\na: \0\r\n\r\n",
    "a length as trailer": CHUNKED + b"2\r\nok\r\n0\r\ncontent-length: 5\r\n\r\n",
    "trailers without end": CHUNKED + b"2\r\nok\r\n0\r\n" + b"a: b\r\n" * 200_000,
    "an extension without end": CHUNKED + b"2;" + b"a" * 1_000_000,
}


@pytest.mark.parametrize("answer", MALFORMED_HEADS.values(), ids=MALFORMED_HEADS)
async def test_a_malformed_head_is_refused_and_its_connection_closed(answer: bytes) -> None:
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        try:
            await peer.send(answer)
            await peer.gone()
        finally:
            closed.set()

    async with upstream(script) as served, pool() as connections:
        with pytest.raises(UpstreamMalformedError) as caught:
            await connections.send(served.reach(), post())
        assert caught.value.sent
        assert caught.value.answered
        await closed.wait()


@pytest.mark.parametrize("answer", MALFORMED_BODIES.values(), ids=MALFORMED_BODIES)
async def test_a_malformed_body_is_refused_and_its_connection_closed(answer: bytes) -> None:
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        try:
            await peer.send(answer)
            await peer.gone()
        finally:
            closed.set()

    async with upstream(script) as served, pool() as connections:
        started = await connections.send(served.reach(), post())
        assert started.status == 200
        with pytest.raises(UpstreamMalformedError):
            await started.read(1000)
        await closed.wait()


FOLLOWED = {
    "another answer": OK + OK,
    "half an answer": OK + b"HTTP/1.1 2",
    "one byte": OK + b"x",
    "an empty line": OK + b"\r\n",
    "a line feed": OK + b"\n",
    "an empty line after chunks": CHUNKED + b"2\r\nok\r\n0\r\n\r\n\r\n",
    "an answer after chunks": CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + OK,
    "a carriage return after chunks": CHUNKED + b"2\r\nok\r\n0\r\n\r\n\r",
    "chunks after no content": b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a body after no content": b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok",
    "a body after not modified": b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\nok",
    "a body after a length of nothing": HEAD + b"content-length: 0\r\n\r\nok",
    "an empty line after a length of nothing": HEAD + b"content-length: 0\r\n\r\n\r\n",
}

ENDED = {
    "connection: close": HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok",
    "close among others": HEAD + b"connection: keep-alive, close\r\ncontent-length: 2\r\n\r\nok",
    "close in a second header": HEAD + b"connection: keep-alive\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
}

KEPT = {
    "a length": OK,
    "chunks": CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    "chunks with extensions and trailers": CHUNKED + b'2;a=1;b="c"\r\nok\r\n0\r\nx-sum: 1\r\n\r\n',
    "HTTP/1.0 with keep-alive": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a length of nothing": HEAD + b"content-length: 0\r\n\r\n",
    "interim answers first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + OK,
    "an unasked upgrade": HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("answer", [*FOLLOWED.values(), *ENDED.values()], ids=[*FOLLOWED, *ENDED])
async def test_a_connection_with_anything_in_doubt_is_not_reused(answer: bytes) -> None:
    async with upstream(answering(answer)) as served, pool() as connections:
        for expected in (1, 2):
            _, body = await fetch(connections, served.reach())
            assert body in (b"ok", b"")
            assert served.connections == expected


@pytest.mark.parametrize("answer", KEPT.values(), ids=KEPT)
async def test_a_connection_whose_answer_ended_cleanly_is_reused(answer: bytes) -> None:
    async with upstream(always(answer)) as served, pool() as connections:
        for _ in range(3):
            _, body = await fetch(connections, served.reach())
            assert body in (b"ok", b"")
        assert served.connections == 1


async def test_an_answer_to_nobody_closes_the_idle_connection() -> None:
    spoke, closed = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 1:
            await asyncio.sleep(0.02)
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")
            spoke.set()
        await peer.gone()
        closed.set()

    async with upstream(script) as served, pool() as connections:
        assert await fetch(connections, served.reach()) == (200, b"ok")
        await spoke.wait()
        await closed.wait()
        assert await fetch(connections, served.reach()) == (200, b"ok")
        assert served.connections == 2


async def test_an_early_answer_to_half_a_request_is_given_and_its_connection_closed() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await peer.gone()  # reads the rest, and answers nothing more on this connection

    async with upstream(script) as served, pool() as connections:
        for expected in (1, 2):
            status, body = await fetch(connections, served.reach(), post(b"x" * 20_000_000))
            assert (status, body) == (413, b"no")
            assert served.connections == expected


CUTS = {
    "before the head": b"",
    "in the status line": b"HTTP/1.1 2",
    "in a header": HEAD + b"content-le",
    "after an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "after the head": HEAD + b"content-length: 2\r\n\r\n",
    "in a body of known length": HEAD + b"content-length: 2\r\n\r\no",
    "before the first chunk": CHUNKED,
    "in a chunk size": CHUNKED + b"2",
    "in a chunk": CHUNKED + b"2\r\no",
    "between chunks": CHUNKED + b"2\r\nok\r\n",
    "in the last chunk": CHUNKED + b"2\r\nok\r\n0\r\n",
    "in the trailers": CHUNKED + b"2\r\nok\r\n0\r\na: b\r\n",
}


@pytest.mark.parametrize("by", ["close", "reset"])
@pytest.mark.parametrize("answer", CUTS.values(), ids=CUTS)
async def test_an_answer_cut_anywhere_is_broken(answer: bytes, by: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if answer:
            await peer.send(answer)
            await asyncio.sleep(0.01)
        if by == "reset":
            peer.reset()

    async with upstream(script) as served, pool() as connections:
        with pytest.raises(UpstreamBrokeError) as caught:
            await fetch(connections, served.reach())
        assert caught.value.sent
        assert caught.value.answered == bool(answer)
        assert served.connections == 1, "a fresh connection that breaks is not tried again"


async def test_what_arrived_before_a_break_can_still_be_had() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"2\r\nok\r\n")

    async with upstream(script) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        assert await answer.chunk() == b"ok"
        with pytest.raises(UpstreamBrokeError):
            await answer.chunk()


async def test_a_body_without_frame_ends_with_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"\r\no")
        await peer.send(b"k")

    async with upstream(script) as served, pool() as connections:
        assert await fetch(connections, served.reach()) == (200, b"ok")
        assert await fetch(connections, served.reach()) == (200, b"ok")
        assert served.connections == 2


async def test_a_body_without_frame_that_is_reset_is_broken() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"\r\no")
        await asyncio.sleep(0.01)
        peer.reset()

    async with upstream(script) as served, pool() as connections:
        with pytest.raises(UpstreamBrokeError):
            await fetch(connections, served.reach())


async def test_an_endless_body_ends_at_the_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"ffffffffffffffff\r\n")
        while True:
            await peer.send(b"x" * 10_000)

    settings = PoolSettings(body_bytes_max=100_000)
    async with upstream(script) as served, pool(settings) as connections:
        answer = await connections.send(served.reach(), post())
        with pytest.raises(UpstreamMalformedError):
            await answer.relay(lambda _: None)


async def test_a_body_longer_than_the_reader_wants_is_refused() -> None:
    async with upstream(always(HEAD + b"content-length: 11\r\n\r\nhello world")) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        with pytest.raises(UpstreamMalformedError):
            await answer.read(10)
        answer = await connections.send(served.reach(), post())
        assert await answer.read(11) == b"hello world"


async def test_headers_come_in_lower_case_without_those_of_the_hop() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain \t\r\nSet-Cookie: a\r\nset-cookie: b\r\nX-Empty:\r\n"
        b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
        b"TE: trailers\r\nTrailer: X-Sum\r\nUpgrade: h2c\r\nContent-Length: 2\r\nX-Latin: \xe9\r\n\r\nok"
    )
    async with upstream(always(head)) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        assert answer.headers == (
            (b"content-type", b"text/plain"),
            (b"set-cookie", b"a"),
            (b"set-cookie", b"b"),
            (b"x-empty", b""),
            (b"x-latin", b"\xe9"),
        )
        answer.abort()


async def test_interim_headers_do_not_reach_the_answer() -> None:
    reply = (
        b"HTTP/1.1 103 Hints\r\nx-a: 1\r\nconnection: x-b\r\n\r\nHTTP/1.1 200 OK\r\nx-b: 2\r\ncontent-length: 0\r\n\r\n"
    )
    async with upstream(always(reply)) as served, pool() as connections:
        answer = await connections.send(served.reach(), post())
        assert answer.headers == ((b"x-b", b"2"),)
