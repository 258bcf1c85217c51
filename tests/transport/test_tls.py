"""TLS towards upstreams: verified or not at all."""

import ssl
from pathlib import Path

import pytest
import trustme

from keywright.core.errors import ConnectFailedError, UpstreamBrokeError
from keywright.core.http import Origin, Reach
from tests.transport.upstream import OK, Peer, always, fetch, pool, post, upstream


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.ca = trustme.CA()
        self.file = str(folder / f"{name}.pem")
        self.ca.cert_pem.write_to_path(self.file)

    def server(self, *hosts: str, versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*hosts).configure_cert(context)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if versions is not None:
            context.minimum_version, context.maximum_version = versions
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_custom_authority_is_trusted_for_its_hosts(authority: Authority, host: str) -> None:
    seen: list[object] = []

    async def script(peer: Peer) -> None:
        tls = peer.writer.get_extra_info("ssl_object")
        seen.append((tls.selected_alpn_protocol(), tls.version()))
        await always()(peer)

    async with upstream(script, authority.server("localhost", "127.0.0.1")) as served, pool() as connections:
        reach = served.reach(ca_file=authority.file, host=host)
        for _ in range(3):
            assert await fetch(connections, reach) == (200, b"ok")
        assert await fetch(connections, reach, post(b"x" * 3_000_000)) == (200, b"ok")
        assert served.connections == 1
        assert seen == [("http/1.1", "TLSv1.3")]


async def test_the_wrong_host_is_refused(authority: Authority) -> None:
    async with upstream(always(), authority.server("other.example")) as served, pool() as connections:
        with pytest.raises(ConnectFailedError, match="not trusted: hostname mismatch") as caught:
            await fetch(connections, served.reach(ca_file=authority.file, host="localhost"))
        assert not caught.value.sent
        assert caught.value.cause == "tls"


async def test_an_unknown_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    async with upstream(always(), authority.server("localhost")) as served, pool() as connections:
        with pytest.raises(ConnectFailedError, match="not trusted"):
            await fetch(connections, served.reach(ca_file=other.file, host="localhost"))
        with pytest.raises(ConnectFailedError, match="not trusted"):
            await fetch(connections, Reach(Origin("https", "localhost", served.port), private=True))


async def test_tls_1_1_is_refused(authority: Authority) -> None:
    old = authority.server("localhost")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with upstream(always(), old) as served, pool() as connections:
        with pytest.raises(ConnectFailedError, match="no TLS"):
            await fetch(connections, served.reach(ca_file=authority.file, host="localhost"))


async def test_plain_http_where_tls_is_expected_is_refused(authority: Authority) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(OK)
        await peer.gone()

    async with upstream(script) as served, pool() as connections:
        with pytest.raises(ConnectFailedError, match="no TLS"):
            await fetch(connections, served.reach(ca_file=authority.file, host="localhost"))


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
async def test_an_authority_file_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "broken.pem"
    if content is not None:
        file.write_text(content)
    async with pool() as connections:
        reach = Reach(Origin("https", "localhost", 1), private=True, ca_file=str(file))
        with pytest.raises(ConnectFailedError, match=r"broken\.pem"):
            await fetch(connections, reach)


async def test_a_stream_over_tls_is_cut_where_the_upstream_resets(authority: Authority) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
        peer.writer.transport.abort()

    async with upstream(script, authority.server("localhost")) as served, pool() as connections:
        with pytest.raises(UpstreamBrokeError):
            await fetch(connections, served.reach(ca_file=authority.file, host="localhost"))


async def test_a_body_without_frame_needs_the_farewell_of_tls(authority: Authority) -> None:
    """Anyone on the path can end a TCP connection; only the upstream can say close_notify."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nok")
        if peer.number == 1:
            peer.writer.close()  # with close_notify
        else:
            peer.writer.transport.abort()

    async with upstream(script, authority.server("localhost")) as served, pool() as connections:
        reach = served.reach(ca_file=authority.file, host="localhost")
        assert await fetch(connections, reach) == (200, b"ok")
        with pytest.raises(UpstreamBrokeError):
            await fetch(connections, reach)
