"""May this key do this? Call, Principal → Admitted. The only maker of `Admitted`."""

from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any, Final, NoReturn

import msgspec

from keywright.core.dialect import Wire
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.identity import Key
from keywright.pipeline.routes import Target
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.types import Admitted, Call, Intent, Principal

READING_ENDPOINTS: Final = frozenset({"models"})
"""What a `read_only` key may call."""


def read_intent(call: Call, client: Wire[Any, Any]) -> Intent:
    """What the call wants, read from as little of its body as policy needs.

    Raises:
        RefusedError: 400 `invalid_json` or `invalid_request`.
    """
    return Intent(call.endpoint, client.peek(call.body, call.said))


def admit(call: Call, principal: Principal, intent: Intent, snapshot: Snapshot) -> Admitted:
    """The intent, with the targets that the key may use. An unknown model is admitted without targets.

    Raises:
        RefusedError: 403, `endpoint_not_allowed`, `address_not_allowed` or `model_not_allowed`.
    """
    key = principal.key
    require_endpoint(key, intent.endpoint)
    require_address(key, call.address)
    targets = snapshot.routes.find(intent.peek.model)
    rule = "key:all"
    if key.models:
        rule = "key:models"
        targets = _allowed_targets(key, intent.peek.model, targets)
    require_one_model(key, targets, call.body)
    return Admitted(principal=principal, intent=intent, targets=targets, rule=rule)


def require_endpoint(key: Key, endpoint: str) -> None:
    """Nothing, when the key's permission covers `endpoint`.

    Raises:
        RefusedError: 403 `endpoint_not_allowed`.
    """
    if key.permission == "all":
        return
    allowed = READING_ENDPOINTS if key.permission == "read_only" else key.endpoints
    if endpoint not in allowed:
        forbid("endpoint_not_allowed", f"this key ({key.permission}) may not call the {endpoint} endpoint")


def require_address(key: Key, address: str) -> None:
    """Nothing, when the key may be used from `address`.

    Raises:
        RefusedError: 403 `address_not_allowed`.
    """
    if not key.cidrs:
        return
    try:
        peer = ip_address(address)
    except ValueError:
        forbid("address_not_allowed", "this key may only be used from certain addresses, and yours is not known")
    mapped = getattr(peer, "ipv4_mapped", None)
    peer = mapped if mapped is not None else peer
    if not any(peer in network for network in key.cidrs):
        forbid("address_not_allowed", f"this key may not be used from {address}")


def may_use(key: Key, name: str) -> bool:
    """Whether one of the key's globs matches the name of a model."""
    return not key.models or any(fnmatchcase(name, glob) for glob in key.models)


def key_names(key: Key, requested: str) -> bool:
    """Whether the key names what was asked for, so that its targets need not be looked at: an alias, or a bare name.

    What has a slash in it counts by its targets alone. `openai/gpt-oss-20b` is a model of `openai`, or, where there is
    none, the bare name of one that another provider has: a key for `openai/*` must not come to that.
    """
    return "/" not in requested and may_use(key, requested)


def require_one_model(key: Key, targets: tuple[Target, ...], body: bytes) -> None:
    """Nothing, when the JSON `body` names no model but the one that was looked at, or nobody minds.

    Raises:
        RefusedError: 403 `model_not_allowed`, the key or one of the providers is for certain models.
    """
    for target in targets:
        others = target.source.row.other_models
        if others and (key.models or target.source.serves):
            named = others & msgspec.json.decode(body, type=dict[str, msgspec.Raw]).keys()
            if named:
                member, name = min(named), target.source.name
                forbid(
                    "model_not_allowed", f"{member!r} may name other models of {name}; this is for certain ones only"
                )


def _allowed_targets(key: Key, requested: str, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """All targets when the key names what was asked for, else those that it names themselves."""
    if key_names(key, requested):
        return targets
    allowed = tuple(target for target in targets if may_use(key, target.name))
    if not allowed and (targets or not may_use(key, requested)):
        forbid("model_not_allowed", f"this key may not use the model {requested!r}")
    return allowed


def forbid(code: str, message: str) -> NoReturn:
    """Raise what a key is told that may not do something: 403 with that code."""
    raise RefusedError(Failure(kind="permission", status=403, code=code, message=message), rule=f"key:{code}")
