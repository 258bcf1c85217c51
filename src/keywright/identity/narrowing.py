"""Does one key exceed another, and what is left of it if it must not?

A glob is within another when every name that it matches is matched by the other, too. That is decided from below: what
cannot be shown by comparing the texts counts as exceeding. So `openai/gpt-*` is within `openai/*` and within `*`;
`openai/gpt-?` is not within `openai/gpt-[0-9]`, nor within anything but itself and what ends in a star.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias, TypeVar

from msgspec.structs import replace

from keywright.core.identity import ENDPOINTS, Key, Network

Narrowed: TypeAlias = Literal[
    "permission",
    "models",
    "cidrs",
    "expires",
    "allow_unpriced",
    "requests_per_min",
    "tokens_per_min",
    "concurrency",
    "tags",
]
"""What of a key may be more or less than another's."""

READING: Final = frozenset({"models"})
_META: Final = frozenset("*?[")

ItemT = TypeVar("ItemT")


class NothingLeftError(Exception):
    """Two keys have nothing in common. `what` names it: models, cidrs, endpoints."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def exceeding(key: Key, bound: Key) -> tuple[Narrowed, ...]:
    """In what `key` exceeds `bound`; nothing when all that it may do, `bound` may do too."""
    found: list[Narrowed] = []
    if not endpoints_of(key) <= endpoints_of(bound):
        found.append("permission")
    if not _are_within(key.models, bound.models, glob_within):
        found.append("models")
    if not _are_within(key.cidrs, bound.cidrs, network_within):
        found.append("cidrs")
    if bound.expires_s is not None and (key.expires_s is None or key.expires_s > bound.expires_s):
        found.append("expires")
    if key.allow_unpriced and not bound.allow_unpriced:
        found.append("allow_unpriced")
    limits: tuple[tuple[Narrowed, int | None, int | None], ...] = (
        ("requests_per_min", key.requests_per_min, bound.requests_per_min),
        ("tokens_per_min", key.tokens_per_min, bound.tokens_per_min),
        ("concurrency", key.concurrency, bound.concurrency),
    )
    found += [name for name, mine, most in limits if most is not None and (mine is None or mine > most)]
    if not set(bound.tags) <= set(key.tags):
        found.append("tags")  # by which budgets know it
    return tuple(found)


def narrowed(key: Key, bound: Key) -> Key:
    """As much of `key` as `bound` allows.

    Raises:
        NothingLeftError: they have no model, no network or no endpoint in common.
    """
    endpoints = endpoints_of(key) & endpoints_of(bound)
    if not endpoints:
        raise NothingLeftError("endpoints")
    if endpoints != endpoints_of(key):
        is_reading = endpoints == READING
        key = replace(
            key,
            permission="read_only" if is_reading else "restricted",
            endpoints=() if is_reading else tuple(name for name in ENDPOINTS if name in endpoints),
        )
    return replace(
        key,
        models=_common("models", key.models, bound.models, glob_within),
        cidrs=_common("cidrs", key.cidrs, bound.cidrs, network_within),
        expires_s=_least(key.expires_s, bound.expires_s),
        allow_unpriced=key.allow_unpriced and bound.allow_unpriced,
        requests_per_min=_least(key.requests_per_min, bound.requests_per_min),
        tokens_per_min=_least(key.tokens_per_min, bound.tokens_per_min),
        concurrency=_least(key.concurrency, bound.concurrency),
        tags=tuple(sorted({**dict(key.tags), **dict(bound.tags)}.items())),
    )


def endpoints_of(key: Key) -> frozenset[str]:
    """What a key may call."""
    match key.permission:
        case "all":
            return frozenset(ENDPOINTS)
        case "read_only":
            return READING
        case _:
            return frozenset(key.endpoints)


def glob_within(glob: str, bound: str) -> bool:
    """Whether all that `glob` matches is surely matched by `bound`."""
    if bound in (glob, "*"):
        return True
    if _META.isdisjoint(glob):
        return fnmatchcase(glob, bound)
    if _META.isdisjoint(bound.removesuffix("*")) and bound.endswith("*"):
        literal = bound.removesuffix("*")
        return glob.startswith(literal)  # which has no sign in it, so the beginning of `glob` is literal, too
    return "[" not in glob and not {"?", "["} & set(bound) and fnmatchcase(glob, bound)


def network_within(network: Network, bound: Network) -> bool:
    """Whether `network` is a part of `bound`."""
    return (
        network.version == bound.version and network.prefixlen >= bound.prefixlen and network.network_address in bound
    )


def _are_within(items: Iterable[ItemT], bounds: tuple[ItemT, ...], within: Callable[[ItemT, ItemT], bool]) -> bool:
    items = tuple(items)
    return not bounds or (bool(items) and all(any(within(item, bound) for bound in bounds) for item in items))


def _common(
    what: str, items: tuple[ItemT, ...], bounds: tuple[ItemT, ...], within: Callable[[ItemT, ItemT], bool]
) -> tuple[ItemT, ...]:
    """What is in both; where one of two is within the other, that one. Empty stands for everything."""
    if not items or not bounds:
        return items or bounds
    kept = [item for item in items if any(within(item, bound) for bound in bounds)]
    kept += [bound for bound in bounds if any(within(bound, item) for item in items)]
    if not kept:
        raise NothingLeftError(what)
    return tuple(dict.fromkeys(kept))


def _least(mine: int | None, most: int | None) -> int | None:
    return most if mine is None else mine if most is None else min(mine, most)
