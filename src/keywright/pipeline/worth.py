"""What may a call cost, and does anybody know? What a budget must know before the call goes upstream."""

from typing import Final

from keywright.core.tier import AUTO
from keywright.pipeline.routes import Routes, Target
from keywright.providers.provider import EndpointKind

FREE_ENDPOINTS: Final[frozenset[EndpointKind]] = frozenset({"models", "count", "files"})
"""What no provider charges for, whatever is done there."""

MODELS_WORK: Final[frozenset[EndpointKind]] = frozenset({"responses_items"})
"""Where only a request that names a model has one run: the others ask for what is stored, or stop it."""

NOT_DEARER: Final = frozenset({"", AUTO, "flex", "batch"})
"""Tiers for which the plain price may stand in: none of them costs more. Any other may."""

READING: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"DELETE"})
"""Methods by which no provider lets a model run."""

CANCEL: Final = b"/cancel"
"""The end of a path that stops what runs."""


def costs_nothing(endpoint: EndpointKind, method: bytes = b"POST", model: str = "", tail: bytes = b"") -> bool:
    """Whether a call cannot cost anything, so that neither a price nor a reservation is needed.

    `model`: what the request names, "" for none. `tail`: the end of its path, of a call that passes through.
    """
    if endpoint in FREE_ENDPOINTS or method in READING:
        return True
    if model:
        return False
    return endpoint in MODELS_WORK or (endpoint == "batches" and tail.endswith(CANCEL))


def unpriced(
    targets: tuple[Target, ...], routes: Routes, when_s: int, endpoint: EndpointKind = "chat", tier: str = AUTO
) -> tuple[Target, ...]:
    """Those of `targets` whose price at `when_s` (Unix seconds) nobody knows; at the service tier that is asked for."""
    return tuple([target for target in targets if not _has_price(target, routes, when_s, endpoint, tier)])


def priced_targets(
    targets: tuple[Target, ...], routes: Routes, when_s: int, endpoint: EndpointKind = "chat", tier: str = AUTO
) -> tuple[Target, ...]:
    """Those of `targets` whose price at `when_s` is known: where a budget counts, only they may be tried."""
    return tuple([target for target in targets if _has_price(target, routes, when_s, endpoint, tier)])


def _has_price(target: Target, routes: Routes, when_s: int, endpoint: EndpointKind, tier: str) -> bool:
    if target.price is not None or routes.price_of(target, when_s) is not None:
        return tier in NOT_DEARER or routes.price_of(target, when_s, tier) is not None
    return any(there.free for there in target.source.row.endpoints if there.kind == endpoint)
