"""What `keywright.toml` says about prices from elsewhere and about a provider's own figures."""

import base64

import pytest

from keywright.config import ProviderConfig, parse
from keywright.core.errors import ConfigError

PUBLIC_KEY = "ed25519:" + base64.b64encode(bytes(range(32))).decode()


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "k.toml")
    (only,) = str(caught.value).splitlines()
    return only


def provider(line: str) -> str:
    return f'[providers.openai]\napi_key = "env:A"\n{line}\n'


def test_a_provider_may_have_a_key_for_its_own_figures() -> None:
    config = parse(provider('admin_key = "env:OPENAI_ADMIN_KEY"\nkey_ids = { key_abc = "0123456789ab" }'))
    assert config.providers["openai"] == ProviderConfig(
        api_key=("env:A",), admin_key="env:OPENAI_ADMIN_KEY", key_ids={"key_abc": "0123456789ab"}
    )


def test_an_admin_key_is_a_reference_and_never_itself() -> None:
    found = fault(provider('admin_key = "sk-admin-0123456789"'))
    assert found.startswith("k.toml:3: providers.openai.admin_key: ")
    assert "env:OPENAI_ADMIN_KEY" in found
    assert "0123456789" not in found


@pytest.mark.parametrize("fingerprint", ["", "0123456789a", "0123456789AB", "sk-0123456789", "0123456789abc"])
def test_a_key_id_means_a_fingerprint(fingerprint: str) -> None:
    found = fault(provider(f'key_ids = {{ key_abc = "{fingerprint}" }}'))
    assert "key_ids" in found


def test_prices_come_from_where_the_file_says() -> None:
    config = parse(f'[prices_source]\nurl = "https://prices.example/list.json"\npublic_key = "{PUBLIC_KEY}"\n')
    assert config.prices_source.url == "https://prices.example/list.json"
    assert config.prices_source.public_key == PUBLIC_KEY
    assert parse("").prices_source.url == ""


@pytest.mark.parametrize(
    "line",
    [
        'url = "ftp://prices.example"',
        'public_key = "ed25519:AAAA"',
        f'public_key = "{PUBLIC_KEY.removeprefix("ed25519:")}"',
        'public_key = "ed25519:*"',
        'proxy = "socks://p:1"',
        'colour = "blue"',
    ],
)
def test_a_source_that_cannot_be_is_named_with_its_line(line: str) -> None:
    assert fault(f"[prices_source]\n{line}\n").startswith("k.toml:2: prices_source.")
