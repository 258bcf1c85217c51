"""What may a call cost, and does anybody know? What a budget must know before the call goes upstream."""

from typing import Final

from keywright.pipeline.routes import Routes, Target
from keywright.providers.provider import EndpointKind

FREE_ENDPOINTS: Final[frozenset[EndpointKind]] = frozenset({"models", "count", "files"})
"""What no provider charges for, whatever is done there."""

MODELS_WORK: Final[frozenset[EndpointKind]] = frozenset({"responses_items"})
"""Where only a request that names a model has one run: the others ask for what is stored, or stop it."""

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
    targets: tuple[Target, ...], routes: Routes, when_s: int, endpoint: EndpointKind = "chat"
) -> tuple[Target, ...]:
    """Those of `targets` whose price at `when_s` (Unix seconds) nobody knows."""
    return tuple([target for target in targets if not _has_price(target, routes, when_s, endpoint)])


def priced_targets(
    targets: tuple[Target, ...], routes: Routes, when_s: int, endpoint: EndpointKind = "chat"
) -> tuple[Target, ...]:
    """Those of `targets` whose price at `when_s` is known: where a budget counts, only they may be tried."""
    return tuple([target for target in targets if _has_price(target, routes, when_s, endpoint)])


def _has_price(target: Target, routes: Routes, when_s: int, endpoint: EndpointKind) -> bool:
    if target.price is not None or routes.price_of(target, when_s) is not None:
        return True
    return any(there.free for there in target.source.row.endpoints if there.kind == endpoint)
