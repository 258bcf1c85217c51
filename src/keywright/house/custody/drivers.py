"""By which driver a provider's keys are replaced: from what the configuration says to what can be done with it.

A provider that has a driver of its own, but not what that needs, is one where a person helps; what is missing is told
when somebody asks for a plan.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.config import ProviderConfig, RotationConfig
from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.identity.key import duration_s
from keywright.providers.provider import Provider
from keywright.rotation.administration import Login
from keywright.rotation.driver import Driver
from keywright.rotation.drivers import anthropic, azure, bedrock, google, mistral, openai, openrouter
from keywright.rotation.drivers.assisted import LOOKS, AssistedDriver
from keywright.rotation.iam import Endpoint, endpoint
from keywright.vault.aws import AwsSettings
from keywright.vault.aws.credential import aws_keys
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.credential import Credential
from keywright.vault.entra import EntraSettings, entra_credential
from keywright.vault.fetch import Fetch
from keywright.vault.google import GoogleSettings, google_credential
from keywright.vault.renewal import RenewingCredential


class Site(Struct, frozen=True, eq=False):
    """One credential whose key is to be replaced. `row`: its provider; `rotation`: what is said of its keys; `settings`
    of the provider that have a value; `secret` and `document` give what is at a reference, and may block; `is_here`
    says whether that is on this machine; `spare` as Bedrock's driver wants it, `taken` as Azure's.
    """

    row: Provider
    config: ProviderConfig
    rotation: RotationConfig
    settings: Mapping[str, str]
    environment: Mapping[str, str]
    fetch: Fetch
    secret: Callable[[str], Secret]
    document: Callable[[str], Secret]
    is_here: Callable[[str], bool]
    spare: Callable[[str], Awaitable[bool]]
    taken: Callable[[str], bool]

    @property
    def lifetime_s(self) -> int | None:
        """Of keys that are made, None for ever."""
        return duration_s(self.rotation.lifetime) if self.rotation.lifetime else None

    def address(self, usual: str) -> str:
        """Of the administration API: what the operator wrote, else the `usual`."""
        return (self.rotation.address or usual).rstrip("/")

    async def admin_key(self) -> Secret:
        """The key of the administration API.

        Raises:
            SecretError: it cannot be had.
        """
        if self.config.admin_key is None:
            raise SecretError(f"providers.{self.row.name}.admin_key is missing")
        return await asyncio.to_thread(self.secret, self.config.admin_key)


Maker: TypeAlias = Callable[[Site], Driver]


def driver_of(kind: str, site: Site) -> Driver:
    """The driver for keys of a provider of that kind: its own where the configuration has what that needs, else the one
    by which a person helps. Asks nobody and reads nothing yet.
    """
    needs, make = DRIVERS.get(kind, ((), None))
    if make is not None and all(_has(site, need) for need in needs):
        return make(site)
    look = None if site.config.base_url else LOOKS.get(kind)
    return AssistedDriver(site.fetch, kind, look)


def lacking(kind: str, site: Site) -> tuple[str, ...]:
    """What is missing for the provider's own driver, by the names of settings."""
    needs, _ = DRIVERS.get(kind, ((), None))
    return tuple(need for need in needs if not _has(site, need))


def _has(site: Site, need: str) -> bool:
    where, _, name = need.rpartition(".")
    return bool(getattr(site.rotation if where else site.config, name))


def _openai(site: Site) -> Driver:
    said = site.rotation
    settings = openai.OpenAiSettings(said.project or "", said.service_account or "", site.lifetime_s, said.scopes)
    return openai.OpenAiDriver(site.fetch, site.address(site.row.base_url), site.admin_key, settings)


def _openrouter(site: Site) -> Driver:
    settings = openrouter.OpenRouterSettings(site.rotation.workspace or "", site.lifetime_s)
    return openrouter.OpenRouterDriver(site.fetch, site.address(site.row.base_url), site.admin_key, settings)


def _mistral(site: Site) -> Driver:
    settings = mistral.MistralSettings(site.rotation.user or "", site.rotation.workspace or "", site.lifetime_s)
    return mistral.MistralDriver(site.fetch, site.address(mistral.BASE_URL), site.admin_key, settings)


def _anthropic(site: Site) -> Driver:
    settings = anthropic.AnthropicSettings(site.rotation.workspace or "", site.config.key_ids)
    return anthropic.AnthropicDriver(site.fetch, site.address(site.row.base_url), site.admin_key, settings)


def _google(site: Site) -> Driver:
    def signed_in() -> RenewingCredential:
        given = site.rotation.service_account
        account = (
            GoogleSettings() if given is None else GoogleSettings(site.document(given), is_here=site.is_here(given))
        )
        return google_credential(site.row.name, account, site.environment, site.fetch)

    settings = google.GoogleSettings(site.rotation.project or "")
    return google.GoogleDriver(site.fetch, site.address(google.BASE_URL), _login(signed_in), settings)


def _azure(site: Site) -> Driver:
    address = site.address(azure.BASE_URL)

    def signed_in() -> RenewingCredential:
        return entra_credential(site.row.name, EntraSettings(azure.SCOPE), site.environment, site.fetch)

    settings = azure.AzureSettings(
        site.rotation.subscription or "", site.rotation.resource_group or "", site.rotation.account or ""
    )
    return azure.AzureDriver(site.fetch, address, _login(signed_in), settings, site.taken)


def _login(signed_in: Callable[[], RenewingCredential]) -> Login:
    """By the credential that `signed_in` makes when it is needed first: it may read files, or ask a store."""
    made: RenewingCredential | None = None

    async def login() -> Credential:
        nonlocal made
        if made is None:
            made = await asyncio.to_thread(signed_in)
        return await made.current()

    return login


def _bedrock(site: Site) -> Driver:
    region = site.settings.get("region", "")
    where = endpoint(region, site.environment)
    if site.rotation.address:
        where = Endpoint(site.address(""), where.region, public=False)
    aws = AwsSettings(region, site.config.profile or "", site.config.role_arn or "")

    async def keys() -> AwsKeys:
        found, _ = await aws_keys(aws, site.environment, site.fetch)
        return found

    settings = bedrock.BedrockSettings(site.rotation.user or "", site.lifetime_s)
    return bedrock.BedrockDriver(site.fetch, where, keys, settings, site.spare)


DRIVERS: Final[Mapping[str, tuple[tuple[str, ...], Maker]]] = MappingProxyType(
    {
        "openai": (("admin_key", "rotation.project"), _openai),
        "openrouter": (("admin_key",), _openrouter),
        "mistral": (("admin_key", "rotation.user"), _mistral),
        "anthropic": (("admin_key",), _anthropic),
        "gemini": (("rotation.project",), _google),
        "azure": (("rotation.subscription", "rotation.resource_group", "rotation.account"), _azure),
        "bedrock": (("rotation.user",), _bedrock),
    }
)
"""Kind of provider → the settings that its driver needs, and how it is made."""
