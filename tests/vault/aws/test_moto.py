"""A role is assumed at a server that is not ours: moto's, which checks signatures as AWS does."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.aws import AwsSettings
from keywright.vault.aws.credential import aws_keys
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.sts import Sts
from keywright.vault.fetch import Fetch

REGION = "eu-west-1"


@pytest.fixture
def checked(moto: str) -> Iterator[None]:
    """From here on every request must be signed by a key that may make it."""
    _check_after(moto, 0)
    yield
    _check_after(moto, 10**9)


def _check_after(moto: str, requests: int) -> None:
    url, headers = f"{moto}/moto-api/reset-auth", {"content-type": "text/plain"}
    with urlopen(Request(url, str(requests).encode(), headers, method="POST"), timeout=10) as answer:
        assert answer.status == 200


def client(moto: str, service: str, keys: AwsKeys | None = None) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=moto,
        aws_access_key_id=keys.access_key_id if keys else "any",
        aws_secret_access_key=keys.secret_access_key.reveal() if keys else "any",
        aws_session_token=keys.token.reveal() if keys and keys.token else None,
    )


@pytest.fixture(scope="module")
def user(moto: str) -> AwsKeys:
    """The key of a user who may assume roles."""
    iam = client(moto, "iam")
    iam.create_user(UserName="gateway")
    policy = _policy(Effect="Allow", Action="sts:*", Resource="*")
    iam.put_user_policy(UserName="gateway", PolicyName="roles", PolicyDocument=policy)
    made = iam.create_access_key(UserName="gateway")["AccessKey"]
    trust = _policy(Effect="Allow", Principal={"AWS": "*"}, Action="sts:AssumeRole")
    iam.create_role(RoleName="llm", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName="llm", PolicyName="who", PolicyDocument=policy)
    return AwsKeys(made["AccessKeyId"], Secret(made["SecretAccessKey"]))


def _policy(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ROLE = "arn:aws:iam::123456789012:role/llm"


def environment(moto: str, keys: AwsKeys, secret: str = "") -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret or keys.secret_access_key.reveal(),
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_STS": moto,
    }


@pytest.mark.usefixtures("checked")
async def test_a_role_s_keys_work(moto: str, user: AwsKeys, fetch: Fetch) -> None:
    keys, _ = await aws_keys(AwsSettings(role_arn=ROLE), environment(moto, user), fetch)
    assert keys.expires_s is not None
    assert 3500 < keys.expires_s - fetch.now_s() < 3700
    caller = client(moto, "sts", keys).get_caller_identity()
    assert caller["Arn"] == "arn:aws:sts::123456789012:assumed-role/llm/keywright"


@pytest.mark.usefixtures("checked")
async def test_a_wrong_key_is_refused_and_the_reason_told(moto: str, user: AwsKeys, fetch: Fetch) -> None:
    with pytest.raises(SecretError, match=r"asked for the role .*/llm, answered 403 \(SignatureDoesNotMatch: "):
        await aws_keys(AwsSettings(role_arn=ROLE), environment(moto, user, secret="wrong"), fetch)


async def test_a_web_identity_s_keys_come(moto: str, fetch: Fetch) -> None:
    sts = Sts(REGION, {"AWS_ENDPOINT_URL_STS": moto}, fetch)
    keys = await sts.assume_with_web_identity(ROLE, Secret("a.b.c"), "pod", 900)
    assert keys.token is not None
    assert keys.expires_s is not None
    assert 800 < keys.expires_s - fetch.now_s() < 1000
