"""Providers that are called without a key: tokens that run out, a token service in trouble, calls that are checked."""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.acceptance.vendors import kept
from tests.rotation.standins.base import Door, Misdeed, Say
from tests.rotation.standins.dialects import anthropic_like, bedrock_like
from tests.rotation.standins.plane import Uses, bearer, openai_like, refusal
from tests.standin.wire import Request
from tests.vault.aws.answers import sts_answer, sts_proof
from tests.vault.aws.signed import check_signed
from tests.vault.google.files import service_account
from tests.vault.rsa_key import rsa_key, verified
from tests.vault.standin import Received

LIFE_S: Final = 90
"""Of tokens. They are renewed after 72 s, and not used in their last 9: of the 9 s between, a service may miss 5."""

ILL_S, WELL_S = 4.0, 20.0
REGION: Final = "us-east-1"
BASE_ID, BASE_SECRET = "AKIABASE", "base-secret"
ROLE: Final = "arn:aws:iam::1:role/llm"
AUDIENCE: Final = "https://api.example/v1?a=b&c"
JOB_TOKEN: Final = "canary-of-the-job"
PROOF: Final = "eyJhead.canary-claims.canary-signature"
GEMINI_ANSWER: Final = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "yes"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
    "modelVersion": "m",
}

Plane = Callable[[Request, str, Uses], Say]


class Issuer:
    """A token service and the provider behind it, which takes no token that has run out. `issued`: when each does."""

    def __init__(self, is_token: Callable[[Request], bool], plane: Plane) -> None:
        self.issued: dict[str, float] = {}
        self.uses = Uses()
        self.vain = 0
        """How often a token was asked for in vain."""

        self.door = Door(self._answer, self._is_asked)
        self._troubles: Iterator[Misdeed] = iter(())
        self._ill_until_s = 0.0
        self._is_token = is_token
        self._plane = plane

    def token(self, request: Request) -> Say:
        """A new one, for whatever proof."""
        return Say({"access_token": self._issue("token"), "expires_in": LIFE_S, "token_type": "Bearer"})

    def fall_ill(self, troubles: Iterator[Misdeed]) -> None:
        """From now on, be ill for `ILL_S` whenever a token is asked for after `WELL_S`: each time in another way."""
        self._troubles = troubles

    def recover(self) -> None:
        """Be well, and stay so."""
        self._troubles, self._ill_until_s = iter(()), 0.0

    def lives(self, token: str) -> bool:
        return self.issued.get(token, 0.0) > time.time()

    def id(self, request: Request) -> str:
        """The token with which a call is made."""
        return bearer(request)

    def _issue(self, kind: str) -> str:
        token = f"{kind}{len(self.issued) + 1}"
        self.issued[token] = time.time() + LIFE_S
        return token

    def _is_asked(self, request: Request) -> bool:
        if not self._is_token(request):
            return False
        now_s = time.monotonic()
        if now_s > self._ill_until_s + WELL_S and (trouble := next(self._troubles, None)) is not None:
            self.door.always, self._ill_until_s = trouble, now_s + ILL_S
        if now_s > self._ill_until_s:
            self.door.always = None
        self.vain += self.door.always is not None
        return True

    def _answer(self, request: Request) -> Say:
        if self._is_token(request):
            return self.token(request)
        assert "x-api-key" not in request.headers
        assert "api-key" not in request.headers
        assert "x-goog-api-key" not in request.headers
        token = self.id(request)
        if not self.lives(token):
            return refusal(401, f"{token} has run out, or never was", self.uses)
        return self._plane(request, token, self.uses)


class Platform(Issuer):
    """Signs a workload's proof, as Google's metadata server or the token service of GitHub Actions."""

    def __init__(self) -> None:
        super().__init__(lambda _: True, openai_like)

    def token(self, request: Request) -> Say:
        asked = urlsplit(request.path)
        assert parse_qs(asked.query)["audience"] == [AUDIENCE], request.path
        if asked.path == "/github":
            assert request.headers["authorization"] == f"bearer {JOB_TOKEN}"
            return Say({"value": PROOF})
        assert asked.path == "/computeMetadata/v1/instance/service-accounts/default/identity", request.path
        assert request.headers["metadata-flavor"] == "Google"
        return Say(PROOF.encode(), 200, {"metadata-flavor": "Google"})


class Exchange(Issuer):
    """Takes a workload's proof. `field`: which one it is in."""

    def __init__(self, path: str, field_name: str, plane: Plane) -> None:
        super().__init__(lambda request: request.path == path, plane)
        self._field = field_name

    def token(self, request: Request) -> Say:
        text = request.body.decode()
        form = json.loads(text) if text.startswith("{") else {name: of[0] for name, of in parse_qs(text).items()}
        assert form[self._field] == PROOF, form
        return super().token(request)


class Amazon(Issuer):
    """STS and Bedrock, which is called with signed requests or with keys that were minted from the role's. STS signs
    proofs, too.
    """

    def __init__(self) -> None:
        super().__init__(lambda request: request.path == "/", bedrock_like)
        self._secrets = {BASE_ID: BASE_SECRET}

    def token(self, request: Request) -> Say:
        assert check_signed(_received(request), {BASE_ID: BASE_SECRET}, REGION, "sts") == BASE_ID
        form = parse_qs(request.body.decode())
        if form["Action"] == ["GetWebIdentityToken"]:
            assert form["Audience.member.1"] == [AUDIENCE]
            return Say(sts_proof(PROOF).encode(), 200, {"content-type": "text/xml"})
        key_id = self._issue("ASIAROLE")
        self._secrets[key_id] = f"{key_id}-secret"
        until = datetime.fromtimestamp(self.issued[key_id], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Say(sts_answer("AssumeRole", key_id, until).encode(), 200, {"content-type": "text/xml"})

    def id(self, request: Request) -> str:
        key = bearer(request)
        if not key.startswith("bedrock-api-key-"):
            return check_signed(_received(request), self._secrets, REGION, "bedrock")
        said = b64decode(key.removeprefix("bedrock-api-key-")).decode()
        query = {name: values[0] for name, values in parse_qs(said.partition("?")[2]).items()}
        made = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        assert made + int(query["X-Amz-Expires"]) > time.time(), "the minted key has run out"
        return query["X-Amz-Credential"].partition("/")[0]


def asked_of(platform: str) -> str:
    return f'source = "{platform}", audience = "{AUDIENCE}"'


def _received(request: Request) -> Received:
    return Received(request.method, request.path, request.headers, request.body)


def _gemini_like(request: Request, token: str, uses: Uses) -> Say:
    assert request.path.endswith(":generateContent"), request.path
    uses.calls[token] += 1
    return Say(GEMINI_ANSWER)


def _google_token(request: Request) -> bool:
    if request.path != "/token":
        return False
    verified(parse_qs(request.body.decode())["assertion"][0], rsa_key())
    return True


@dataclass
class Identity:
    """A provider that is called without a key. `table`: the rest of `[providers.NAME]`, whose `url` it is at. `ill`:
    who is in trouble whenever a token is to be renewed: the issuer, or whoever signs the proof for it.
    """

    issuer: Issuer
    url: str
    table: str
    variables: Mapping[str, str] = field(default_factory=dict)
    model: str = "m"
    signer: Issuer | None = None

    @property
    def ill(self) -> Issuer:
        return self.signer or self.issuer


@contextmanager
def identities(folder: Path) -> Iterator[dict[str, Identity]]:
    """All of them, by the names of their providers."""
    (folder / "proof").write_text(PROOF)
    proof = f'token_file = "{folder / "proof"}"'
    with ExitStack() as stack:

        def opened(issuer: Issuer) -> tuple[Issuer, str]:
            stack.enter_context(issuer.door.open())
            return issuer, issuer.door.url

        openai, openai_url = opened(Exchange("/oauth/token", "subject_token", openai_like))
        anthropic, anthropic_url = opened(Exchange("/v1/oauth/token", "assertion", anthropic_like))
        openrouter, openrouter_url = opened(Exchange("/api/v1/oauth/token", "subject_token", openai_like))
        spare, spare_url = opened(Exchange("/oauth/token", "subject_token", openai_like))
        google, google_url = opened(Platform())
        github, github_url = opened(Platform())
        vertex, vertex_url = opened(Issuer(_google_token, _gemini_like))
        azure, azure_url = opened(Issuer(lambda request: request.path == "/t/oauth2/v2.0/token", openai_like))
        amazon, amazon_url = opened(Amazon())
        account = kept(folder / "account.json", service_account(vertex_url))
        aws = {"AWS_ACCESS_KEY_ID": BASE_ID, "AWS_SECRET_ACCESS_KEY": BASE_SECRET, "AWS_ENDPOINT_URL_STS": amazon_url}
        in_google = {"GCE_METADATA_HOST": google_url.removeprefix("http://")}
        in_github = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{github_url}/github?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JOB_TOKEN,
        }
        entra = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
        role = f'region = "{REGION}"\nrole_arn = "{ROLE}"'
        of_openai = 'identity_provider_id = "idp_1", service_account_id = "sa_1"'
        of_anthropic = (
            'federation_rule_id = "fdrl_1", organization_id = "00000000-0000-4000-8000-000000000001", '
            'service_account_id = "svac_1"'
        )
        of_openrouter = 'federation_policy_id = "pol_1"'
        yield {
            "openai": Identity(openai, f"{openai_url}/v1", f"federation = {{ {proof}, {of_openai} }}"),
            "anthropic": Identity(
                anthropic,
                anthropic_url,
                f"federation = {{ {asked_of('github')}, {of_anthropic} }}",
                in_github,
                signer=github,
            ),
            "openrouter": Identity(
                openrouter,
                f"{openrouter_url}/api/v1",
                f"federation = {{ {asked_of('google')}, {of_openrouter} }}",
                in_google,
                signer=google,
            ),
            "spare": Identity(
                spare,
                f"{spare_url}/v1",
                f'kind = "openai"\nfederation = {{ {asked_of("aws")}, {of_openai} }}',
                {**aws, "AWS_REGION": REGION},
                signer=amazon,
            ),
            "vertex": Identity(
                vertex, vertex_url, f'service_account = "{account}"\nproject = "project-7"', model="gemini-2.5-flash"
            ),
            "azure": Identity(
                azure,
                azure_url,
                'entra = true\ndeployments = { m = "m" }',
                {**entra, "AZURE_AUTHORITY_HOST": azure_url},
            ),
            "bedrock": Identity(amazon, amazon_url, role, aws),
            "minted": Identity(amazon, amazon_url, f'kind = "bedrock"\n{role}\nmint_short_term_keys = true'),
        }
