"""What a `federation` may say, of a provider or of one of its credentials."""

from pathlib import Path

import pytest

from keywright.config import FederationConfig, load
from keywright.core.errors import ConfigError

OPENAI = 'identity_provider_id = "i"\nservice_account_id = "s"\n'
GOOGLE = 'source = "google"\naudience = "https://api.openai.com/v1"\n'
CREDENTIAL = '[[providers.openai.credentials]]\nname = "a"\napi_key = "env:K"\n'


def test_with_a_federation_no_key_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    file.write_text(f'[providers.openai.federation]\ntoken_file = "/run/token"\n{OPENAI}')
    assert load(file).providers["openai"].federation is not None


@pytest.mark.parametrize("url", ["https://egress.example/openai", "http://127.0.0.1:8080/t", "http://[::1]/t"])
def test_a_platform_and_a_way_to_the_token_service_may_be_named(url: str, tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    file.write_text(f'[providers.openai.federation]\ntoken_url = "{url}"\n{GOOGLE}{OPENAI}')
    assert load(file).providers["openai"].federation == FederationConfig(
        source="google",
        audience="https://api.openai.com/v1",
        token_url=url,
        identity_provider_id="i",
        service_account_id="s",
    )


def test_a_provider_may_have_an_identity_and_a_key(tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    identity = f'[[providers.openai.credentials]]\nname = "b"\n[providers.openai.credentials.federation]\n{GOOGLE}'
    file.write_text(CREDENTIAL + identity + OPENAI)
    one, other = load(file).providers["openai"].credentials
    assert (one.api_key, one.federation) == (("env:K",), None)
    assert other.api_key == ()
    assert other.federation is not None
    assert other.federation.source == "google"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            '[providers.openai.federation]\ntoken_file = "t"\nservice_account_id = "s"\n',
            "identity_provider_id: OpenAI ne",
        ),
        (f"[providers.openai.federation]\n{OPENAI}", "write one of source, token_file, token"),
        (f'[providers.openai.federation]\ntoken_file = "t"\ntoken = "env:T"\n{OPENAI}', "write one of source, to"),
        (f'[providers.openai.federation]\ntoken_file = "t"\n{GOOGLE}{OPENAI}', "write one of source, token_file"),
        (f'[providers.openai.federation]\ntoken = "eyJ.a.b"\n{OPENAI}', "federation.token: a secret may not stand"),
        (f'[providers.openai.federation]\nsource = "gogle"\naudience = "a"\n{OPENAI}', "did you mean google?"),
        (f'[providers.openai.federation]\nsource = "google"\n{OPENAI}', "audience: a platform needs to be told"),
        (f'[providers.openai.federation]\ntoken_file = "t"\naudience = "a"\n{OPENAI}', "audience: it is for a source"),
        (f'[providers.openai.federation]\ntoken_url = "egress"\n{GOOGLE}{OPENAI}', "token_url: an address starts"),
        (f'[providers.openai.federation]\ntoken_url = "http://10.0.0.1/t"\n{GOOGLE}{OPENAI}', "would go there unencr"),
        (
            '[[providers.openai.credentials]]\nname = "a"\napi_key = "env:K"\nfederation = { token_file = "t" }\n',
            "credentials[0]: write api_key, or federation",
        ),
        ('[[providers.openai.credentials]]\nname = "a"\n', "credentials[0]: write api_key, or federation"),
        (
            '[[providers.openai.credentials]]\nname = "a"\nfederation = { token = "eyJ.a.b" }\n',
            "credentials[0].federation.token: a secret may not stand",
        ),
        (
            '[[providers.openai.credentials]]\nname = "a"\nfederation = { token_file = "t" }\n',
            "credentials[0].federation.service_account_id: OpenAI needs it",
        ),
        (f'[providers.openai.federation]\ntoken_file = "t"\nworkspace_id = "w"\n{OPENAI}', "OpenAI does not know it"),
        ('[providers.groq.federation]\ntoken_file = "t"\n', "this kind gives no tokens for a proof"),
        (
            f'[providers.openai]\napi_key = "env:K"\n[providers.openai.federation]\ntoken_file = "t"\n{OPENAI}',
            "federation: api_key stands besides",
        ),
        (
            f'[providers.openai.federation]\ntoken_file = "t"\n{OPENAI}{CREDENTIAL}',
            "federation: credentials stands besides",
        ),
    ],
)
def test_what_cannot_be_right_is_said(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert why in str(refused.value)
    assert "eyJ" not in str(refused.value)
