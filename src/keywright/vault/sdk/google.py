"""Google's clients over REST: how they are opened, who they say they are, and what their failures mean.

REST and not gRPC: its channels have threads that a fork breaks, and a library that looks for proxies by itself.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.google.credential import GoogleSettings, google_project
from keywright.vault.google.file import GoogleSource, find_google, read_google
from keywright.vault.google.token import google_token
from keywright.vault.sdk.proxy import proxy_for
from keywright.vault.sdk.service import Fault, fault_of_status
from keywright.vault.sdk.upstreams import asked
from keywright.vault.settings import StoreSettings

EXTRA: Final = "gcp-sm:// and gcp-kms:// need the extra: pip install 'keywright[gcp]'"


class GoogleAccess:
    """As whom Google is asked, and where. `resolve`: as of `open_vault`."""

    def __init__(
        self, settings: StoreSettings, environment: Mapping[str, str], resolve: Callable[[str], Secret]
    ) -> None:
        self.settings = settings
        self.environment = environment
        self._resolve = resolve

    def project(self) -> str:
        """The project that the environment or the credential names; "" when neither does. Raises SecretError."""
        return google_project(GoogleSettings(self._written()), self.environment)

    def transport(self, kind: Any, host: str) -> Any:
        """A REST transport of the class `kind`, to `host` unless the operator wrote another address. Raises
        SecretError.
        """
        endpoint = self.settings.endpoint or f"https://{host}"
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise SecretError("the endpoint of a Google store is http://host[:port] or https://host[:port]")
        transport = kind(host=parts.netloc, url_scheme=parts.scheme, credentials=self._credentials())
        # The transport has no public way to its session. By the process's environment it would take proxies, and
        # passwords from a .netrc.
        session = transport._session
        session.trust_env = False
        proxy = proxy_for(endpoint, self.environment)
        session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        return transport

    def _credentials(self) -> Any:
        try:
            from google.auth.credentials import Credentials  # noqa: PLC0415  # only who uses Google's services loads it
        except ImportError:
            raise SecretError(EXTRA) from None
        access = self

        class OwnCredentials(Credentials):
            """Tokens that `vault.google` obtained."""

            def refresh(self, _: object) -> None:
                source = access._source()
                token = asked(access.environment, lambda fetch: google_token(source, fetch))
                self.token = token.secret.reveal()
                self.expiry = datetime.fromtimestamp(token.expires_s, UTC).replace(tzinfo=None)
                self._quota_project_id = (
                    access.environment.get("GOOGLE_CLOUD_QUOTA_PROJECT") or source.quota_project_id or None
                )

        make: Callable[[], Any] = OwnCredentials
        return make()

    def _source(self) -> GoogleSource:
        written = self._written()
        return find_google(self.environment) if written is None else read_google("credentials", written.reveal())

    def _written(self) -> Secret | None:
        return self._resolve(self.settings.credentials) if self.settings.credentials else None


def quiet() -> None:
    """Google's libraries show answers, and secrets in them, in their log at DEBUG."""
    for name in ("google", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def google_fault(error: Exception) -> Fault:
    """What an exception of Google's SDKs means."""
    import requests  # noqa: PLC0415
    from google.api_core.exceptions import GoogleAPICallError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    name = type(error).__name__
    if isinstance(error, GoogleAPICallError):
        return _answered(error)
    if isinstance(error, requests.exceptions.Timeout):
        return Fault("slow", name)
    if isinstance(error, requests.exceptions.RequestException):
        return Fault("down", name)
    if isinstance(error, GoogleAuthError):
        return Fault("denied", name)
    return Fault("refused", name)


def _answered(error: Any) -> Fault:
    status, said = int(error.code or 500), ""
    try:
        found = json.loads(error.response.content)["error"]["status"]
        said = found if isinstance(found, str) else ""
    except (AttributeError, LookupError, TypeError, ValueError):
        pass  # what answered was not the service itself, but something before it
    # A version that is disabled or destroyed; Google has no other word for it.
    return Fault("absent", said) if said == "FAILED_PRECONDITION" else fault_of_status(status, said)
