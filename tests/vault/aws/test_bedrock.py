"""Bedrock's short-term keys are those that Amazon's own generator makes, and are read as what they are."""

import datetime
from base64 import b64encode
from collections.abc import Callable

import pytest
from aws_bedrock_token_generator import BedrockTokenGenerator
from aws_bedrock_token_generator.token_generator import _generate_token
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import SecretError
from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret
from keywright.vault.aws import AwsSettings, bedrock_key_credential, bedrock_minting_credential
from keywright.vault.aws.bedrock import LIFE_S_MAX, mint, runs_out_s
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.credential import BearerCredential
from keywright.vault.fetch import Fetch
from keywright.vault.renewal import RenewingCredential
from tests.vault.hands import Hands

NOW_S = 1_764_000_000
ID, KEY = "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJ+abc/def+ghi=="
HERE = Origin("https", "bedrock-runtime.eu-west-1.amazonaws.com", 443)


@pytest.fixture
def botocore_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def at(now_s: float) -> None:
        now = datetime.datetime.fromtimestamp(int(now_s), datetime.UTC)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)

    return at


def keys(token: str | None = TOKEN, expires_s: float | None = None) -> AwsKeys:
    return AwsKeys(ID, Secret(KEY), None if token is None else Secret(token), expires_s)


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("life_s", [1, 900, 3600, LIFE_S_MAX])
@pytest.mark.parametrize("region", ["us-east-1", "ap-northeast-2"])
def test_a_minted_key_is_that_of_amazon_s_generator(
    botocore_at: Callable[[float], None], token: str | None, life_s: int, region: str
) -> None:
    botocore_at(NOW_S)
    amazons = _generate_token(Credentials(ID, KEY, token), region, life_s)
    assert mint(keys(token), region, NOW_S, life_s).reveal() == amazons


def test_the_longest_key_is_the_generator_s_default(botocore_at: Callable[[float], None]) -> None:
    botocore_at(NOW_S)
    amazons = BedrockTokenGenerator().get_token(Credentials(ID, KEY, TOKEN), "us-east-1")
    assert mint(keys(), "us-east-1", NOW_S, LIFE_S_MAX).reveal() == amazons


@pytest.mark.parametrize("life_s", [-1, 0, LIFE_S_MAX + 1])
def test_a_life_that_amazon_refuses_is_refused(life_s: int) -> None:
    with pytest.raises(ValueError, match=f"a Bedrock key lives from 1 to 43200 s, not {life_s}"):
        mint(keys(), "us-east-1", NOW_S, life_s)


@given(st.integers(1, 4_000_000_000), st.integers(1, LIFE_S_MAX))
def test_a_short_term_key_says_when_it_runs_out(now_s: int, life_s: int) -> None:
    assert runs_out_s(mint(keys(), "us-east-1", now_s, life_s)) == now_s + life_s


@pytest.mark.parametrize(
    "text",
    [
        "ABSKQmVkcm9ja0FQSUtleS1hYmNkLWF0LTEyMzQ1Njc4OTAxMjpzZWNyZXQ=",
        "bedrock-api-key-!!!",
        "bedrock-api-key-YWJj",
        "bedrock-api-key-" + b64encode(b"bedrock.amazonaws.com/?X-Amz-Date=now&X-Amz-Expires=5").decode(),
        "bedrock-api-key-" + b64encode(b"h/?X-Amz-Date=20260101T000000Z&X-Amz-Expires=" + b"9" * 400).decode(),
        "bedrock-api-key-" + b64encode(b"\xff\xfe").decode(),
    ],
)
def test_any_other_key_is_a_plain_one(text: str, hands: Hands) -> None:
    assert runs_out_s(Secret(text)) is None
    credential = bedrock_key_credential("bedrock", Secret(text), hands.clock)
    assert isinstance(credential, BearerCredential)
    signed = credential.apply(HttpRequest(b"POST", b"/", ()), HERE)
    assert signed.headers == ((b"authorization", f"Bearer {text}".encode()),)


async def test_a_given_short_term_key_is_used_until_it_runs_out_and_then_says_so(hands: Hands) -> None:
    key = mint(keys(), "us-east-1", hands.wall_s, 900)
    credential = bedrock_key_credential("bedrock", key, hands.clock)
    assert isinstance(credential, RenewingCredential)
    assert credential.fingerprint == key.fingerprint
    for _ in range(3):
        now = await credential.current()
        assert now.apply(HttpRequest(b"POST", b"/", ()), HERE).headers[0][1] == b"Bearer " + key.reveal().encode()
        hands.pass_by(299)
    hands.pass_by(10)
    with pytest.raises(SecretError, match=r"bedrock: the short-term Bedrock key ran out \d+ s ago; give a new one"):
        await credential.current()


def test_a_given_key_that_has_run_out_is_refused_at_once(hands: Hands) -> None:
    key = mint(keys(), "us-east-1", hands.wall_s - 4000, 3600)
    with pytest.raises(SecretError, match=r"ran out 400 s ago.*mint_short_term_keys"):
        bedrock_key_credential("bedrock", key, hands.clock)


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ID,
    "AWS_SECRET_ACCESS_KEY": KEY,
    "AWS_SESSION_TOKEN": TOKEN,
    "AWS_REGION": "eu-west-1",
}


async def test_keys_are_minted_again_before_they_run_out(
    fetch: Fetch, hands: Hands, botocore_at: Callable[[float], None]
) -> None:
    credential = bedrock_minting_credential("bedrock", AwsSettings(), ENVIRONMENT, fetch, life_s=1000)
    minted = []
    for _ in range(2):
        now = await credential.current()
        botocore_at(hands.wall_s)
        amazons = _generate_token(Credentials(ID, KEY, TOKEN), "eu-west-1", 1000)
        minted.append(now.apply(HttpRequest(b"POST", b"/", ()), HERE).headers[0][1].decode())
        assert minted[-1] == f"Bearer {amazons}"
        hands.pass_by(999)
    assert minted[0] != minted[1]


async def test_a_minted_key_does_not_outlive_the_keys_that_signed_it(fetch: Fetch, hands: Hands) -> None:
    until = datetime.datetime.fromtimestamp(hands.wall_s + 600, datetime.UTC).isoformat()
    environment = {**ENVIRONMENT, "AWS_CREDENTIAL_EXPIRATION": until}
    credential = bedrock_minting_credential("bedrock", AwsSettings(), environment, fetch)
    now = await credential.current()
    key = now.apply(HttpRequest(b"POST", b"/", ()), HERE).headers[0][1].decode().removeprefix("Bearer ")
    assert runs_out_s(Secret(key)) == hands.wall_s + 600
    assert now.redact(b"your key " + key.encode()) == f"your key <secret {now.fingerprint}>".encode()
    hands.pass_by(601)
    with pytest.raises(SecretError, match="the AWS keys that a Bedrock key would be minted from have run out"):
        await credential.current()
