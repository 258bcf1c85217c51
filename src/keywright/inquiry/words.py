"""What the name of a rule means, and how figures are written."""

from datetime import UTC, datetime
from typing import Final

US_PER_S: Final = 10**6

_WHO: Final = {"key": "the key", "project": "its project", "owner": "its owner", "parent": "a key that it derives from"}
_ENDED: Final = {
    "revoked": "has been revoked",
    "expired": "has expired",
    "archived": "has been archived",
    "disabled": "is disabled",
    "unknown": "is not known",
}
_DENIED: Final = {
    "permission": "is for reading only",
    "endpoints": "is for certain endpoints, and this is none of them",
    "cidrs": "is for certain networks, and the address is in none of them",
    "models": "is for certain models, and this is none of them",
}
_OTHERS: Final = {
    "key:all": "nothing restricts the key, nor its project, its owner and what it derives from",
    "budget:unpriced": "a budget counts for the key, and nobody knows what the model costs",
    "route:unknown_model": "no provider here has a model of that name",
    "route:disabled": "all credentials that could serve it are disabled",
    "route:certain_models": "the provider is for certain models, and the request names none",
    "route:unknown_provider": "no provider here has what was asked for",
    "provider:models": "the provider is for certain models, and the request could name others",
    "passage:path": "a path like that goes to no provider",
    "ledger:full": "the gateway could not record more calls",
    "escrow:unknown": "what was left of a budget or limit could not be known",
    "upstream:refused": "the provider found fault with the request",
}


def meaning(rule: str, *, allowed: bool) -> str:
    """What it means that `rule` decided so. A rule that is a failure's code means what that says."""
    if rule in _OTHERS:
        return _OTHERS[rule]
    who, _, kind = rule.partition(":")
    if who == "budget":
        return f"the budget {kind} did not cover what the call could cost"
    if who == "limit":
        limit, _, what = kind.rpartition(":")
        return f"the limit {limit} on {what} was reached"
    if who not in _WHO:
        return rule.replace("_", " ")
    if allowed:
        return f"{_WHO[who]} is for certain models, and this is one of them"
    return f"{_WHO[who]} {_ENDED.get(kind) or _DENIED.get(kind) or kind}"


def moment(at_s: int) -> str:
    """Unix seconds as RFC 3339, UTC."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment_us(at_us: int) -> str:
    """Unix microseconds as RFC 3339, UTC."""
    return f"{datetime.fromtimestamp(at_us // US_PER_S, UTC):%Y-%m-%dT%H:%M:%S}.{at_us % US_PER_S:06d}Z"
