"""Which HTTP proxy a reach goes through: the one it names, or the environment's."""

import base64
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from keywright.core.errors import ConnectFailedError
from keywright.core.http import Origin, Reach


class Proxy(Struct, frozen=True):
    """An HTTP proxy. `authorization` is the finished value of `proxy-authorization`, never shown in a message."""

    host: str
    port: int
    authorization: bytes | None = None

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


def choose_proxy(reach: Reach, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for `reach`, None for none.

    Raises:
        ConnectFailedError: what is configured is not `http://[user:password@]host[:port]`.
    """
    if reach.proxy is not None:
        return _parse(reach.proxy, "proxy") if reach.proxy else None
    for name in ("HTTPS_PROXY" if reach.origin.scheme == "https" else "HTTP_PROXY", "ALL_PROXY"):
        address = environment.get(name.lower()) or environment.get(name)
        if address:
            excepted = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
            return None if _goes_direct(reach.origin, excepted) else _parse(address, name)
    return None


def _parse(address: str, where: str) -> Proxy:
    refused = ConnectFailedError(f"{where} is not http://[user:password@]host[:port]", "proxy")
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port = parts.port or 80
    except ValueError:
        raise refused from None
    if parts.scheme != "http" or not parts.hostname:
        raise refused
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = b"Basic " + base64.b64encode(pair.encode())
    return Proxy(host=parts.hostname, port=port, authorization=authorization)


def _goes_direct(origin: Origin, excepted: str) -> bool:
    """Whether `NO_PROXY` excepts that origin. This very machine is never reached through the environment's proxy."""
    host = origin.host.lower().rstrip(".")
    if host == "localhost" or _is_loopback(host):
        return True
    return any(_excepts(entry.strip().lower(), host, origin.port) for entry in excepted.split(","))


def _excepts(entry: str, host: str, port: int) -> bool:
    """One entry: `*`, a network, an address, or a name with all names under it; the last two may have a port."""
    name, only_port = _split_port(entry)
    if not name or only_port not in (None, port):
        return False
    if name == "*":
        return True
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        pass  # the entry or the host is a name
    suffix = name.removeprefix("*").strip(".")
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        digits = rest.removeprefix(":")
    elif entry.count(":") == 1:
        name, _, digits = entry.partition(":")
    else:
        return entry, None  # no port, or an IPv6 address without brackets
    return name, int(digits) if digits.isdigit() else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
