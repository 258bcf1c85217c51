"""The gateway speaks HTTPS itself, on both edges, and says what is wrong with a certificate before it starts."""

import contextlib
import socket
import ssl
import time
import urllib.request
import warnings
from pathlib import Path

import pytest
import trustme

from keywright.core.errors import ConfigError
from keywright.core.json import encode
from keywright.server.listen import Tls, require_tls
from tests.gateway import CHAT, EDGES, Edge, chat_body, environment, running, toml
from tests.standin.cloud import StandIn


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(tmp_path: Path, authority: trustme.CA) -> Tls:
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    return Tls(tmp_path / "server.pem", tmp_path / "server.pem")


@pytest.mark.parametrize("edge", EDGES)
def test_a_call_over_https_is_answered_whole_and_streamed(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn, tls: Tls, authority: trustme.CA, edge: Edge
) -> None:
    config, variables = toml(openai_cloud, anthropic_cloud), environment(openai_cloud, anthropic_cloud)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    with running(tmp_path, config, variables, edge=edge, tls=tls) as gateway:
        for stream in (False, True):
            headers = {"authorization": f"Bearer {gateway.admin_key}", "content-type": "application/json"}
            body = encode(chat_body("openai/gpt-4o", "hello", stream=stream))
            request = urllib.request.Request(gateway.url + CHAT, body, headers)
            with urllib.request.urlopen(request, timeout=10, context=trusted) as answer:
                assert (answer.status, b"said" in answer.read()) == (200, True)
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(gateway.url + "/health/live", timeout=10)


def test_files_that_are_none_or_do_not_belong_together_are_refused(
    tmp_path: Path, tls: Tls, authority: trustme.CA
) -> None:
    require_tls(tls)
    (tmp_path / "text.pem").write_text("no certificate")
    other = authority.issue_cert("127.0.0.2")
    other.private_key_pem.write_to_path(tmp_path / "other.pem")
    for wrong in (
        Tls(tmp_path / "text.pem", tmp_path / "text.pem"),
        Tls(tls.certificate, tmp_path / "other.pem"),
        Tls(tmp_path / "nothing.pem", tmp_path / "nothing.pem"),
    ):
        with pytest.raises(ConfigError, match="tls_certificate"):
            require_tls(wrong)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # uvloop's, of connections whose handshake the stop cuts off
@pytest.mark.parametrize("edge", EDGES)
def test_who_speaks_no_tls_or_stays_silent_keeps_nobody_from_stopping(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn, tls: Tls, authority: trustme.CA, edge: Edge
) -> None:
    config, variables = toml(openai_cloud, anthropic_cloud), environment(openai_cloud, anthropic_cloud)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(old)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with contextlib.ExitStack() as clients:
        with running(tmp_path, config, variables, edge=edge, tls=tls, shutdown_s=1.0) as gateway:
            address = ("127.0.0.1", int(gateway.url.rpartition(":")[2]))

            def connect() -> socket.socket:
                return clients.enter_context(socket.create_connection(address, timeout=5))

            silent, plain, half = connect(), connect(), connect()
            plain.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"HTTP/1.1 200" not in plain.recv(1000)
            half.sendall(b"\x16\x03\x01\x02\x00")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                old.wrap_socket(connect(), server_hostname="127.0.0.1")
            idle = clients.enter_context(trusted.wrap_socket(connect(), server_hostname="127.0.0.1"))
            idle.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert idle.recv(1000).startswith(b"HTTP/1.1 200")
            began = time.monotonic()
        assert time.monotonic() - began < 6
        assert silent.fileno() >= 0
