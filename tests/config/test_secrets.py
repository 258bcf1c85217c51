"""`[secrets.NAME]`: which stores may be described, and that what is wrong is told by line and key."""

import pytest

from keywright.config import parse
from keywright.core.errors import ConfigError

CANARY = "canary-5f1d0c9e7b"


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "test")
    assert CANARY not in str(caught.value)
    return str(caught.value)


def test_a_store_of_its_kinds_name_and_others_of_the_same_kind_are_taken() -> None:
    config = parse(
        """
[secrets.vault]
address = "https://vault.example.com:8200"
login = "approle"
role_id = "gateway"
secret_id = "file:/run/secrets/vault"
[secrets.corp]
kind = "vault"
namespace = "corp"
token = "env:CORP_TOKEN"
ttl_s = 60
[secrets.sealed]
kek = ["file:/etc/keywright/new", "file:/etc/keywright/old"]
[providers.openai]
api_key = "corp://secret/llm#openai"
admin_key = "sealed:openai-admin"
""",
        "test",
    )
    assert config.secrets["corp"].ttl_s == 60
    assert config.secrets["sealed"].kek == ("file:/etc/keywright/new", "file:/etc/keywright/old")
    assert config.providers["openai"].api_key == ("corp://secret/llm#openai",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[secrets.valt]", "test:1: secrets.valt: there is no such kind of store"),
        (
            '[secrets.corp]\nkind = "valt"',
            "test:2: secrets.corp.kind: there is no such kind of store; did you mean vault?",
        ),
        ('[secrets.vault]\nkind = "aws-sm"', "is of the kind vault"),
        ('[secrets.Corp]\nkind = "vault"', "small letters"),
        (
            '[secrets.vault]\nregion = "eu-west-1"',
            "test:2: secrets.vault.region: a store of the kind vault does not know",
        ),
        (f'[secrets.vault]\ntoken = "{CANARY}"', "a secret may not stand in this file"),
        ('[secrets.vault]\ntoken = "vault://a/b#c"', "is kept on this machine"),
        ("[secrets.sealed]", "kek is missing"),
        ('[providers.openai]\napi_key = "corp://a/b#c"', "may not stand in this file"),
        ('[secrets.corp]\nkind = "vault"\n[providers.openai]\napi_key = "corp://a/b"', "needs the field"),
        ('[providers.openai]\napi_key = "env:A"\nrotate_every = "soon"', "openai.rotate_every: not a duration"),
        ('[providers.openai]\napi_key = "env:A"\nrotation = { max_age = "1y" }', "rotation.max_age: not a duration"),
        ('[providers.openai]\napi_key = "env:A"\nrotation = { address = "ftp://x" }', "rotation.address"),
    ],
)
def test_what_cannot_be_right_is_told_with_its_line(text: str, said: str) -> None:
    assert said in fault(text)
