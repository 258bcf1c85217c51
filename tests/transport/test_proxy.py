"""HTTP proxies: which one, and through it."""

import asyncio
import base64
import contextlib
from pathlib import Path

import pytest

from keywright.core.errors import ConnectFailedError
from keywright.core.http import Deadlines, Origin, Reach
from keywright.transport import Pool
from keywright.transport.proxy import Proxy, choose_proxy
from tests.transport.test_tls import Authority
from tests.transport.upstream import Peer, always, fetch, nowhere, upstream

CREDENTIALS = base64.b64encode(b"user:p@ss word")


class ConnectProxy:
    """A small real CONNECT proxy. Whatever name it is asked for, it connects to `port` of this machine."""

    def __init__(self, port: int, *, authorization: bytes | None = None) -> None:
        self._port = port
        self._authorization = authorization
        self.heads: list[bytes] = []

    async def __call__(self, peer: Peer) -> None:
        head = await peer.reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self._authorization is not None and b"proxy-authorization: " + self._authorization not in head:
            await peer.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        await peer.send(b"HTTP/1.1 200 Connection established\r\nx-proxy: a\r\n\r\n")
        try:
            await asyncio.gather(_pump(peer.reader, writer), _pump(reader, peer.writer))
        finally:
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.mark.parametrize("configured", ["reach", "environment"])
async def test_https_goes_through_a_tunnel_and_is_verified_end_to_end(authority: Authority, configured: str) -> None:
    async with upstream(always(), authority.server("llm.example")) as served:
        proxy = ConnectProxy(served.port, authorization=b"Basic " + CREDENTIALS)
        async with upstream(proxy) as proxying:
            address = f"http://user:p%40ss%20word@127.0.0.1:{proxying.port}"
            connections = Pool(
                environment={"HTTPS_PROXY": address} if configured == "environment" else {}, allowed=nowhere
            )
            reach = Reach(
                Origin("https", "llm.example", 443),
                ca_file=authority.file,
                proxy=address if configured == "reach" else None,
            )
            for _ in range(2):
                assert await fetch(connections, reach) == (200, b"ok")
            await connections.aclose()
        assert proxying.connections == 1
        assert proxy.heads == [
            b"CONNECT llm.example:443 HTTP/1.1\r\nhost: llm.example:443\r\nproxy-authorization: Basic "
            + CREDENTIALS
            + b"\r\n\r\n"
        ]


async def test_a_proxy_cannot_answer_for_the_upstream(authority: Authority, tmp_path: Path) -> None:
    impostor = Authority(tmp_path, "impostor")
    async with (
        upstream(always(), impostor.server("llm.example")) as served,
        upstream(ConnectProxy(served.port)) as proxying,
    ):
        connections = Pool(environment={}, allowed=nowhere)
        reach = Reach(
            Origin("https", "llm.example", 443), ca_file=authority.file, proxy=f"http://127.0.0.1:{proxying.port}"
        )
        with pytest.raises(ConnectFailedError, match="not trusted"):
            await fetch(connections, reach)
        await connections.aclose()


async def test_http_goes_in_absolute_form_with_the_proxys_credentials() -> None:
    heads: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            heads.append(await peer.request())
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with upstream(script) as proxying:
        connections = Pool(environment={"http_proxy": f"user:p%40ss%20word@127.0.0.1:{proxying.port}"}, allowed=nowhere)
        assert await fetch(connections, Reach(Origin("http", "llm.example", 8080))) == (200, b"ok")
        await connections.aclose()
    assert heads[0].startswith(
        b"POST http://llm.example:8080/v1/x HTTP/1.1\r\nhost: llm.example:8080\r\nproxy-authorization: Basic "
        + CREDENTIALS
        + b"\r\n"
    )


ANSWERS = {
    "refuses": (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "status 407"),
    "fails": (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 5\r\n\r\nsorry", "status 502"),
    "is no proxy": (b"220 smtp ready\r\n\r\n", "not HTTP"),
    "closes": (b"", "closed the connection"),
    "closes in its head": (b"HTTP/1.1 200 OK\r\n", "closed the connection"),
    "speaks first": (b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01", "does not end"),
    "floods": (b"HTTP/1.1 200 OK\r\na: " + b"b" * 20_000, "does not end"),
}


@pytest.mark.parametrize(("reply", "words"), ANSWERS.values(), ids=ANSWERS)
async def test_a_proxy_that_does_not_tunnel_is_a_failed_connection(
    authority: Authority, reply: bytes, words: str
) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(reply)

    async with upstream(script) as proxying:
        connections = Pool(environment={}, allowed=nowhere)
        reach = Reach(
            Origin("https", "llm.example", 443),
            ca_file=authority.file,
            proxy=f"http://user:secret@127.0.0.1:{proxying.port}",
            deadlines=Deadlines(connect_s=2),
        )
        with pytest.raises(ConnectFailedError, match=words) as caught:
            await fetch(connections, reach)
        assert not caught.value.sent
        assert caught.value.cause == "proxy"
        assert "secret" not in str(caught.value)
        await connections.aclose()


@pytest.mark.parametrize("host", ["169.254.169.254", "127.1", "10.0.0.1", "::1"])
async def test_a_literal_address_is_checked_even_behind_a_proxy(host: str) -> None:
    async with upstream(always()) as proxying:
        connections = Pool(environment={}, allowed=nowhere)
        with pytest.raises(ConnectFailedError, match="not public"):
            await fetch(connections, Reach(Origin("http", host, 80), proxy=f"http://127.0.0.1:{proxying.port}"))
        assert proxying.connections == 0
        await connections.aclose()


def chosen(url: str, environment: dict[str, str], proxy: str | None = None) -> str | None:
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rpartition(":")
    origin = Origin("https" if scheme == "https" else "http", host, int(port))
    found = choose_proxy(Reach(origin, proxy=proxy), environment)
    return f"{found.host}:{found.port}" if found else None


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("https://a.example:443", {}, None),
        ("https://a.example:443", {"HTTPS_PROXY": "http://p:1"}, "p:1"),
        ("https://a.example:443", {"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:1"}, "p:1"),
        ("https://a.example:443", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://a.example:80", {"HTTP_PROXY": "http://p:1"}, "p:1"),
        ("http://a.example:80", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://a.example:443", {"ALL_PROXY": "http://p:1"}, "p:1"),
        ("https://a.example:443", {"HTTPS_PROXY": "p:1"}, "p:1"),
        ("https://a.example:443", {"HTTPS_PROXY": "http://p"}, "p:80"),
        ("https://a.example:443", {"HTTPS_PROXY": ""}, None),
        ("http://localhost:80", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://127.0.0.1:80", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://::1:80", {"HTTP_PROXY": "http://p:1"}, None),
    ],
)
def test_the_environment_names_the_proxy(url: str, environment: dict[str, str], expected: str | None) -> None:
    assert chosen(url, environment) == expected


@pytest.mark.parametrize(
    ("entry", "direct"),
    [
        ("a.example", True),
        (".example", True),
        ("example", True),
        ("*.example", True),
        ("*", True),
        ("other, a.EXAMPLE ,x", True),
        ("a.example:443", True),
        ("a.example:80", False),
        ("b.example", False),
        ("ample", False),
        ("xa.example", False),
        ("", False),
        (",", False),
        ("*.", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy(entry: str, direct: bool) -> None:
    environment = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": entry}
    assert chosen("https://a.example:443", environment) == (None if direct else "p:1")


@pytest.mark.parametrize("entry", ["10.0.0.0/8", "10.1.2.3", "10.1.2.3:443", "10.1.0.0/16"])
def test_no_proxy_for_networks(entry: str) -> None:
    assert chosen("https://10.1.2.3:443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": entry}) is None


def test_no_proxy_for_ipv6() -> None:
    for entry in ("[2001:db8::1]:443", "2001:db8::1", "[2001:db8::1]", "2001:db8::/32"):
        assert chosen("https://2001:db8::1:443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": entry}) is None


def test_a_reach_has_the_last_word() -> None:
    environment = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}
    assert chosen("https://a.example:443", environment, proxy="http://q:2") == "q:2"
    assert chosen("https://a.example:443", {"HTTPS_PROXY": "http://p:1"}, proxy="") is None


@pytest.mark.parametrize(
    "address", ["socks5://p:1", "https://p:1", "http://", "http://p:x", "http://p:99999", "ftp://p"]
)
def test_what_is_not_an_http_proxy_is_told_without_its_password(address: str) -> None:
    with pytest.raises(ConnectFailedError, match="HTTPS_PROXY is not http://"):
        chosen("https://a.example:443", {"HTTPS_PROXY": address})


def test_a_proxys_credentials_are_not_shown() -> None:
    assert "secret" not in repr(Proxy("p", 1, b"Basic secret"))
