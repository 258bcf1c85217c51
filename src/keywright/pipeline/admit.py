"""May this key do this? Call, Principal → Admitted. The only maker of `Admitted`, besides that of passing calls.

What decides is `policy.decision`; here each of its questions is asked as soon as its answer can be known.
"""

from typing import Any

import msgspec

from keywright.core.dialect import Wire
from keywright.pipeline.denied import denied
from keywright.pipeline.routes import Target
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.types import Admitted, Call, Intent, Principal
from keywright.policy.decision import Decision, address_objection, endpoint_objection, model_objection, usable
from keywright.policy.grant import Grant


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
    grant = principal.grant
    require_place(grant, intent.endpoint, call.address)
    targets = snapshot.routes.of(principal.key.project).find(intent.peek.model)
    if grant.models:
        targets = require_model(grant, intent.peek.model, targets)
    require_one_model(grant, targets, call.body)
    return Admitted(principal=principal, intent=intent, targets=targets, rule=grant.rule)


def require_place(grant: Grant, endpoint: str, address: str) -> None:
    """Nothing, when the key may call `endpoint`, and from `address`.

    Raises:
        RefusedError: 403 `endpoint_not_allowed` or `address_not_allowed`.
    """
    if grant.endpoints and (objection := endpoint_objection(grant, endpoint)) is not None:
        raise denied(objection)
    if grant.cidrs and (objection := address_objection(grant, address)) is not None:
        raise denied(objection)


def require_model(
    grant: Grant, requested: str, targets: tuple[Target, ...], *, by_alias: bool = True
) -> tuple[Target, ...]:
    """Those of the targets of `requested` that the key may use; none of a model that nobody knows.

    Raises:
        RefusedError: 403 `model_not_allowed`.
    """
    allowed = usable(grant, requested, targets, by_alias=by_alias)
    if not allowed:
        objection = model_objection(grant, requested, targets, by_alias=by_alias)
        if objection is not None:
            raise denied(objection)
    return allowed


def require_one_model(grant: Grant, targets: tuple[Target, ...], body: bytes) -> None:
    """Nothing, when the JSON `body` names no model but the one that was looked at, or nobody minds.

    Raises:
        RefusedError: 403 `model_not_allowed`, the key or one of the providers is for certain models.
    """
    for target in targets:
        others = target.source.row.other_models
        if others and (grant.models or target.source.is_for_certain_models):
            named = others & msgspec.json.decode(body, type=dict[str, msgspec.Raw]).keys()
            if named:
                member, name = min(named), target.source.name
                message = f"{member!r} may name other models of {name}; this is for certain ones only"
                rule = grant.rule if grant.models else "provider:models"
                raise denied(Decision(allowed=False, rule=rule, code="model_not_allowed", message=message))
