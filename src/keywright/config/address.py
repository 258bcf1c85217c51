"""The address of a server as the operator writes it: what is accepted, and its parts."""

from ipaddress import IPv6Address
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from msgspec import Struct

from keywright.core.http import Origin

ADDRESS_CHARACTERS_MAX: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}
_PATH_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@!$&'()*+,;=")
_HOST_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._:")


class Address(Struct, frozen=True):
    """Where a server answers. `path` is "" or starts with a slash, and never ends with one."""

    origin: Origin
    path: str


def parse_address(url: str) -> Address:
    """The parts of `http(s)://host[:port][/path]`.

    Raises:
        ValueError: what is wrong, without the URL, which may hold a password.
    """
    if len(url) > ADDRESS_CHARACTERS_MAX:
        raise ValueError(f"an address has at most {ADDRESS_CHARACTERS_MAX} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("an address is visible ASCII, without white space, line ends and backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the host or the port is not valid") from None
    scheme = parts.scheme
    if scheme not in _PORTS:
        raise ValueError("an address starts with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("an address holds no user name or password")
    if "?" in url or "#" in url:
        raise ValueError("an address has no query (?) and no fragment (#)")
    host = parts.hostname or ""
    if "[" in parts.netloc and not _is_ipv6(host):
        raise ValueError("what stands in brackets is not an IPv6 address")
    if not host or not _HOST_CHARACTERS.issuperset(host) or port == 0 or parts.netloc.endswith(":"):
        raise ValueError("the host or the port is not valid")
    path = parts.path.rstrip("/")
    if not _PATH_CHARACTERS.issuperset(path) or "//" in path or {".", ".."} & set(path.split("/")):
        raise ValueError("the path has an empty or dotted segment, or a character that is not allowed")
    return Address(
        origin=Origin(scheme=cast("Literal['http', 'https']", scheme), host=host, port=port or _PORTS[scheme]),
        path=path,
    )


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
