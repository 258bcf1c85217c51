"""Who blocks asks over connections of its own, and hears of failures as the event loop's pool tells them."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest

from keywright.core.errors import (
    ConnectFailedError,
    UpstreamBrokeError,
    UpstreamMalformedError,
    UpstreamTimeoutError,
)
from keywright.core.http import Deadlines, Header, HttpRequest, Origin, Reach
from keywright.vault.fetch import Question
from keywright.vault.sdk.upstreams import BlockingUpstreams, asked
from tests.transport.test_proxy import ConnectProxy
from tests.transport.test_tls import Authority
from tests.transport.upstream import OK, Peer, Script, always, upstream
from tests.vault.standin import Say, service

REQUEST = HttpRequest(b"POST", b"/token?a=b", ((b"content-type", b"text/plain"),), b"body")


async def answered(reach: Reach, environment: Mapping[str, str] | None = None, bytes_max: int = 100) -> bytes:
    """The body that comes, to a thread that blocks."""

    async def send() -> bytes:
        answer = await BlockingUpstreams(environment or {}).send(reach, REQUEST)
        try:
            return await answer.read(bytes_max)
        finally:
            answer.abort()

    return await asyncio.to_thread(lambda: asyncio.run(send()))


async def test_it_sends_what_it_is_given_and_returns_head_and_body() -> None:
    heads: list[tuple[int, tuple[Header, ...]]] = []

    async def ask(reach: Reach) -> bytes:
        answer = await BlockingUpstreams({}).send(reach, REQUEST)
        heads.append((answer.status, answer.headers))
        body = await answer.read(100)
        answer.abort()
        return body

    async with service(lambda _: Say("made", 201, (("X-Kind", "token"),))) as running:
        port = int(running.url.rpartition(":")[2])
        reach = Reach(Origin("http", "127.0.0.1", port))
        assert await asyncio.to_thread(lambda: asyncio.run(ask(reach))) == b"made"
    assert heads == [(201, ((b"content-length", b"4"), (b"x-kind", b"token")))]
    assert [(it.method, it.target, it.body, it.headers["content-type"]) for it in running.received] == [
        ("POST", "/token?a=b", b"body", "text/plain")
    ]


async def test_a_fetch_asks_by_way_of_it_from_any_thread() -> None:
    async with service(lambda _: Say("{}")) as running:
        question = Question("it", running.url, "near", b"GET")
        reply = await asyncio.to_thread(asked, {}, lambda fetch: fetch.ask(question))
    assert (reply.status, reply.body) == (200, b"{}")


async def closes(peer: Peer) -> None:
    await peer.request()


async def cuts(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK[:-1])


async def hangs(peer: Peer) -> None:
    await peer.gone()


async def babbles(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"no answer at all\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "bytes_max", "error", "said"),
    [
        (closes, 100, UpstreamBrokeError, "the connection ended"),
        (babbles, 100, UpstreamBrokeError, "the connection ended"),
        (cuts, 100, UpstreamBrokeError, "within the answer"),
        (hangs, 100, UpstreamTimeoutError, "first_byte"),
        (always(), 1, UpstreamMalformedError, "larger than 1 bytes"),
    ],
)
async def test_what_breaks_is_told_as_the_pool_tells_it(
    script: Script, bytes_max: int, error: type[Exception], said: str
) -> None:
    async with upstream(script) as served:
        with pytest.raises(error, match=said):
            await answered(served.reach(deadlines=Deadlines(2, 0.2, 0.2, 1)), bytes_max=bytes_max)
        assert served.connections == 1


async def test_where_nobody_listens_nothing_was_sent(unused_tcp_port: int) -> None:
    with pytest.raises(ConnectFailedError, match="no connection"):
        await answered(Reach(Origin("http", "127.0.0.1", unused_tcp_port)))


async def test_tls_is_verified_by_the_authority_that_is_given(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    async with upstream(always(), ours.server("localhost")) as served:
        assert await answered(served.reach(ca_file=ours.file, host="localhost")) == b"ok"
        for ca_file, host in ((other.file, "localhost"), (ours.file, "127.0.0.1")):
            with pytest.raises(ConnectFailedError, match="SSLCertVerificationError"):
                await answered(served.reach(ca_file=ca_file, host=host))


async def test_the_environment_s_proxy_sees_no_more_than_where_it_leads(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    pair = b64encode(b"user:p@ss word")
    async with upstream(always(), authority.server("token.example")) as served:
        proxy = ConnectProxy(served.port)
        async with upstream(proxy) as proxying:
            environment = {"HTTPS_PROXY": f"http://user:p%40ss%20word@127.0.0.1:{proxying.port}"}
            reach = Reach(Origin("https", "token.example", 443), ca_file=authority.file)
            assert await answered(reach, environment) == b"ok"
            nobody = Reach(Origin("https", "token.example", 443), ca_file=authority.file, proxy="")
            with pytest.raises(ConnectFailedError, match="no connection"):
                await answered(nobody, environment)
    assert len(proxy.heads) == 1
    head = proxy.heads[0].lower()
    assert head.startswith(b"connect token.example:443 ")
    assert b"proxy-authorization: basic " + pair.lower() in head
    assert b"/token" not in head
