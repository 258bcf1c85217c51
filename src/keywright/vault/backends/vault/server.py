"""Where the server is and how it is reached: as the settings say, else as the environment tells the vendor's tools.

OpenBao's tools read each variable as `BAO_…` before `VAULT_…`; so does this. `VAULT_SKIP_VERIFY` is not heeded: who
reads secrets from a server must know which one it is.
"""

from collections.abc import Mapping
from typing import Final
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.vault.fetch import place
from keywright.vault.settings import StoreSettings

_PREFIXES: Final = ("BAO_", "VAULT_")


class Server(Struct, frozen=True):
    """`host`: how messages call it. `ca`: a file or folder of trusted certificates, None for the usual ones.
    `client_cert`: the files of a certificate and its key with which we show who we are. `proxy`: its URL, which may
    hold a password.
    """

    url: str
    host: str
    namespace: str | None
    ca: str | None
    client_cert: tuple[str, str] | None
    proxy: str | None

    def __repr__(self) -> str:
        return f"<server {self.host}>"


def server_of(settings: StoreSettings, environment: Mapping[str, str]) -> Server:
    """The server.

    Raises:
        SecretError: no address is told, or it is none.
    """
    url = settings.address or told(environment, "ADDR")
    if url is None:
        raise SecretError("vault:// needs the server's address: say `address` in [secrets.vault], or set VAULT_ADDR")
    origin, _ = place("vault:// (`address` of the store, or VAULT_ADDR)", url)
    certificate, key = told(environment, "CLIENT_CERT"), told(environment, "CLIENT_KEY")
    return Server(
        url=url,
        host=f"{origin.host}:{origin.port}",
        namespace=settings.namespace or told(environment, "NAMESPACE"),
        ca=settings.ca_file or told(environment, "CACERT") or told(environment, "CAPATH"),
        client_cert=(certificate, key) if certificate and key else None,
        proxy=_proxy(origin.scheme, origin.host, environment),
    )


def told(environment: Mapping[str, str], name: str) -> str | None:
    """The vendor's variable `name`, by either prefix; None where it is not set, or empty."""
    return next((value for prefix in _PREFIXES if (value := environment.get(prefix + name))), None)


def variable(environment: Mapping[str, str], name: str) -> str | None:
    """What the variable is called from which `told` has its value."""
    return next((prefix + name for prefix in _PREFIXES if environment.get(prefix + name)), None)


def _proxy(scheme: str, host: str, environment: Mapping[str, str]) -> str | None:
    own = told(environment, "PROXY_ADDR")
    if own is not None:
        return own
    name = f"{scheme}_proxy"
    usual = environment.get(name) or environment.get(name.upper())
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return None if not usual or proxy_bypass_environment(host, {"no": exempt}) else usual
