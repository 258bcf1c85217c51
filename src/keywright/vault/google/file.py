"""Google's credential files: what each kind holds. They are told apart by their `type`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.json import JsonObject
from keywright.core.secret import Secret
from keywright.vault.backends.file import on_read_only_mount
from keywright.vault.fetch import as_secret, place
from keywright.vault.home import home_path, read_handed
from keywright.vault.secrecy import is_unheard

GRANT_URL: Final = "https://oauth2.googleapis.com/token"
EXCHANGE_URL: Final = "https://sts.googleapis.com/v1/token"
FILE_BYTES_MAX: Final = 65_536
IMPERSONATED_LIFE_S: Final = 3600
LEADS_HERE: Final = "leads to a file or an address of this machine (external_account): it is written on this machine"
"""Said of such a credential that somebody elsewhere may have written."""


class ServiceAccount(Struct, frozen=True, tag_field="type", tag="service_account"):
    """A service account's private key."""

    client_email: str
    private_key: Secret
    private_key_id: str = ""
    token_uri: str = GRANT_URL
    project_id: str = ""
    quota_project_id: str = ""


class AuthorizedUser(Struct, frozen=True, tag_field="type", tag="authorized_user"):
    """A person who signed in with `gcloud auth application-default login`."""

    client_id: str
    client_secret: Secret
    refresh_token: Secret
    token_uri: str = GRANT_URL
    quota_project_id: str = ""


class TokenFormat(Struct, frozen=True):
    """How a subject's token is written: alone, or as one field of JSON."""

    type: str = "text"
    subject_token_field_name: str = ""


class CredentialSource(Struct, frozen=True):
    """Where an external account's own token is. What we do not take is there so that it can be named."""

    file: str = ""
    url: str = ""
    headers: dict[str, str] = {}
    format: TokenFormat = TokenFormat()
    executable: JsonObject | None = None
    certificate: JsonObject | None = None
    environment_id: str = ""


class Lifetime(Struct, frozen=True):
    """How long an impersonated account's token shall live."""

    token_lifetime_seconds: int = IMPERSONATED_LIFE_S


class ExternalAccount(Struct, frozen=True, tag_field="type", tag="external_account"):
    """Workload identity federation: another platform's token, exchanged for Google's."""

    audience: str
    subject_token_type: str
    credential_source: CredentialSource
    token_url: str = EXCHANGE_URL
    service_account_impersonation_url: str = ""
    service_account_impersonation: Lifetime = Lifetime()
    client_id: str = ""
    client_secret: Secret | None = None
    workforce_pool_user_project: str = ""
    quota_project_id: str = ""


class ImpersonatedAccount(Struct, frozen=True, tag_field="type", tag="impersonated_service_account"):
    """A service account whose tokens another credential may ask for."""

    service_account_impersonation_url: str
    source_credentials: "ServiceAccount | AuthorizedUser | ExternalAccount"
    delegates: tuple[str, ...] = ()
    quota_project_id: str = ""


class MetadataServer(Struct, frozen=True):
    """The machine's own account, at its metadata server. `endpoint` has no path."""

    endpoint: str
    quota_project_id: str = ""


GoogleFile: TypeAlias = ServiceAccount | AuthorizedUser | ExternalAccount | ImpersonatedAccount
GoogleSource: TypeAlias = ServiceAccount | AuthorizedUser | ExternalAccount | ImpersonatedAccount | MetadataServer


def read_google(who: str, text: str) -> GoogleFile:
    """The credential that `text` is.

    Raises:
        SecretError: it is none, it is incomplete, or it is of a kind that a gateway cannot use.
    """
    try:
        kind = msgspec.json.decode(text, type=_Kind).type
        if kind in _REFUSED:
            raise SecretError(f"{who} is of the kind {kind}, {_REFUSED[kind]}")
        found: GoogleFile = msgspec.json.decode(text, type=GoogleFile, dec_hook=as_secret)
    except msgspec.ValidationError as error:
        # From None: its context is the file. The message names fields and types.
        raise SecretError(f"{who} is no Google credential file: {error}") from None
    except (msgspec.DecodeError, UnicodeError):
        raise SecretError(f"{who} is not JSON") from None
    _require_usable(who, found)
    return found


def leads_here(found: GoogleSource) -> bool:
    """Whether it is had by showing what a file of this machine holds, or what an address says to this machine."""
    return isinstance(found.source_credentials if isinstance(found, ImpersonatedAccount) else found, ExternalAccount)


def find_google(environment: Mapping[str, str]) -> GoogleSource:
    """Application default credentials: the file that the environment names, gcloud's own, else this machine's account.

    Blocks on the disk.

    Raises:
        SecretError: a file is there and no credential.
    """
    named = environment.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return _of_file("GOOGLE_APPLICATION_CREDENTIALS", home_path(environment, named))
    folder = home_path(environment, environment.get("CLOUDSDK_CONFIG") or "~/.config/gcloud")
    path = folder / "application_default_credentials.json"
    if path.exists():
        return _of_file("gcloud's application default credentials", path)
    return metadata_server(environment)


def metadata_server(environment: Mapping[str, str]) -> MetadataServer:
    """The machine's own metadata server. Whether there is one, only asking tells."""
    host = environment.get("GCE_METADATA_HOST") or environment.get("GCE_METADATA_ROOT") or "metadata.google.internal"
    return MetadataServer(f"http://{host}")


def _of_file(who: str, path: Path) -> GoogleFile:
    return read_google(f"{who} ({path})", read_handed(who, path, FILE_BYTES_MAX, on_read_only_mount))


class _Kind(Struct):
    type: str


_REFUSED: Final[Mapping[str, str]] = {
    "external_account_authorized_user": "which is a person's; use a service account or workload identity federation",
    "gdch_service_account": "which is for Google Distributed Cloud",
}


def _require_usable(who: str, found: GoogleFile) -> None:
    match found:
        case ServiceAccount() | AuthorizedUser():
            _require_tls(who, "token_uri", found.token_uri)
        case ImpersonatedAccount():
            _require_tls(who, "service_account_impersonation_url", found.service_account_impersonation_url)
            _require_usable(who, found.source_credentials)
        case ExternalAccount():
            _require_tls(who, "token_url", found.token_url)
            if found.service_account_impersonation_url:
                _require_tls(who, "service_account_impersonation_url", found.service_account_impersonation_url)
            _require_source(who, found.credential_source)


def _require_source(who: str, source: CredentialSource) -> None:
    if source.executable is not None:
        raise SecretError(f"{who} starts a program for its token (executable); the gateway takes a file or a url")
    if source.certificate is not None or source.environment_id:
        raise SecretError(f"{who} has a credential_source that is neither a file nor a url")
    if bool(source.file) == bool(source.url):
        raise SecretError(f"{who} needs a credential_source that is a file or a url, one of them")
    if source.format.type not in {"text", "json"} or (
        source.format.type == "json" and not source.format.subject_token_field_name
    ):
        raise SecretError(f"{who} has a credential_source whose format is neither text nor json with a field's name")


def _require_tls(who: str, field: str, url: str) -> None:
    """A secret goes to `url`, so nobody may listen."""
    origin, _ = place(f"the {field} of {who}", url)
    if not is_unheard(origin):
        raise SecretError(f"{who} has a {field} that is not https://")
