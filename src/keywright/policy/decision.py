"""May the key do this, and which rule says so?

Each objection is a `Decision` that allows nothing; where there is none, nothing objects. A rule is named by level and
kind: `key:models`, `project:cidrs`, `parent:expired`. `decide` asks for all of them in the order of a call's way.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, Literal, Protocol, TypeAlias, TypeVar, assert_never

from msgspec import Struct

from keywright.policy.grant import Grant
from keywright.policy.level import Ending, Level

Code: TypeAlias = Literal[
    "", "key_revoked", "key_expired", "endpoint_not_allowed", "address_not_allowed", "model_not_allowed"
]

ENDED: Final[dict[Ending, str]] = {
    "revoked": "has been revoked",
    "expired": "has expired",
    "archived": "has been archived",
    "disabled": "is disabled",
    "unknown": "is not known, or derives from too many others",
}
NAME_CHARACTERS_SHOWN: Final = 256


class Decision(Struct, frozen=True):
    """Whether something is allowed, by which rule. `code` and `message` are what the client hears if it is not."""

    allowed: bool
    rule: str
    code: Code = ""
    message: str = ""


class Question(Struct, frozen=True):
    """What is to be decided: a call to `endpoint` for `model`, from `address`, at `now_s` (Unix seconds).

    `address` None: it is not known, and not asked about. `by_alias`: the model's name may be an alias or a bare name,
    and not only a provider's own.
    """

    now_s: int
    endpoint: str
    model: str
    address: str | None = None
    by_alias: bool = True


class Named(Protocol):
    """A model at a provider; `name` is `provider/model`."""

    @property
    def name(self) -> str: ...


Candidate = TypeVar("Candidate", bound=Named)


def decide(grant: Grant, question: Question, candidates: Sequence[Named]) -> Decision:
    """What `grant` says to `question`. `candidates` are those that the model's name leads to."""
    objection = (
        end_objection(grant, question.now_s)
        or endpoint_objection(grant, question.endpoint)
        or (address_objection(grant, question.address) if question.address is not None else None)
        or model_objection(grant, question.model, tuple(candidates), by_alias=question.by_alias)
    )
    return objection or Decision(allowed=True, rule=grant.rule)


def end_objection(grant: Grant, now_s: int) -> Decision | None:
    """Whether the key counts no longer. Of several reasons one that is not just its age is told."""
    if now_s < grant.ends_s:
        return None
    passed = [(level, end) for level in grant.levels for end in level.ends if end.at_s <= now_s]
    level, end = next((one for one in passed if one[1].why != "expired"), passed[0])
    code: Code = "key_expired" if end.why == "expired" else "key_revoked"
    who = f"the API key {level.name}" if level.kind == "key" else _who(level)
    return Decision(allowed=False, rule=f"{level.kind}:{end.why}", code=code, message=f"{who} {ENDED[end.why]}")


def endpoint_objection(grant: Grant, endpoint: str) -> Decision | None:
    """Whether somebody keeps the key from calling `endpoint`."""
    for level in grant.endpoints:
        if level.endpoints is not None and endpoint not in level.endpoints:
            message = f"{_who(level)} may not call the {endpoint} endpoint"
            return _denied(level, "permission" if level.is_reading else "endpoints", "endpoint_not_allowed", message)
    return None


def address_objection(grant: Grant, address: str) -> Decision | None:
    """Whether somebody keeps the key from being used from `address`."""
    if not grant.cidrs:
        return None
    try:
        peer = ip_address(address)
    except ValueError:
        level = grant.cidrs[0]
        message = f"{_who(level)} may only be used from certain addresses, and yours is not known"
        return _denied(level, "cidrs", "address_not_allowed", message)
    mapped = getattr(peer, "ipv4_mapped", None)
    peer = mapped if mapped is not None else peer
    for level in grant.cidrs:
        if not any(peer in network for network in level.cidrs):
            return _denied(level, "cidrs", "address_not_allowed", f"{_who(level)} may not be used from {address}")
    return None


def usable(
    grant: Grant, model: str, candidates: tuple[Candidate, ...], *, by_alias: bool = True
) -> tuple[Candidate, ...]:
    """Those of the candidates that `model` leads to which the key may use."""
    for level in grant.models:
        candidates = _left(level, model, candidates, by_alias=by_alias)
    return candidates


def model_objection(
    grant: Grant, model: str, candidates: tuple[Candidate, ...], *, by_alias: bool = True
) -> Decision | None:
    """Whether somebody keeps the key from `model`: nobody does when it may use any candidate of it, nor when it names a
    model that nobody knows. Who is restricted to certain models must name one.
    """
    left = candidates
    for level in grant.models:
        if not model:
            message = (
                f"{_who(level)} is restricted to certain models, so it may call only what names one of them; "
                "this request names none where it could be checked"
            )
            return _denied(level, "models", "model_not_allowed", message)
        left = _left(level, model, left, by_alias=by_alias)
        if not left and (candidates or not level.matches(model)):
            message = f"{_who(level)} may not use the model {model[:NAME_CHARACTERS_SHOWN]!r}"
            return _denied(level, "models", "model_not_allowed", message)
    return None


def _left(level: Level, model: str, candidates: tuple[Candidate, ...], *, by_alias: bool) -> tuple[Candidate, ...]:
    """All candidates when the level names what was asked for, an alias or a bare name, else those it names themselves.

    What has a slash in it counts by its candidates alone. `openai/gpt-oss-20b` is a model of `openai`, or, where there
    is none, the bare name of one that another provider has: a key for `openai/*` must not come to that.
    """
    if not model:
        return ()
    if by_alias and "/" not in model and level.matches(model):
        return candidates
    return tuple(candidate for candidate in candidates if level.matches(candidate.name))


def _denied(level: Level, kind: str, code: Code, message: str) -> Decision:
    return Decision(allowed=False, rule=f"{level.kind}:{kind}", code=code, message=message)


def _who(level: Level) -> str:
    match level.kind:
        case "key":
            return "this key"
        case "project":
            return f"the project {level.name!r} of this key"
        case "owner":
            return f"the owner {level.name!r} of this key"
        case "parent":
            return f"the key {level.name}, from which this key derives,"
        case _:
            assert_never(level.kind)
