"""From what a person asks for (`--expires 30d --cidr 10.0.0.0/8`) to the key's record.

Every ValueError is one line for that person: what was wrong and what is right.
"""

from ipaddress import ip_network
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from keywright.core.identity import ENDPOINTS, Key, Network, Permission
from keywright.identity.keystring import IssuedKey

NAME_CHARACTERS_MAX: Final = 128
GLOB_CHARACTERS_MAX: Final = 256
LIST_ITEMS_MAX: Final = 100
EXPIRY_S_MAX: Final = 10 * 366 * 86_400

_UNITS_S: Final = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800})


class KeyRequest(Struct, frozen=True, kw_only=True):
    """A key as it is asked for. `expires`: a duration as `duration_s` reads it, None for never."""

    name: str
    project: str = "default"
    owner: str | None = None
    permission: Permission = "all"
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    expires: str | None = None
    allow_unpriced: bool = False


def make_key(issued: IssuedKey, request: KeyRequest, now_s: int) -> Key:
    """The record of the key `issued`, at `now_s` Unix seconds, with what `request` asks for.

    Raises:
        ValueError: something in the request cannot be, or contradicts itself.
    """
    if request.permission == "restricted" and not request.endpoints:
        raise ValueError("a restricted key needs at least one endpoint")
    if request.permission != "restricted" and request.endpoints:
        raise ValueError("endpoints are only for a key with the permission restricted")
    for title, words in (("models", request.models), ("endpoints", request.endpoints), ("cidrs", request.cidrs)):
        if len(words) > LIST_ITEMS_MAX:
            raise ValueError(f"{title}: at most {LIST_ITEMS_MAX} may be given")
    return Key(
        id=issued.id,
        kind=issued.kind,
        name=label("name", request.name),
        sha256=issued.sha256,
        created_s=now_s,
        project=label("project", request.project),
        owner=None if request.owner is None else label("owner", request.owner),
        permission=request.permission,
        models=tuple(map(model_glob, request.models)),
        endpoints=tuple(map(endpoint, request.endpoints)),
        cidrs=tuple(map(network, request.cidrs)),
        expires_s=None if request.expires is None else now_s + duration_s(request.expires),
        allow_unpriced=request.allow_unpriced,
    )


def duration_s(text: str) -> int:
    """Seconds of `45s`, `15m`, `12h`, `30d` or `2w`.

    Raises:
        ValueError: not of that form, zero, or longer than ten years.
    """
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS_S or not (number.isascii() and number.isdigit()) or len(number) > 10:
        raise ValueError(f"{text!r} is not a duration: write a whole number and a unit, as 45s, 15m, 12h, 30d or 2w")
    seconds = int(number) * _UNITS_S[unit]
    if not 0 < seconds <= EXPIRY_S_MAX:
        raise ValueError(f"{text!r} is not a duration between one second and ten years")
    return seconds


def network(text: str) -> Network:
    """The network of `10.0.0.0/8`, `2001:db8::/32`, or of one address.

    Raises:
        ValueError: not one, or with bits set behind its prefix.
    """
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a network: write an address and a prefix, as 10.0.0.0/8") from None
    raise ValueError(f"{text!r} has bits set behind its prefix; did you mean {meant}?")


def model_glob(text: str) -> str:
    """`text` as a glob over `provider/model` and aliases. Raises ValueError."""
    if not 0 < len(text) <= GLOB_CHARACTERS_MAX or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is not a pattern for models: write it as openai/gpt-5* or fast, without spaces")
    return text


def endpoint(text: str) -> str:
    """`text` as an endpoint's name. Raises ValueError."""
    if text not in ENDPOINTS:
        raise ValueError(f"{text!r} is not an endpoint: there are {', '.join(ENDPOINTS)}")
    return text


def label(title: str, text: str) -> str:
    """`text` as the `title` (name, project, owner) of a key. Raises ValueError."""
    if not 0 < len(text) <= NAME_CHARACTERS_MAX or not text.isprintable() or text != text.strip():
        raise ValueError(f"{title} {text!r} is not one printable line of 1 to {NAME_CHARACTERS_MAX} characters")
    return text
