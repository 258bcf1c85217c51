"""Platforms that are asked for a proof: each as its own tools ask; what is refused is told without values."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.serialize import create_serializer

from keywright.core.errors import SecretError
from keywright.vault.federation import PLATFORMS, VENDORS, PlatformProof, endpoint, federated_credential
from keywright.vault.federation.proof import current_proof
from keywright.vault.federation.vendor import ID_TOKEN
from keywright.vault.fetch import Fetch
from keywright.vault.google.file import MetadataServer, metadata_server
from tests.vault.aws.answers import sts_proof, sts_refusal
from tests.vault.aws.signed import check_signed
from tests.vault.hands import Hands
from tests.vault.standin import Handler, Received, Say, service

AUDIENCE = "https://api.openai.com/v1?a=b&c"
JWT = "eyJhead.canary-claims.canary-signature"
REQUEST_TOKEN = "canary-request-token"
OF_OPENAI = {"identity_provider_id": "idp_1", "service_account_id": "sa_1"}
FLAVOUR = (("metadata-flavor", "Google"),)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIABASE", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_REGION": "eu-central-1"}

Asked: TypeAlias = Callable[[str], Mapping[str, str]]
"""From a stand-in's address to the environment in which it is the platform."""


def queried(request: Received) -> tuple[str, dict[str, str]]:
    """Path and query, each of whose fields may come once."""
    parts = urlsplit(request.target)
    pairs = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in pairs.values())
    return parts.path, {name: values[0] for name, values in pairs.items()}


def google(request: Received) -> Say:
    assert (request.method, request.headers["metadata-flavor"]) == ("GET", "Google")
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    assert queried(request) == (path, {"audience": AUDIENCE, "format": "full"})
    return Say(JWT, headers=FLAVOUR)


def machine(request: Received) -> Say:
    assert (request.method, request.headers["metadata"]) == ("GET", "true")
    said = {"api-version": "2018-02-01", "resource": AUDIENCE}
    assert queried(request) == ("/metadata/identity/oauth2/token", said)
    return Say(json.dumps({"access_token": JWT, "expires_in": "86399", "resource": AUDIENCE, "token_type": "Bearer"}))


def app(request: Received) -> Say:
    assert (request.method, request.headers["x-identity-header"]) == ("GET", REQUEST_TOKEN)
    said = {"api-version": "2019-08-01", "resource": AUDIENCE, "client_id": "user-assigned"}
    assert queried(request) == ("/msi/token", said)
    return Say(json.dumps({"access_token": JWT, "expires_on": "4102444800", "token_type": "Bearer"}))


def github(request: Received) -> Say:
    assert (request.method, request.headers["authorization"]) == ("GET", f"bearer {REQUEST_TOKEN}")
    assert queried(request) == ("/idtoken", {"api-version": "2.0", "audience": AUDIENCE})
    return Say(json.dumps({"count": 2000, "value": JWT}))


@cache
def web_identity_token() -> OperationModel:
    """As Amazon's own SDK knows it."""
    model = ServiceModel(Loader().load_service_model("sts", "service-2"), "sts")
    return model.operation_model("GetWebIdentityToken")


def sts(request: Received) -> Say:
    assert request.method == "POST"
    assert check_signed(request, {"AKIABASE": "canary-secret"}, "eu-central-1", "sts") == "AKIABASE"
    said = {"Audience": [AUDIENCE], "SigningAlgorithm": "RS256", "DurationSeconds": 300}
    amazon_s = create_serializer("query").serialize_to_request(said, web_identity_token())["body"]
    assert request.form == {name: str(value) for name, value in amazon_s.items()}
    return Say(sts_proof(JWT))


def in_google(url: str) -> Mapping[str, str]:
    return {"GCE_METADATA_HOST": url.removeprefix("http://")}


def in_azure(url: str) -> Mapping[str, str]:
    return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": url}


def in_app_service(url: str) -> Mapping[str, str]:
    said = {"IDENTITY_ENDPOINT": f"{url}/msi/token", "IDENTITY_HEADER": REQUEST_TOKEN}
    return {**said, "AZURE_CLIENT_ID": "user-assigned"}


def in_github(url: str) -> Mapping[str, str]:
    said = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/idtoken?api-version=2.0"}
    return {**said, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN}


def in_aws(url: str) -> Mapping[str, str]:
    return {**KEYS, "AWS_ENDPOINT_URL_STS": url}


WAYS: list[tuple[str, Asked, Handler]] = [
    ("google", in_google, google),
    ("azure", in_azure, machine),
    ("azure", in_app_service, app),
    ("github", in_github, github),
    ("aws", in_aws, sts),
]


@pytest.mark.parametrize(("platform", "asked", "handler"), WAYS)
async def test_a_platform_is_asked_as_its_own_tools_ask(
    platform: str, asked: Asked, handler: Handler, fetch: Fetch
) -> None:
    async with service(handler) as running:
        proof = PlatformProof(PLATFORMS[platform], AUDIENCE, asked(running.url))
        assert (await current_proof(proof, fetch)).reveal() == JWT
    assert len(running.received) == 1
    assert "canary" not in repr(proof)


@pytest.mark.parametrize(("platform", "asked", "_"), WAYS)
@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Say('{"error": "denied"}', 403, FLAVOUR), "answered 403"),
        (Say(sts_refusal("AccessDenied", "off"), 403, FLAVOUR), "answered 403"),
        (Say("canary", 200, FLAVOUR), "no token|no signed JWT"),
        (
            Say('{"access_token": "canary", "value": "canary", "expires_in": 60}', 200, FLAVOUR),
            "no token|no signed JWT",
        ),
        (Say("", 302, (*FLAVOUR, ("location", "http://127.0.0.1:1/"))), "answered 302"),
        (Say("a.b." + "c" * 16_400, 200, FLAVOUR), "no token|more than 16384 bytes"),
    ],
)
async def test_a_platform_that_refuses_or_says_something_else_is_told_without_values(
    platform: str, asked: Asked, _: Handler, said: Say, why: str, fetch: Fetch
) -> None:
    async with service(lambda _: said) as running:
        with pytest.raises(SecretError, match=why) as refused:
            await current_proof(PlatformProof(PLATFORMS[platform], AUDIENCE, asked(running.url)), fetch)
    assert "canary" not in str(refused.value)
    assert len(running.received) == 1


@pytest.mark.parametrize(("platform", "asked"), [("github", in_github), ("azure", in_app_service)])
async def test_a_refusal_that_repeats_what_it_was_asked_with_is_told_without_it(
    platform: str, asked: Asked, fetch: Fetch
) -> None:
    said = json.dumps({"error": {"code": "denied", "message": f"no: {REQUEST_TOKEN}"}})
    async with service(lambda _: Say(said, 403)) as running:
        with pytest.raises(SecretError, match=r"answered 403 \(.*no: <secret ") as refused:
            await current_proof(PlatformProof(PLATFORMS[platform], AUDIENCE, asked(running.url)), fetch)
    assert REQUEST_TOKEN not in str(refused.value)


async def test_what_is_no_metadata_server_of_google_s_is_not_believed(fetch: Fetch) -> None:
    async with service(lambda _: Say(JWT)) as running:
        with pytest.raises(SecretError, match="what answers in place of Google's metadata server is not one"):
            await current_proof(PlatformProof(PLATFORMS["google"], AUDIENCE, in_google(running.url)), fetch)


async def test_a_platform_that_is_not_there_is_told_of_at_once(fetch: Fetch) -> None:
    for platform, asked, _ in WAYS:
        with pytest.raises(SecretError, match="gave no answer"):
            await current_proof(PlatformProof(PLATFORMS[platform], AUDIENCE, asked("http://127.0.0.1:1")), fetch)


def test_a_metadata_server_is_at_its_platform_s_address_unless_the_environment_says_otherwise() -> None:
    assert metadata_server({}) == MetadataServer("http://metadata.google.internal")
    assert metadata_server({"GCE_METADATA_HOST": "169.254.169.254"}) == MetadataServer("http://169.254.169.254")


@pytest.mark.parametrize(
    ("platform", "environment", "why"),
    [
        ("github", {}, "are not set: .* permission id-token: write"),
        ("github", {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x/"}, "are not set"),
        ("github", in_github("http://ghes.example"), "ACTIONS_ID_TOKEN_REQUEST_URL is not https://"),
        ("github", {**in_github("https://x"), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary two"}, "is no token"),
        ("azure", {"IDENTITY_ENDPOINT": "x", "IDENTITY_SERVER_THUMBPRINT": "y"}, "Service Fabric"),
        ("aws", {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "canary"}, "AWS: no region is set"),
    ],
)
def test_what_a_platform_lacks_is_told_before_it_is_asked(
    platform: str, environment: Mapping[str, str], why: str
) -> None:
    with pytest.raises(SecretError, match=why) as refused:
        PLATFORMS[platform].require(environment)
    assert "canary" not in str(refused.value)


def test_a_platform_that_may_be_there_is_not_asked_in_advance() -> None:
    environment = {**in_github("https://x"), **KEYS}
    for platform in PLATFORMS.values():
        platform.require(environment)


async def test_each_token_is_had_for_a_proof_of_its_own(fetch: Fetch, hands: Hands) -> None:
    signed = iter(("a.b.first", "a.b.second"))
    async with (
        service(lambda _: Say(next(signed), headers=FLAVOUR)) as metadata,
        service(lambda _: Say('{"access_token": "issued", "expires_in": 600}')) as tokens,
    ):
        proof = PlatformProof(PLATFORMS["google"], AUDIENCE, in_google(metadata.url))
        place = endpoint(VENDORS["openai"], tokens.url)
        credential = federated_credential("openai", VENDORS["openai"], OF_OPENAI, place, proof, fetch)
        await credential.current()
        await credential.current()
        assert len(metadata.received) == 1
        hands.pass_by(590)
        await credential.current()
    sent = [json.loads(request.body) for request in tokens.received]
    assert [fields["subject_token"] for fields in sent] == ["a.b.first", "a.b.second"]
    assert {fields["subject_token_type"] for fields in sent} == {ID_TOKEN}  # as OpenAI's own SDK says of Google's
