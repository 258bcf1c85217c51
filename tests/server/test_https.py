"""The gateway speaks HTTPS itself, on both edges, and says what is wrong with a certificate before it starts."""

import ssl
import urllib.request
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
