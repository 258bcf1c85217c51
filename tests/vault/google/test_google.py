"""Google's tokens: what is asked is what Google's own libraries ask, and what is refused is said."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from keywright.core.errors import SecretError
from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret
from keywright.vault.credential import Credential
from keywright.vault.fetch import Fetch
from keywright.vault.google import GoogleSettings, google_credential, google_project
from keywright.vault.google.file import MetadataServer, find_google
from keywright.vault.google.token import EXCHANGE, IAM_SCOPE, SCOPE, google_token
from keywright.vault.oauth import JWT_BEARER
from tests.vault.google.files import (
    ACCOUNT,
    AUDIENCE,
    authorized_user,
    external_account,
    impersonated,
    service_account,
)
from tests.vault.hands import Hands
from tests.vault.rsa_key import rsa_key, verified
from tests.vault.standin import Handler, Received, Say, service

GENERATE = "/v1/projects/-/serviceAccounts/llm@project-7.iam.gserviceaccount.com:generateAccessToken"
VERTEX = Origin("https", "aiplatform.googleapis.com", 443)
GIVEN = GoogleSettings()


def given(text: str) -> GoogleSettings:
    return GoogleSettings(service_account=Secret(text))


def bearer(credential: Credential) -> str:
    headers = dict(credential.apply(HttpRequest(b"POST", b"/", ()), VERTEX).headers)
    return headers[b"authorization"].decode().removeprefix("Bearer ")


def token(text: str, expires_in: object = 3599) -> Say:
    return Say(json.dumps({"access_token": text, "expires_in": expires_in, "token_type": "Bearer"}))


async def test_a_service_account_signs_for_a_token(fetch: Fetch, hands: Hands) -> None:
    issued = iter(["ya29.one", "ya29.two"])

    def endpoint(request: Received) -> Say:
        assert (request.method, request.target) == ("POST", "/token")
        assert request.form.keys() == {"grant_type", "assertion"}
        assert request.form["grant_type"] == JWT_BEARER
        header, claims = verified(request.form["assertion"], rsa_key())
        assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
        assert claims == {
            "iss": ACCOUNT,
            "scope": SCOPE,
            "aud": f"{running.url}/token",
            "iat": int(hands.wall_s),
            "exp": int(hands.wall_s) + 3600,
        }
        return token(next(issued))

    async with service(endpoint) as running:
        credential = google_credential("vertex", given(service_account(running.url)), {}, fetch)
        assert bearer(await credential.current()) == "ya29.one"
        hands.pass_by(3598)
        held = await credential.current()
        assert bearer(held) == "ya29.two"
    assert held.redact(b"bad ya29.two") == f"bad <secret {Secret('ya29.two').fingerprint}>".encode()


def test_a_credential_that_is_kept_elsewhere_leads_to_nothing_of_this_machine(fetch: Fetch) -> None:
    leading = external_account("https://thief.example", {"file": "/etc/keywright/kek"})
    for text in (leading, impersonated("https://thief.example", json.loads(leading))):
        google_credential("vertex", given(text), {}, fetch)
        with pytest.raises(SecretError, match=r"leads to a file or an address of this machine \(external_account\)"):
            google_credential("vertex", GoogleSettings(Secret(text), is_here=False), {}, fetch)
    plain = service_account("https://oauth2.googleapis.com")
    google_credential("vertex", GoogleSettings(Secret(plain), is_here=False), {}, fetch)


async def test_the_project_that_pays_goes_with_the_token(fetch: Fetch) -> None:
    async with service(lambda _: token("t")) as running:
        text = service_account(running.url, quota_project_id="payer")
        for environment, payer in (({}, b"payer"), ({"GOOGLE_CLOUD_QUOTA_PROJECT": "other"}, b"other")):
            held = await google_credential("vertex", given(text), environment, fetch).current()
            signed = held.apply(HttpRequest(b"POST", b"/", ()), VERTEX)
            assert signed.headers == ((b"authorization", b"Bearer t"), (b"x-goog-user-project", payer))


async def test_a_refusal_says_which_account_and_why_without_the_assertion(fetch: Fetch) -> None:
    def refuse(request: Received) -> Say:
        said = {"error": "invalid_grant", "error_description": f"Invalid JWT: {request.form['assertion']}"}
        return Say(json.dumps(said), 400)

    async with service(refuse) as running:
        credential = google_credential("vertex", given(service_account(running.url)), {}, fetch)
        with pytest.raises(SecretError) as failure:
            await credential.current()
    assert f"asked for the service account {ACCOUNT}, answered 400 (invalid_grant: Invalid JWT: <secret" in str(
        failure.value
    )
    assert "eyJ" not in str(failure.value)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"access_token": "t"}, "does not say how long its token lives"),
        ({"access_token": "", "expires_in": 1}, "answered with something that is no token"),
        ({"access_token": "a b", "expires_in": 1}, "answered with something that is no token"),
        ({"access_token": "a\r\nx: y", "expires_in": 1}, "answered with something that is no token"),
        ({"access_token": "x" * 16_385, "expires_in": 1}, "answered with something that is no token"),
        ({"access_token": "t", "expires_in": "soon"}, "answered with something that is no token"),
        ({"access_token": "t", "expires_in": 0}, "had run out when it came"),
        ({"id_token": "t"}, "answered with something that is no token"),
    ],
)
async def test_what_is_no_token_is_refused(fetch: Fetch, answer: dict[str, object], why: str) -> None:
    async with service(lambda _: Say(json.dumps(answer))) as running:
        credential = google_credential("vertex", given(service_account(running.url)), {}, fetch)
        with pytest.raises(SecretError, match=why):
            await credential.current()


async def test_gcloud_s_sign_in_is_found_and_used(fetch: Fetch, tmp_path: Path) -> None:
    def endpoint(request: Received) -> Say:
        assert request.form == {
            "grant_type": "refresh_token",
            "client_id": "gcloud.apps.googleusercontent.com",
            "client_secret": "gcloud-secret",
            "refresh_token": "1//refresh",
        }
        return token("ya29.user")

    async with service(endpoint) as running:
        file = tmp_path / ".config/gcloud/application_default_credentials.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(authorized_user(running.url)))
        file.chmod(0o600)
        for environment in (
            {"HOME": str(tmp_path)},
            {"CLOUDSDK_CONFIG": str(file.parent)},
            {"GOOGLE_APPLICATION_CREDENTIALS": str(file), "HOME": "/nonexistent"},
        ):
            assert bearer(await google_credential("vertex", GIVEN, environment, fetch).current()) == "ya29.user"
        file.chmod(0o644)
        with pytest.raises(SecretError, match="may be touched by others than its owner"):
            google_credential("vertex", GIVEN, {"HOME": str(tmp_path)}, fetch)


def metadata(request: Received) -> Say:
    assert request.method == "GET"
    assert request.headers["metadata-flavor"] == "Google"
    path, _, query = request.target.partition("?")
    assert path == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert unquote(query) == f"scopes={SCOPE}"
    answer = token("ya29.vm", 300)
    answer.headers = (("Metadata-Flavor", "Google"),)
    return answer


async def test_a_machine_at_google_has_an_account_of_its_own(fetch: Fetch) -> None:
    async with service(metadata) as running:
        environment = {"GCE_METADATA_HOST": running.url.removeprefix("http://")}
        assert bearer(await google_credential("vertex", GIVEN, environment, fetch).current()) == "ya29.vm"


async def test_what_is_no_metadata_server_is_not_believed(fetch: Fetch) -> None:
    async with service(lambda _: token("canary")) as running:
        environment = {"GCE_METADATA_HOST": running.url.removeprefix("http://")}
        with pytest.raises(SecretError, match="what answers in place of Google's metadata server is not one"):
            await google_credential("vertex", GIVEN, environment, fetch).current()


async def test_a_machine_without_credentials_says_what_there_could_be(fetch: Fetch, unused_tcp_port: int) -> None:
    environment = {"GCE_METADATA_HOST": f"127.0.0.1:{unused_tcp_port}"}
    with pytest.raises(SecretError, match=r"no service_account is set, GOOGLE_APPLICATION_CREDENTIALS names no file"):
        await google_credential("vertex", GIVEN, environment, fetch).current()


def test_without_a_word_the_metadata_server_is_google_s() -> None:
    assert find_google({}) == MetadataServer("http://metadata.google.internal")


def exchange(subject: str, **more: str) -> Handler:
    """A token exchange that takes `subject` only."""

    def endpoint(request: Received) -> Say:
        assert (request.method, request.target) == ("POST", "/v1/token")
        assert request.form == {
            "grant_type": EXCHANGE,
            "audience": AUDIENCE,
            "scope": SCOPE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token": subject,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            **more,
        }
        return token("ya29.federated")

    return endpoint


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("subject-token\n", {}),
        ("subject-token", {"format": {"type": "text"}}),
        ('{"value": "subject-token", "n": 1}', {"format": {"type": "json", "subject_token_field_name": "value"}}),
    ],
)
async def test_a_platform_s_token_in_a_file_is_exchanged(
    fetch: Fetch, tmp_path: Path, content: str, form: dict[str, object]
) -> None:
    file = tmp_path / "subject"
    file.write_text(content)
    async with service(exchange("subject-token")) as running:
        text = external_account(running.url, {"file": str(file), **form})
        assert bearer(await google_credential("vertex", given(text), {}, fetch).current()) == "ya29.federated"


async def test_a_platform_s_token_at_a_url_is_exchanged(fetch: Fetch) -> None:
    def platform(request: Received) -> Say:
        assert (request.method, request.target) == ("GET", "/token?audience=x")
        assert request.headers["authorization"] == "bearer actions"
        return Say('{"value": "subject-token"}')

    async with service(platform) as issuer, service(exchange("subject-token")) as running:
        source: dict[str, object] = {
            "url": f"{issuer.url}/token?audience=x",
            "headers": {"Authorization": "bearer actions"},
            "format": {"type": "json", "subject_token_field_name": "value"},
        }
        text = external_account(running.url, source)
        assert bearer(await google_credential("vertex", given(text), {}, fetch).current()) == "ya29.federated"


async def test_a_client_of_the_exchange_says_who_it_is(fetch: Fetch, tmp_path: Path) -> None:
    file = tmp_path / "subject"
    file.write_text("subject-token")
    async with service(exchange("subject-token")) as running:
        text = external_account(running.url, {"file": str(file)}, client_id="id", client_secret="se:cret")
        await google_credential("vertex", given(text), {}, fetch).current()
    scheme, _, encoded = running.received[0].headers["authorization"].partition(" ")
    assert (scheme, b64decode(encoded)) == ("Basic", b"id:se:cret")
    options = "%7B%22userProject%22%3A%20%22payer%22%7D"
    async with service(exchange("subject-token", options=options)) as running:
        text = external_account(running.url, {"file": str(file)}, workforce_pool_user_project="payer")
        await google_credential("vertex", given(text), {}, fetch).current()


def impersonation(before: Handler, hands: Hands, said: dict[str, Any], holder: str) -> Handler:
    """An IAM that gives tokens of `ACCOUNT` to the holder of a token, and what comes before it."""

    def endpoint(request: Received) -> Any:
        if not request.target.startswith("/v1/projects/"):
            return before(request)
        assert request.method == "POST"
        assert request.target == GENERATE
        assert request.headers["authorization"] == f"Bearer {holder}"
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.body) == said
        until = datetime.fromtimestamp(hands.wall_s + 600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Say(json.dumps({"accessToken": "ya29.impersonated", "expireTime": until}))

    return endpoint


async def test_a_federated_identity_acts_as_a_service_account(fetch: Fetch, hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "subject"
    file.write_text("subject-token")
    wanted = {"delegates": [], "scope": [SCOPE], "lifetime": "600s"}
    async with service(
        impersonation(exchange("subject-token", scope=IAM_SCOPE), hands, wanted, "ya29.federated")
    ) as running:
        text = external_account(
            running.url,
            {"file": str(file)},
            service_account_impersonation_url=running.url + GENERATE,
            service_account_impersonation={"token_lifetime_seconds": 600},
        )
        credential = google_credential("vertex", given(text), {}, fetch)
        assert bearer(await credential.current()) == "ya29.impersonated"
        hands.pass_by(601)
        await credential.current()
    assert len(running.received) == 4


async def test_one_account_acts_as_another(fetch: Fetch, hands: Hands) -> None:
    wanted = {"delegates": ["projects/-/serviceAccounts/d"], "scope": [SCOPE], "lifetime": "3600s"}
    before: Handler = lambda _: token("ya29.user")  # noqa: E731
    async with service(impersonation(before, hands, wanted, "ya29.user")) as running:
        text = json.dumps(
            {
                "type": "impersonated_service_account",
                "service_account_impersonation_url": running.url + GENERATE,
                "source_credentials": authorized_user(running.url),
                "delegates": ["projects/-/serviceAccounts/d"],
                "quota_project_id": "payer",
            }
        )
        held = await google_credential("vertex", given(text), {}, fetch).current()
    assert bearer(held) == "ya29.impersonated"


async def test_an_impersonation_that_is_refused_says_as_whom(fetch: Fetch, hands: Hands) -> None:
    def endpoint(request: Received) -> Say:
        if request.target == "/token":
            return token("canary-user-token")
        said = {"error": {"code": 403, "message": "canary-user-token may not", "status": "PERMISSION_DENIED"}}
        return Say(json.dumps(said), 403)

    async with service(endpoint) as running:
        text = json.dumps(
            {
                "type": "impersonated_service_account",
                "service_account_impersonation_url": running.url + GENERATE,
                "source_credentials": authorized_user(running.url),
            }
        )
        with pytest.raises(SecretError) as failure:
            await google_credential("vertex", given(text), {}, fetch).current()
    assert f"asked to act as {ACCOUNT}, answered 403 (PERMISSION_DENIED: <secret" in str(failure.value)
    assert "canary" not in str(failure.value)


IN_FIELD = {"format": {"type": "json", "subject_token_field_name": "t"}}
HERE = "https://127.0.0.1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("canary", "is not JSON"),
        ("[]", "is no Google credential file: Expected `object`"),
        ("{}", "missing required field `type`"),
        ('{"type": "canary-free"}', r"Invalid value 'canary-free' - at `\$.type`"),
        ('{"type": "service_account", "client_email": "a"}', "missing required field `private_key`"),
        (service_account(HERE, private_key=""), r"expected text|may not be empty"),
        (service_account(HERE, private_key=5), "expected text"),
        (service_account(HERE, private_key="canary"), "holds no private key in PEM form"),
        (service_account("http://evil.example"), "has a token_uri that is not https://"),
        (json.dumps(authorized_user("ftp://x")), "the address of the token_uri of service_account is not an http"),
        (json.dumps(authorized_user("http://[::1")), "the address of the token_uri of service_account is not an http"),
        (json.dumps({"type": "external_account_authorized_user"}), "which is a person's; use a service account"),
        (external_account(HERE, {"executable": {"command": "/bin/canary"}}), "starts a program for its token"),
        (external_account(HERE, {"certificate": {}}), "neither a file nor a url"),
        (external_account(HERE, {"environment_id": "aws1", "url": "http://x"}), "neither a file nor a url"),
        (external_account(HERE, {}), "needs a credential_source that is a file or a url"),
        (external_account(HERE, {"file": "a", "url": "http://b"}), "a file or a url, one of them"),
        (external_account(HERE, {"file": "a", "format": {"type": "xml"}}), "format is neither text nor json"),
        (external_account(HERE, {"file": "a", "format": {"type": "json"}}), "format is neither text nor json"),
        (external_account("http://evil.example", {"file": "a"}), "has a token_url that is not https://"),
        (
            external_account(HERE, {"file": "a"}, service_account_impersonation_url="http://evil.example"),
            "has a service_account_impersonation_url that is not https://",
        ),
    ],
)
async def test_a_file_that_cannot_be_used_says_why_when_it_is_read(fetch: Fetch, text: str, why: str) -> None:
    with pytest.raises(SecretError, match=why) as failure:
        google_credential("vertex", given(text), {}, fetch)
    assert "canary" not in str(failure.value).replace("canary-free", "")
    assert failure.value.__cause__ is None


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (" \n", {}, "gives an empty token"),
        ("canary", IN_FIELD, "is not JSON with the token in 't'"),
        (
            '{"u": 1}',
            IN_FIELD,
            "is not JSON with the token in 't'",
        ),
        (
            '{"t": 1}',
            IN_FIELD,
            "is not JSON with the token in 't'",
        ),
        (None, {}, "cannot be read: No such file"),
    ],
)
async def test_a_subject_token_that_is_none_is_refused(
    fetch: Fetch, tmp_path: Path, content: str | None, form: dict[str, object], why: str
) -> None:
    file = tmp_path / "subject"
    if content is not None:
        file.write_text(content)
    credential = google_credential("vertex", given(external_account(HERE, {"file": str(file), **form})), {}, fetch)
    with pytest.raises(SecretError, match=why) as failure:
        await credential.current()
    assert "canary" not in str(failure.value)


async def test_a_key_without_an_id_names_none(fetch: Fetch) -> None:
    def endpoint(request: Received) -> Say:
        header, _ = verified(request.form["assertion"], rsa_key())
        assert "kid" not in header
        return token("t")

    async with service(endpoint) as running:
        text = service_account(running.url, private_key_id="")
        await google_credential("vertex", given(text), {}, fetch).current()


def test_the_project_is_known_where_it_is_said(tmp_path: Path) -> None:
    assert google_project(GIVEN, {"GOOGLE_CLOUD_PROJECT": "a", "GCLOUD_PROJECT": "b"}) == "a"
    assert google_project(given(service_account(HERE)), {}) == "project-7"
    assert google_project(GIVEN, {"HOME": str(tmp_path)}) == ""


async def test_a_credential_s_source_shows_no_secret(fetch: Fetch, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(service_account(HERE))
    file.chmod(0o600)
    source = find_google({"GOOGLE_APPLICATION_CREDENTIALS": str(file)})
    assert "PRIVATE KEY" not in repr(source)
    with pytest.raises(SecretError):
        await google_token(source, fetch)
