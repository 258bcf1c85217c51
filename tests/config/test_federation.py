"""What `[providers.NAME.federation]` may say."""

from pathlib import Path

import pytest

from keywright.config import load
from keywright.core.errors import ConfigError

OPENAI = 'identity_provider_id = "i"\nservice_account_id = "s"\n'
CREDENTIAL = '[[providers.openai.credentials]]\nname = "a"\napi_key = "env:K"\n'


def test_with_a_federation_no_key_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    file.write_text(f'[providers.openai.federation]\ntoken_file = "/run/token"\n{OPENAI}')
    assert load(file).providers["openai"].federation is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            '[providers.openai.federation]\ntoken_file = "t"\nservice_account_id = "s"\n',
            "identity_provider_id: OpenAI ne",
        ),
        (f"[providers.openai.federation]\n{OPENAI}", "write token_file or token"),
        (f'[providers.openai.federation]\ntoken_file = "t"\ntoken = "env:T"\n{OPENAI}', "and not both"),
        (f'[providers.openai.federation]\ntoken = "eyJ.a.b"\n{OPENAI}', "federation.token: a secret may not stand"),
        (f'[providers.openai.federation]\nsource = "google"\n{OPENAI}', "source: platforms are not asked"),
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
