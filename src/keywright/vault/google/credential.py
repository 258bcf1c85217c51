"""Google's tokens as a credential."""

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.http import Header
from keywright.core.secret import Secret
from keywright.vault.credential import BearerCredential
from keywright.vault.fetch import Fetch
from keywright.vault.google.file import (
    LEADS_HERE,
    GoogleSource,
    ServiceAccount,
    find_google,
    leads_here,
    read_google,
)
from keywright.vault.google.token import google_token
from keywright.vault.oauth import load_rsa
from keywright.vault.renewal import Renewed, RenewingCredential


class GoogleSettings(Struct, frozen=True):
    """What the operator says: the JSON of a credential, of any kind; None for application default credentials.

    `is_here`: it is kept on this machine. Kept elsewhere it may not lead to what this machine has: whoever can write it
    there would be shown any file, and what only this machine may ask.
    """

    service_account: Secret | None = None
    is_here: bool = True


def google_credential(
    name: str, settings: GoogleSettings, environment: Mapping[str, str], fetch: Fetch
) -> RenewingCredential:
    """A bearer token of Google's, renewed before it runs out. Reads files, asks nobody yet.

    Raises:
        SecretError: a credential is there and cannot be used.
    """
    first = _source(settings, environment)
    if isinstance(first, ServiceAccount):
        load_rsa(f"the key of {first.client_email}", first.private_key)

    async def obtain() -> Renewed:
        source = await asyncio.to_thread(_source, settings, environment)
        token = await google_token(source, fetch)
        project = environment.get("GOOGLE_CLOUD_QUOTA_PROJECT") or source.quota_project_id
        others: tuple[Header, ...] = ((b"x-goog-user-project", project.encode("ascii", "replace")),) if project else ()
        return Renewed(BearerCredential(name, token.secret, others), token.expires_s)

    return RenewingCredential(name, Secret(repr(first)).fingerprint, obtain, fetch.clock)


def google_project(settings: GoogleSettings, environment: Mapping[str, str]) -> str:
    """The project that the environment or the credential names; "" when neither does.

    Raises:
        SecretError: a credential is there and cannot be used.
    """
    named = environment.get("GOOGLE_CLOUD_PROJECT") or environment.get("GCLOUD_PROJECT")
    if named:
        return named
    source = _source(settings, environment)
    return source.project_id if isinstance(source, ServiceAccount) else ""


def _source(settings: GoogleSettings, environment: Mapping[str, str]) -> GoogleSource:
    if settings.service_account is not None:
        found = read_google("service_account", settings.service_account.reveal())
        if not settings.is_here and leads_here(found):
            raise SecretError(f"service_account {LEADS_HERE}")
        return found
    return find_google(environment)
