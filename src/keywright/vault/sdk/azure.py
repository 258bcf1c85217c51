"""Azure's Key Vault clients: as whom they ask, over what, and what their failures mean.

A vault says itself, in its first answer, for which resource it wants a token. A token is asked for only where that is
Key Vault: whatever stands at an address that was mistyped is not given one for the rest of Azure.
"""

import json
import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from keywright.core.clock import SECOND_US, SYSTEM_CLOCK
from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.entra import EntraSource, entra_token, find_entra
from keywright.vault.oauth import Token
from keywright.vault.sdk.proxy import proxy_for
from keywright.vault.sdk.service import Fault, fault_of_status
from keywright.vault.sdk.upstreams import asked
from keywright.vault.settings import StoreSettings

EXTRA: Final = "azure-kv:// and azure-key:// need the extra: pip install 'keywright[azure]'"
DOMAINS: Final = ("vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net")
"""Where vaults are; the first unless the configured endpoint is in another."""

SCOPES: Final = frozenset(
    f"https://{resource}/.default"
    for name in ("vault", "managedhsm")
    for resource in (f"{name}.azure.net", f"{name}.azure.cn", f"{name}.usgovcloudapi.net")
)
EARLY_S: Final = 300
"""How long before a token runs out the next one is asked for."""


class AccessToken(NamedTuple):
    """What Azure's SDKs take for a token."""

    token: str
    expires_on: int


class AzureAccess:
    """As whom Azure is asked, and where its vaults are. `resolve`: as of `open_vault`."""

    def __init__(
        self, settings: StoreSettings, environment: Mapping[str, str], resolve: Callable[[str], Secret]
    ) -> None:
        self.settings = settings
        self._environment = environment
        self._resolve = resolve
        self._lock = Lock()
        self._tokens: dict[str, Token] = {}

    def url(self, vault: str) -> str:
        """The address of `vault`: in the cloud that the endpoint is in, or at the endpoint where that is in none."""
        domain = self._domain()
        return f"https://{vault}.{domain}" if domain else self.settings.endpoint or ""

    def _domain(self) -> str:
        if not self.settings.endpoint:
            return DOMAINS[0]
        host = urlsplit(self.settings.endpoint).hostname or ""
        return next((domain for domain in DOMAINS if host.endswith(f".{domain}")), "")

    def client(self, kind: Any, *place: str, vault: str) -> Any:
        """A client of the class `kind`, whose first arguments are `place`.

        Raises:
            SecretError: the vault's address is not https, or the extra is missing.
        """
        try:
            from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415  # only who uses Azure loads it
        except ImportError:
            raise SecretError(EXTRA) from None
        logging.getLogger("azure").setLevel(logging.WARNING)
        url = self.url(vault)
        if not url.startswith("https://"):
            raise SecretError("the endpoint of an azure-kv store is https://host[:port]")
        proxy = proxy_for(url, self._environment)
        return kind(
            *place,
            credential=self,
            verify_challenge_resource=bool(self._domain()),
            transport=RequestsTransport(connection_verify=self.settings.ca_file or True, use_env_settings=False),
            proxies={"https": proxy} if proxy else {},
            retry_total=0,
        )

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, enable_cae: bool = False
    ) -> AccessToken:
        """A token, as Azure's SDKs ask a credential for one. Raises SecretError.

        `claims`: the vault wants a token that is newer than what has changed since. Which tenant is asked is the
        operator's word, never the vault's (`tenant_id`), and no token is asked to live longer (`enable_cae`).
        """
        del tenant_id, enable_cae
        scope = scopes[0] if len(scopes) == 1 else ""
        if scope not in SCOPES:
            raise SecretError("it wants a token for something that is not Key Vault, which it is not given")
        with self._lock:
            token = None if claims else self._tokens.get(scope)
            if token is None or token.expires_s - EARLY_S <= SYSTEM_CLOCK.unix_us() / SECOND_US:
                token = self._tokens[scope] = self._ask(scope)
        return AccessToken(token.secret.reveal(), int(token.expires_s))

    def _ask(self, scope: str) -> Token:
        source = self._source()
        return asked(
            self._environment,
            lambda fetch: entra_token(source, scope, fetch, lambda: str(uuid4())),
            ca_file=self.settings.ca_file,
        )

    def _source(self) -> EntraSource:
        """The way of the settings, on top of what the environment says."""
        said = self.settings
        given = dict(self._environment)
        if said.tenant_id:
            given["AZURE_TENANT_ID"] = said.tenant_id
        if said.client_id:
            given["AZURE_CLIENT_ID"] = said.client_id
        if said.client_secret:
            if not (given.get("AZURE_TENANT_ID") and given.get("AZURE_CLIENT_ID")):
                raise SecretError("client_secret of an azure-kv store needs tenant_id and client_id")
            given["AZURE_CLIENT_SECRET"] = self._resolve(said.client_secret).reveal()
        return find_entra(given)


def azure_fault(error: Exception) -> Fault:
    """What an exception of Azure's SDKs means."""
    from azure.core import exceptions  # noqa: PLC0415

    name = type(error).__name__
    if isinstance(error, exceptions.HttpResponseError):
        return _answered(error)
    if isinstance(error, exceptions.ServiceRequestTimeoutError | exceptions.ServiceResponseTimeoutError):
        return Fault("slow", name)
    if isinstance(error, exceptions.ServiceRequestError | exceptions.ServiceResponseError):
        return Fault("down", name)
    return Fault("refused", name)


def _answered(error: Any) -> Fault:
    code = inner = ""
    try:
        found = json.loads(error.response.text())["error"]
        code = str(found.get("code", ""))
        inner = str((found.get("innererror") or {}).get("code", ""))
    except (AttributeError, LookupError, TypeError, ValueError):
        pass  # what answered was not the service itself, but something before it
    if inner in {"SecretDisabled", "SecretNotYetValid", "SecretExpired", "KeyDisabled"}:
        return Fault("absent", inner)
    return fault_of_status(error.status_code or 500, inner or code)
