"""Which proxy of the environment an address is asked through, for SDKs that would look into the process's own."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from keywright.core.errors import SecretError


def proxy_for(url: str, environment: Mapping[str, str]) -> str:
    """`http://[user:password@]host[:port]` for `url`; "" for none. This very machine is never asked through one.

    Raises:
        SecretError: `url` is no address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not host:
        raise SecretError("the address of a secret store is not an http:// or https:// URL")
    excepted = f"localhost,127.0.0.0/8,::1,{_either(environment, 'NO_PROXY')}"
    if any(_excepts(entry.strip().lower(), host, port) for entry in excepted.split(",")):
        return ""
    named = "HTTPS_PROXY" if parts.scheme == "https" else "HTTP_PROXY"
    found = _either(environment, named) or _either(environment, "ALL_PROXY")
    return found if not found or "://" in found else f"http://{found}"


def _excepts(entry: str, host: str, port: int | None) -> bool:
    """One entry: `*`, a network, an address, or a name with all names under it; the last two may have a port."""
    if entry in {"*", host}:
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        pass  # the entry or the host is a name
    name, _, only_port = entry.partition(":")
    suffix = name.removeprefix("*").strip(".")
    return bool(suffix) and only_port in {"", str(port)} and (host == suffix or host.endswith(f".{suffix}"))


def _either(environment: Mapping[str, str], name: str) -> str:
    """The variable in lower case, which is the older habit and wins, or in upper."""
    return environment.get(name.lower()) or environment.get(name) or ""
