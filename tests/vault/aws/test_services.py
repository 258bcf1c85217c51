"""Keys from Amazon's services: what is asked is checked strictly, and what comes back is not believed blindly."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywright.core.errors import ConnectFailedError, SecretError
from keywright.core.http import HttpRequest, Origin, Reach
from keywright.core.secret import Secret
from keywright.vault.aws import AwsSettings, aws_credential
from keywright.vault.aws.answer import sts_error
from keywright.vault.aws.credential import SigV4Credential, aws_keys
from keywright.vault.fetch import Answer, Fetch
from tests.vault.aws.answers import metadata_answer, sts_answer, sts_refusal
from tests.vault.aws.signed import check_signed
from tests.vault.hands import Hands
from tests.vault.standin import Received, Say, service

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/llm"
BASE = {"AKIABASE": "base-secret"}
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIABASE", "AWS_SECRET_ACCESS_KEY": "base-secret", "AWS_REGION": REGION}
RUNTIME = Origin("https", "bedrock-runtime.eu-central-1.amazonaws.com", 443)
UNSAID = AwsSettings()


def when(hands: Hands, life_s: float) -> str:
    return datetime.fromtimestamp(hands.wall_s + life_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_role_is_assumed_with_a_signed_request_and_its_keys_sign_the_next(fetch: Fetch, hands: Hands) -> None:
    def sts(request: Received) -> Say:
        assert (request.method, request.target) == ("POST", "/")
        check_signed(request, BASE, REGION, "sts")
        assert request.form == {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "keywright",
            "DurationSeconds": "3600",
        }
        return Say(sts_answer("AssumeRole", "ASIAROLE", when(hands, 3600)))

    async with service(sts) as running:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL_STS": running.url}
        credential = aws_credential("bedrock", AwsSettings(role_arn=ROLE), environment, fetch)
        held = await credential.current()
        request = HttpRequest(b"POST", b"/model/a.b-v1%3A0/converse", ((b"content-type", b"application/json"),), b"{}")
        signed = held.apply(request, RUNTIME)
        headers = {name.decode(): value.decode() for name, value in signed.headers}
        assert headers["x-amz-security-token"] == "session-token/+="
        received = Received("POST", signed.target.decode(), {**headers, "host": RUNTIME.host}, signed.body)
        assert check_signed(received, {"ASIAROLE": "ASIAROLE-secret"}, REGION, "bedrock") == "ASIAROLE"
        hands.pass_by(3590)
        await credential.current()
    assert len(running.received) == 2, "temporary keys are had again before they run out"
    assert held.redact(b"x-amz-security-token:session-token/+=\n") == (
        f"x-amz-security-token:<secret {Secret('session-token/+=').fingerprint}>\n".encode()
    )
    assert "ASIAROLE-secret" not in repr(held)


async def test_roles_are_assumed_one_with_the_other(fetch: Fetch, hands: Hands, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(
        "[profile llm]\nrole_arn = arn:llm\nsource_profile = hop\nexternal_id = ext\nduration_seconds = 900\n"
        "[profile hop]\nrole_arn = arn:hop\ncredential_source = Environment\nrole_session_name = hopping\n"
    )

    def sts(request: Received) -> Say:
        if request.form["RoleArn"] == "arn:hop":
            assert check_signed(request, BASE, REGION, "sts") == "AKIABASE"
            assert request.form["RoleSessionName"] == "hopping"
            return Say(sts_answer("AssumeRole", "ASIAHOP", when(hands, 3600)))
        assert check_signed(request, {"ASIAHOP": "ASIAHOP-secret"}, REGION, "sts") == "ASIAHOP"
        assert request.headers["x-amz-security-token"] == "session-token/+="
        assert (request.form["ExternalId"], request.form["DurationSeconds"]) == ("ext", "900")
        return Say(sts_answer("AssumeRole", "ASIALLM", when(hands, 900)))

    async with service(sts) as running:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": running.url, "HOME": str(tmp_path)}
        keys, region = await aws_keys(AwsSettings(profile="llm"), environment, fetch)
    assert (keys.access_key_id, region) == ("ASIALLM", REGION)
    assert keys.expires_s == hands.wall_s + 900


async def test_a_web_identity_is_exchanged_and_its_file_read_each_time(
    fetch: Fetch, hands: Hands, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    tokens = ["token-one", "token-two"]

    def sts(request: Received) -> Say:
        assert "authorization" not in request.headers
        assert request.form == {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "pod-7",
            "DurationSeconds": "3600",
            "WebIdentityToken": tokens.pop(0),
        }
        return Say(sts_answer("AssumeRoleWithWebIdentity", "ASIAWEB", when(hands, 100)))

    async with service(sts) as running:
        environment = {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
            "AWS_ROLE_ARN": ROLE,
            "AWS_ROLE_SESSION_NAME": "pod-7",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_STS": running.url,
        }
        credential = aws_credential("bedrock", UNSAID, environment, fetch)
        for text in ("token-one\n", "token-two"):
            file.write_text(text)
            assert isinstance(await credential.current(), SigV4Credential)
            hands.pass_by(101)
        file.write_text("")
        with pytest.raises(SecretError, match=f"{file} is empty; it should hold a token"):
            await credential.current()
    assert tokens == []


async def test_a_refused_role_says_which_and_why_without_the_token(fetch: Fetch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("canary-web-token")
    refusal = sts_refusal("InvalidIdentityToken", "Token canary-web-token is not for you")
    async with service(lambda _: Say(refusal, 400)) as running:
        environment = {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
            "AWS_ROLE_ARN": ROLE,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_STS": running.url,
        }
        with pytest.raises(SecretError) as failure:
            await aws_keys(UNSAID, environment, fetch)
    assert str(failure.value) == (
        f"STS, asked for the role {ROLE} with a web identity, answered 400 (InvalidIdentityToken: Token <secret "
        f"{Secret('canary-web-token').fingerprint}> is not for you)"
    )


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + sts_answer("AssumeRole", "&b;", "2030-01-01T00:00:00Z")
SOON = "2090-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "answered with something that is no key"),
        ("<html><body>hello</body></html>", "answered with something that is no key"),
        ("{}", "answered with something that is no key"),
        (BOMB, "answered with something that is no key"),
        (sts_answer("AssumeRole", "", SOON), "gave no complete key"),
        (sts_answer("AssumeRole", "ASIA", "tomorrow"), "says a time of expiry that is none"),
        (sts_answer("AssumeRole", "ASIA", "2090-01-01T00:00:00"), "says a time of expiry without a zone"),
        (sts_answer("AssumeRole", "ASIA", SOON, token="a b"), "holds something else than visible ASCII"),
        (sts_answer("AssumeRole", "ASIA", SOON, token="a&#10;x: y"), "holds something else than visible ASCII"),
    ],
)
async def test_an_answer_of_sts_that_is_no_key_is_refused(fetch: Fetch, body: str, why: str) -> None:
    async with service(lambda _: Say(body)) as running:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL_STS": running.url}
        with pytest.raises(SecretError, match=f"^STS, asked for the role {re.escape(ROLE)}, .*{why}"):
            await aws_keys(AwsSettings(role_arn=ROLE), environment, fetch)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b"<", ""),
        (b"<a/>", ""),
        (b"<Error><Code>C</Code></Error>", "C"),
        (b"<!DOCTYPE a><Code>C</Code>", ""),
    ],
)
def test_what_an_error_says_is_read_from_whatever_it_is(body: bytes, said: str) -> None:
    assert sts_error(body) == said


async def test_a_clock_that_is_wrong_is_named_when_sts_refuses_it(fetch: Fetch, hands: Hands) -> None:
    hands.wall_s -= 3600
    date = datetime.fromtimestamp(hands.wall_s + 3600, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    refusal = sts_refusal("SignatureDoesNotMatch", "Signature expired: 20261124T000000Z is now earlier")
    async with service(lambda _: Say(refusal, 403, (("date", date),))) as running:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL_STS": running.url}
        with pytest.raises(SecretError, match=r"Signature expired.*; this machine's clock is 3600 s behind"):
            await aws_keys(AwsSettings(role_arn=ROLE), environment, fetch)


async def test_keys_that_are_over_when_they_come_are_not_used(fetch: Fetch, hands: Hands) -> None:
    async with service(lambda _: Say(sts_answer("AssumeRole", "ASIA", when(hands, 0)))) as running:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL_STS": running.url}
        credential = aws_credential("bedrock", AwsSettings(role_arn=ROLE), environment, fetch)
        with pytest.raises(SecretError, match=r"^bedrock: the new credential had run out when it came"):
            await credential.current()


class Nobody:
    """Where nobody answers."""

    def __init__(self) -> None:
        self.asked: list[Reach] = []

    async def send(self, reach: Reach, _: HttpRequest) -> Answer:
        self.asked.append(reach)
        raise ConnectFailedError("it is not there")


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1"])
async def test_without_a_written_address_the_region_s_public_service_is_asked(region: str, hands: Hands) -> None:
    nobody = Nobody()
    fetch = Fetch(nobody, hands.clock, pause=lambda _: asyncio.sleep(0))
    with pytest.raises(SecretError, match="it is not there"):
        await aws_keys(AwsSettings(region=region, role_arn=ROLE), ENVIRONMENT, fetch)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    assert {(reach.origin, reach.private) for reach in nobody.asked} == {
        (Origin("https", f"sts.{region}.{domain}", 443), False)
    }


async def test_a_container_s_endpoint_gives_keys(fetch: Fetch, hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "authorization"
    file.write_text("container-token\n")

    def endpoint(request: Received) -> Say:
        assert (request.method, request.target) == ("GET", "/v2/credentials/abc?x=y")
        assert request.headers["authorization"] == "container-token"
        return Say(
            f'{{"RoleArn": "r", "AccessKeyId": "ASIAECS", "SecretAccessKey": "s", "Token": "t", '
            f'"Expiration": "{when(hands, 900)}"}}'
        )

    async with service(endpoint) as running:
        url = f"{running.url}/v2/credentials/abc?x=y"
        environment = {"AWS_REGION": REGION, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url}
        for said in (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token"},
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file), "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other"},
        ):
            keys, _ = await aws_keys(UNSAID, {**environment, **said}, fetch)
            assert (keys.access_key_id, keys.expires_s) == ("ASIAECS", hands.wall_s + 900)
        file.write_text("two\nlines")
        with pytest.raises(SecretError, match="authorization token is not one line"):
            await aws_keys(UNSAID, {**environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}, fetch)
        with pytest.raises(SecretError, match=r"gone cannot be read: No such file"):
            await aws_keys(UNSAID, {**environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/gone"}, fetch)


class Instance:
    """An EC2 metadata service, version 2 only."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.roles = "llm-role"
        self.code = "Success"
        self.token_status = 200

    def __call__(self, request: Received) -> Say:
        if request.method == "PUT":
            assert request.target == "/latest/api/token"
            assert 1 <= int(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]) <= 21_600
            assert request.headers["content-length"] == "0"
            assert "x-forwarded-for" not in request.headers
            return Say("session==", self.token_status)
        assert request.method == "GET"
        assert request.headers["x-aws-ec2-metadata-token"] == "session=="
        path = "/latest/meta-data/iam/security-credentials/"
        if request.target == path:
            return Say(self.roles, 200 if self.roles else 404)
        assert request.target == f"{path}{self.roles}"
        answer = metadata_answer("ASIAEC2", when(self.hands, 6 * 3600))
        return Say(answer.replace('"Success"', f'"{self.code}"'))


async def test_an_instance_gives_its_role_s_keys_after_a_session_token(fetch: Fetch, hands: Hands) -> None:
    instance = Instance(hands)
    async with service(instance) as running:
        environment = {"AWS_REGION": REGION, "AWS_EC2_METADATA_SERVICE_ENDPOINT": running.url + "/"}
        keys, _ = await aws_keys(UNSAID, environment, fetch)
        assert (keys.access_key_id, keys.expires_s) == ("ASIAEC2", hands.wall_s + 6 * 3600)
        instance.code = "AssumeRoleUnauthorizedAccess"
        with pytest.raises(SecretError, match="the EC2 metadata service has no keys: AssumeRoleUnauthorizedAccess"):
            await aws_keys(UNSAID, environment, fetch)
        instance.roles = ""
        with pytest.raises(SecretError, match="the EC2 metadata service knows no role: give the instance a profile"):
            await aws_keys(UNSAID, environment, fetch)
        instance.token_status = 403
        with pytest.raises(SecretError, match="the EC2 metadata service answered 403"):
            await aws_keys(UNSAID, environment, fetch)


async def test_a_machine_that_is_no_instance_says_that_no_keys_are_there(fetch: Fetch, unused_tcp_port: int) -> None:
    environment = {"AWS_REGION": REGION, "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{unused_tcp_port}"}
    with pytest.raises(
        SecretError, match=r"no keys are in the environment, .*; and the EC2 metadata service .* no ans"
    ):
        await aws_keys(UNSAID, environment, fetch)


async def test_a_way_that_is_none_is_refused_when_the_credential_is_made(fetch: Fetch) -> None:
    with pytest.raises(SecretError, match="there is no profile 'p'"):
        aws_credential("bedrock", AwsSettings(region=REGION, profile="p"), {}, fetch)


async def test_the_fingerprint_is_that_of_the_way(fetch: Fetch) -> None:
    def made(**changed: str) -> str:
        return aws_credential("bedrock", UNSAID, {**ENVIRONMENT, **changed}, fetch).fingerprint

    assert made() == made()
    assert len({made(), made(AWS_REGION="us-east-1"), made(AWS_SECRET_ACCESS_KEY="other")}) == 3
