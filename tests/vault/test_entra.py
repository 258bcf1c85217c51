"""Entra's tokens: each way is asked as Azure's own SDKs ask, and what is refused is said."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keywright.core.errors import SecretError
from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret
from keywright.vault.credential import Credential
from keywright.vault.entra import (
    AUTHORITY,
    INSTANCE,
    Application,
    ClientCertificate,
    ClientSecret,
    EntraSettings,
    InstanceIdentity,
    WorkloadIdentity,
    entra_credential,
    find_entra,
)
from keywright.vault.fetch import Fetch
from tests.vault.hands import Hands
from tests.vault.rsa_key import pem, rsa_key
from tests.vault.standin import Received, Say, service

SCOPE = "https://cognitiveservices.azure.com/.default"
APPLICATION = {"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1"}
AZURE = Origin("https", "example.openai.azure.com", 443)
UNSAID = EntraSettings()


def bearer(credential: Credential) -> str:
    headers = dict(credential.apply(HttpRequest(b"POST", b"/", ()), AZURE).headers)
    return headers[b"authorization"].decode().removeprefix("Bearer ")


def token(text: str, **said: object) -> Say:
    return Say(json.dumps({"token_type": "Bearer", "access_token": text, **(said or {"expires_in": 3599})}))


@cache
def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(name, name, rsa_key().public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(rsa_key(), SHA256())
    )


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_secret_is_given_for_a_token_that_is_renewed(fetch: Fetch, hands: Hands) -> None:
    issued = iter(["eyJ.one", "eyJ.two"])

    def entra(request: Received) -> Say:
        assert (request.method, request.target) == ("POST", "/tenant-1/oauth2/v2.0/token")
        assert request.form == {
            "client_id": "client-1",
            "client_secret": "se&cret=",
            "scope": SCOPE,
            "grant_type": "client_credentials",
        }
        return token(next(issued))

    async with service(entra) as running:
        environment = {**APPLICATION, "AZURE_CLIENT_SECRET": "se&cret=", "AZURE_AUTHORITY_HOST": running.url + "/"}
        credential = entra_credential("azure", UNSAID, environment, fetch)
        assert bearer(await credential.current()) == "eyJ.one"
        hands.pass_by(3590)
        assert bearer(await credential.current()) == "eyJ.two"


async def test_a_certificate_signs_for_a_token(fetch: Fetch, hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text(pem(rsa_key()) + certificate().public_bytes(Encoding.PEM).decode())
    file.chmod(0o600)

    def entra(request: Received) -> Say:
        form = request.form
        head, claims, signature = form.pop("client_assertion").split(".")
        padding = PSS(MGF1(SHA256()), 32)
        rsa_key().public_key().verify(decoded(signature), f"{head}.{claims}".encode(), padding, SHA256())
        header = json.loads(decoded(head))
        assert decoded(header.pop("x5t#S256")) == certificate().fingerprint(SHA256())
        assert header == {"alg": "PS256", "typ": "JWT"}
        assert json.loads(decoded(claims)) == {
            "aud": f"{running.url}/tenant-1/oauth2/v2.0/token",
            "iss": "client-1",
            "sub": "client-1",
            "jti": "id-7",
            "nbf": int(hands.wall_s),
            "exp": int(hands.wall_s) + 600,
        }
        assert form == {
            "client_id": "client-1",
            "scope": SCOPE,
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }
        return token("eyJ.cert")

    async with service(entra) as running:
        environment = {
            **APPLICATION,
            "AZURE_CLIENT_CERTIFICATE_PATH": str(file),
            "AZURE_AUTHORITY_HOST": running.url,
        }
        credential = entra_credential("azure", UNSAID, environment, fetch, new_id=lambda: "id-7")
        assert bearer(await credential.current()) == "eyJ.cert"


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: "", "holds no private key in PEM form"),
        (lambda: "canary", "holds no private key in PEM form"),
        (lambda: pem(rsa_key()), "holds no certificate in PEM form"),
        (elliptic, "holds a private key that is not RSA"),
    ],
)
async def test_a_certificate_s_file_that_cannot_be_used_says_why(
    fetch: Fetch, tmp_path: Path, content: Callable[[], str], why: str
) -> None:
    file = tmp_path / "client.pem"
    file.write_text(content())
    file.chmod(0o600)
    environment = {**APPLICATION, "AZURE_CLIENT_CERTIFICATE_PATH": str(file)}
    with pytest.raises(SecretError, match=why) as failure:
        await entra_credential("azure", UNSAID, environment, fetch).current()
    assert "canary" not in str(failure.value)
    file.chmod(0o644)
    with pytest.raises(SecretError, match="may be touched by others"):
        await entra_credential("azure", UNSAID, environment, fetch).current()


async def test_a_workload_s_token_is_read_each_time(fetch: Fetch, hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "token"
    seen = []

    def entra(request: Received) -> Say:
        seen.append(request.form["client_assertion"])
        assert request.form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return token("eyJ.workload", expires_in=100)

    async with service(entra) as running:
        environment = {**APPLICATION, "AZURE_FEDERATED_TOKEN_FILE": str(file), "AZURE_AUTHORITY_HOST": running.url}
        credential = entra_credential("azure", UNSAID, environment, fetch)
        for text in ("one", "two\n"):
            file.write_text(text)
            assert bearer(await credential.current()) == "eyJ.workload"
            hands.pass_by(101)
        file.write_text("\n")
        with pytest.raises(SecretError, match="is empty; it should hold a token"):
            await credential.current()
    assert seen == ["one", "two"]


async def test_an_app_has_an_identity_of_its_own(fetch: Fetch, hands: Hands) -> None:
    def host(request: Received) -> Say:
        assert request.method == "GET"
        assert request.headers["x-identity-header"] == "app-secret"
        parts = urlsplit(request.target)
        assert parts.path == "/msi/token"
        assert parse_qs(parts.query) == {
            "api-version": ["2019-08-01"],
            "resource": ["https://cognitiveservices.azure.com"],
            "client_id": ["client-1"],
        }
        return token("eyJ.app", expires_on=str(int(hands.wall_s) + 100))

    async with service(host) as running:
        environment = {
            "IDENTITY_ENDPOINT": running.url + "/msi/token",
            "IDENTITY_HEADER": "app-secret",
            "AZURE_CLIENT_ID": "client-1",
        }
        credential = entra_credential("azure", UNSAID, environment, fetch)
        assert bearer(await credential.current()) == "eyJ.app"
        hands.pass_by(101)
        await credential.current()
    assert len(running.received) == 2


async def test_a_machine_has_an_identity_of_its_own(fetch: Fetch) -> None:
    def instance(request: Received) -> Say:
        assert request.headers["metadata"] == "true"
        parts = urlsplit(request.target)
        assert parts.path == "/metadata/identity/oauth2/token"
        assert parse_qs(parts.query) == {"api-version": ["2018-02-01"], "resource": ["https://other.scope"]}
        return token("eyJ.vm", expires_in="86399", expires_on="1506484173", not_before="1506480273")

    async with service(instance) as running:
        environment = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": running.url}
        settings = EntraSettings(scope="https://other.scope/.default")
        assert bearer(await entra_credential("azure", settings, environment, fetch).current()) == "eyJ.vm"


async def test_a_machine_without_an_identity_says_what_there_could_be(fetch: Fetch, unused_tcp_port: int) -> None:
    environment = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{unused_tcp_port}"}
    with pytest.raises(SecretError, match=r"there is no Entra identity: AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret"):
        await entra_credential("azure", UNSAID, environment, fetch).current()


async def test_a_refusal_says_which_application_and_why_without_the_secret(fetch: Fetch) -> None:
    said = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret canary-secret."}
    async with service(lambda _: Say(json.dumps(said), 401)) as running:
        environment = {**APPLICATION, "AZURE_CLIENT_SECRET": "canary-secret", "AZURE_AUTHORITY_HOST": running.url}
        with pytest.raises(SecretError) as failure:
            await entra_credential("azure", UNSAID, environment, fetch).current()
    assert str(failure.value) == (
        "azure: Entra, asked for the application client-1, answered 401 (invalid_client: AADSTS7000215: Invalid client "
        f"secret <secret {Secret('canary-secret').fingerprint}>.)"
    )


ASKED = Application(f"{AUTHORITY}/tenant-1/oauth2/v2.0/token", "public", "client-1")


def test_the_ways_come_in_the_order_of_azure_s_sdks() -> None:
    every = {
        **APPLICATION,
        "AZURE_CLIENT_SECRET": "s",
        "AZURE_CLIENT_CERTIFICATE_PATH": "/c",
        "AZURE_FEDERATED_TOKEN_FILE": "/f",
        "IDENTITY_ENDPOINT": "http://i",
        "IDENTITY_HEADER": "h",
    }
    assert find_entra(every) == ClientSecret(ASKED, Secret("s"))
    del every["AZURE_CLIENT_SECRET"]
    assert find_entra(every) == ClientCertificate(ASKED, Path("/c"))
    del every["AZURE_CLIENT_CERTIFICATE_PATH"]
    assert find_entra(every) == WorkloadIdentity(ASKED, Path("/f"))
    assert find_entra(APPLICATION) == InstanceIdentity(INSTANCE, "client-1")
    assert find_entra({}) == InstanceIdentity(INSTANCE, "")


def test_another_cloud_s_authority_may_be_written_with_or_without_its_scheme() -> None:
    for written in ("login.chinacloudapi.cn", "https://login.chinacloudapi.cn/"):
        source = find_entra({**APPLICATION, "AZURE_CLIENT_SECRET": "s", "AZURE_AUTHORITY_HOST": written})
        assert isinstance(source, ClientSecret)
        assert source.application.url == "https://login.chinacloudapi.cn/tenant-1/oauth2/v2.0/token"
        assert source.application.where == "written"


@pytest.mark.parametrize(
    ("variable", "why"), [("IDENTITY_SERVER_THUMBPRINT", "Service Fabric"), ("IMDS_ENDPOINT", "Arc")]
)
async def test_what_a_gateway_does_not_take_is_refused_when_the_credential_is_made(
    fetch: Fetch, variable: str, why: str
) -> None:
    environment = {"IDENTITY_ENDPOINT": "http://localhost:1", variable: "x"}
    with pytest.raises(SecretError, match=f"{why}'s managed identity is not supported; set AZURE_CLIENT_ID"):
        entra_credential("azure", UNSAID, environment, fetch)
