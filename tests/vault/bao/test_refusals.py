"""What a real server cannot be brought to say, a stand-in says; and what goes wrong before anything is said."""

import ssl
from collections.abc import Callable, Iterator

import pytest
import trustme

from keywright.core.errors import SecretError
from keywright.vault.backends.vault import VaultBackend
from keywright.vault.settings import StoreSettings
from tests.vault.bao.clients import VALUE, ref
from tests.vault.bao.relay import free_port
from tests.vault.bao.server import resolver
from tests.vault.cloud.server import Standing
from tests.vault.standin import Received, Say

TOKEN = "s.canarytoken"


def place(url: str, **told: object) -> VaultBackend:
    settings = StoreSettings(**{"address": url, "token": "env:TOKEN", "timeout_s": 2.0, **told})  # type: ignore[arg-type]
    return VaultBackend(settings, {}, resolver(TOKEN=TOKEN))


def refused(backend: VaultBackend) -> str:
    with pytest.raises(SecretError) as caught:
        backend.read(ref("secret/llm#key"))
    assert TOKEN not in str(caught.value)
    assert VALUE not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def saying() -> Iterator[Callable[[Say], Standing]]:
    """A server that knows the token and says one thing to everything else."""
    opened: list[Standing] = []

    def opener(said: Say) -> Standing:
        def answer(request: Received) -> Say:
            return Say('{"data": {"ttl": 0}}') if request.target.endswith("lookup-self") else said

        opened.append(Standing(answer, {}))
        return opened[-1]

    yield opener
    for standing in opened:
        standing.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Say(f'{{"errors": ["Vault is sealed {VALUE}"]}}', 503), "sealed"),
        (Say(f'{{"errors": ["{VALUE}"]}}', 503), "down for now"),
        (Say('{"errors": ["rate limit quota exceeded"]}', 429), "throttles"),
        (Say('{"errors": ["local node not active but active cluster node not found"]}', 500), "standby"),
        (Say("", 307, (("location", "http://127.0.0.1:1/v1/x"),)), "standby"),
        (Say("", 473), "standby"),
        (Say("", 472), "secondary"),
        (Say("{}", 501), "not initialised"),
        (Say(f"<html>{VALUE}</html>", 502), "502"),
        (Say(f"<html>{VALUE}</html>", 200), "as no such server does"),
        (Say(f'{{"data": "{VALUE}"}}', 200), "as no such server does"),
        (Say(b" " * 9_000_000, 200), "more than"),
    ],
)
def test_each_trouble_has_words_of_its_own(saying: Callable[[Say], Standing], said: Say, why: str) -> None:
    assert why in refused(place(saying(said).url))


def test_a_server_that_is_not_there_refuses(saying: Callable[[Say], Standing]) -> None:
    assert "refuses connections" in refused(place(f"http://127.0.0.1:{free_port()}"))


def test_a_certificate_is_trusted_when_its_authority_is_named() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    standing = Standing(lambda _: Say('{"errors": ["Vault is sealed"]}', 503), {}, context)
    try:
        assert "not trusted" in refused(place(standing.url))
        assert "cannot be read" in refused(place(standing.url, ca_file="/nowhere/ca.pem"))
        with authority.cert_pem.tempfile() as path:
            assert "sealed" in refused(place(standing.url, ca_file=path))
            environment = {"VAULT_ADDR": standing.url, "VAULT_CACERT": path, "VAULT_TOKEN": TOKEN}
            assert "sealed" in refused(VaultBackend(StoreSettings(), environment, resolver(VAULT_TOKEN=TOKEN)))
    finally:
        standing.close()


def test_a_proxy_is_taken_from_the_given_environment_and_not_where_it_is_exempt(
    saying: Callable[[Say], Standing],
) -> None:
    proxy = saying(Say('{"errors": ["Vault is sealed"]}', 503))
    told = {"VAULT_ADDR": "http://vault.invalid:8200", "VAULT_TOKEN": TOKEN, "http_proxy": proxy.url}
    assert "sealed" in refused(VaultBackend(StoreSettings(), told, resolver(VAULT_TOKEN=TOKEN)))
    assert proxy.received[0].target.startswith("http://vault.invalid:8200/v1/")
    exempt = VaultBackend(StoreSettings(timeout_s=2.0), told | {"no_proxy": "invalid"}, resolver(VAULT_TOKEN=TOKEN))
    assert "vault.invalid" in refused(exempt)
