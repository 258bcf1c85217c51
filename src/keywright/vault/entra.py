"""Microsoft Entra tokens, for Azure: by a secret, a certificate, a workload's or a managed identity.

Which way is taken is decided by the environment, with the names and in the order of Azure's own SDKs. What they would
also try, a person who has signed in with a developer's tool, is not looked for: a gateway is no person.
"""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias, assert_never
from urllib.parse import quote, urlencode
from uuid import uuid4

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.http import Header
from keywright.core.secret import Secret
from keywright.vault.backends.file import on_read_only_mount
from keywright.vault.credential import BearerCredential
from keywright.vault.fetch import Fetch, Question, Where
from keywright.vault.hidden import Hidden
from keywright.vault.home import anyone, home_path, read_handed
from keywright.vault.oauth import Token, ask_token, form_question, load_rsa, sign_jwt, token_of
from keywright.vault.renewal import Renewed, RenewingCredential

AUTHORITY: Final = "https://login.microsoftonline.com"
INSTANCE: Final = "http://169.254.169.254"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE_S: Final = 600
FILE_BYTES_MAX: Final = 65_536
METADATA: Final = "Azure's metadata service"


class Application(Struct, frozen=True):
    """An app registration: `url` is its tenant's token endpoint."""

    url: str
    where: Where
    client_id: str


class ClientSecret(Struct, frozen=True):
    """An application that has a secret."""

    application: Application
    secret: Secret


class ClientCertificate(Struct, frozen=True):
    """An application that has a certificate: `file` holds it and its private key, in PEM form."""

    application: Application
    file: Path


class WorkloadIdentity(Struct, frozen=True):
    """An application that trusts the tokens which the platform keeps in `file`."""

    application: Application
    file: Path


class AppServiceIdentity(Struct, frozen=True):
    """The managed identity of an app: what its host gave it to ask with. `client_id`: "" for the app's own."""

    endpoint: str
    header: Secret
    client_id: str


class InstanceIdentity(Struct, frozen=True):
    """The managed identity of a machine. `endpoint` has no path."""

    endpoint: str
    client_id: str


EntraSource: TypeAlias = ClientSecret | ClientCertificate | WorkloadIdentity | AppServiceIdentity | InstanceIdentity


class EntraSettings(Struct, frozen=True):
    """What tokens are for."""

    scope: str = "https://cognitiveservices.azure.com/.default"


def entra_credential(
    name: str,
    settings: EntraSettings,
    environment: Mapping[str, str],
    fetch: Fetch,
    new_id: Callable[[], str] = lambda: str(uuid4()),
) -> RenewingCredential:
    """A bearer token of Entra's, renewed before it runs out. `new_id` names an assertion. Asks nobody yet.

    Raises:
        SecretError: the environment names a way that a gateway cannot take.
    """
    source = find_entra(environment)

    async def obtain() -> Renewed:
        token = await entra_token(source, settings.scope, fetch, new_id)
        return Renewed(BearerCredential(name, token.secret), token.expires_s)

    return RenewingCredential(name, Secret(repr((source, settings))).fingerprint, obtain, fetch.clock)


def find_entra(environment: Mapping[str, str]) -> EntraSource:
    """The way to a token that this environment names, else the machine's identity.

    Raises:
        SecretError: it is one that a gateway cannot take.
    """
    said = {name: environment.get(f"AZURE_{name}", "").strip() for name in ("TENANT_ID", "CLIENT_ID")}
    if said["TENANT_ID"] and said["CLIENT_ID"]:
        application = _application(environment, said["TENANT_ID"], said["CLIENT_ID"])
        secret = environment.get("AZURE_CLIENT_SECRET")
        if secret:
            return ClientSecret(application, Secret(secret))
        for variable, kind in (
            ("AZURE_CLIENT_CERTIFICATE_PATH", ClientCertificate),
            ("AZURE_FEDERATED_TOKEN_FILE", WorkloadIdentity),
        ):
            if environment.get(variable):
                return kind(application, home_path(environment, environment[variable]))
    return _managed(environment, said["CLIENT_ID"])


def _application(environment: Mapping[str, str], tenant: str, client_id: str) -> Application:
    written = environment.get("AZURE_AUTHORITY_HOST", "").strip().rstrip("/")
    authority = AUTHORITY if not written else written if "://" in written else f"https://{written}"
    url = f"{authority}/{quote(tenant, safe='')}/oauth2/v2.0/token"
    return Application(url, "written" if written else "public", client_id)


def _managed(environment: Mapping[str, str], client_id: str) -> EntraSource:
    endpoint, header = environment.get("IDENTITY_ENDPOINT"), environment.get("IDENTITY_HEADER")
    if endpoint and environment.get("IDENTITY_SERVER_THUMBPRINT"):
        raise SecretError("Entra: Service Fabric's managed identity is not supported; set AZURE_CLIENT_ID and a secret")
    if endpoint and header:
        return AppServiceIdentity(endpoint, Secret(header), client_id)
    if endpoint and environment.get("IMDS_ENDPOINT"):
        raise SecretError("Entra: Azure Arc's managed identity is not supported; set AZURE_CLIENT_ID and a secret")
    written = environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", "").rstrip("/")
    return InstanceIdentity(written or INSTANCE, client_id)


async def entra_token(source: EntraSource, scope: str, fetch: Fetch, new_id: Callable[[], str]) -> Token:
    """A token for `scope`.

    Raises:
        SecretError: who refused it, and why.
    """
    match source:
        case ClientSecret(application, secret):
            return await _granted(application, scope, {"client_secret": secret}, fetch)
        case ClientCertificate(application):
            claims: dict[str, str | int] = {
                "aud": application.url,
                "iss": application.client_id,
                "sub": application.client_id,
                "jti": new_id(),
                "nbf": int(fetch.now_s()),
                "exp": int(fetch.now_s()) + ASSERTION_LIFE_S,
            }
            assertion = await asyncio.to_thread(_signed, source.file, claims)
            return await _granted(application, scope, _asserted(assertion), fetch)
        case WorkloadIdentity(application):
            assertion = await asyncio.to_thread(_handed, source.file)
            return await _granted(application, scope, _asserted(assertion), fetch)
        case AppServiceIdentity():
            who, headers = "the app's managed identity", ((b"x-identity-header", source.header.reveal().encode()),)
            url = f"{source.endpoint}?{_query('2019-08-01', scope, source.client_id)}"
            return await ask_token(fetch, Question(who, url, "near", b"GET", headers, hidden=Hidden(source.header)))
        case InstanceIdentity():
            return await _of_instance(source, scope, fetch)
        case _:
            assert_never(source)


async def _granted(application: Application, scope: str, proof: Mapping[str, str | Secret], fetch: Fetch) -> Token:
    who = f"Entra, asked for the application {application.client_id},"
    form = {"client_id": application.client_id, "scope": scope, "grant_type": "client_credentials", **proof}
    return await ask_token(fetch, form_question(who, application.url, application.where, form))


def _asserted(assertion: Secret) -> dict[str, str | Secret]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def _handed(file: Path) -> Secret:
    text = read_handed("AZURE_FEDERATED_TOKEN_FILE", file, FILE_BYTES_MAX, anyone).strip()
    if not text:
        raise SecretError(f"AZURE_FEDERATED_TOKEN_FILE: {file} is empty; it should hold a token")
    return Secret(text)


def _signed(file: Path, claims: Mapping[str, str | int]) -> Secret:
    """`claims`, signed with the key in `file`, by the thumbprint of the certificate in it."""
    who = f"AZURE_CLIENT_CERTIFICATE_PATH ({file})"
    pem = Secret(read_handed("AZURE_CLIENT_CERTIFICATE_PATH", file, FILE_BYTES_MAX, on_read_only_mount) or " ")
    key = load_rsa(who, pem)
    try:
        thumbprint = load_pem_x509_certificate(pem.reveal().encode()).fingerprint(SHA256())
    except ValueError:
        raise SecretError(f"{who} holds no certificate in PEM form") from None
    return sign_jwt("PS256", key, {"x5t#S256": urlsafe_b64encode(thumbprint).rstrip(b"=").decode()}, claims)


async def _of_instance(source: InstanceIdentity, scope: str, fetch: Fetch) -> Token:
    url = f"{source.endpoint}/metadata/identity/oauth2/token?{_query('2018-02-01', scope, source.client_id)}"
    headers: tuple[Header, ...] = ((b"metadata", b"true"),)
    question = Question(METADATA, url, "near", b"GET", headers)
    asked_s = fetch.now_s()
    try:
        reply = await fetch.ask(question)
    except SecretError as error:
        raise SecretError(
            "there is no Entra identity: AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret, a certificate or a federated "
            f"token file are not set, the app has no managed identity; and {error}"
        ) from None
    return token_of(fetch, question, reply, asked_s)


def _query(version: str, scope: str, client_id: str) -> str:
    said = {"api-version": version, "resource": scope.removesuffix("/.default")}
    return urlencode({**said, "client_id": client_id} if client_id else said)
