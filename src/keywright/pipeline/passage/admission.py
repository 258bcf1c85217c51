"""May this key do this? Passing, Freight → Admitted."""

from keywright.core.dialect import Peek
from keywright.core.identity import Key
from keywright.pipeline.admit import forbid, key_names, may_use, require_one_model
from keywright.pipeline.passage.freight import Freight
from keywright.pipeline.passage.way import Passing
from keywright.pipeline.routes import Target
from keywright.pipeline.types import Admitted, Intent, Principal


def admit_passing(passing: Passing, principal: Principal, freight: Freight, targets: tuple[Target, ...]) -> Admitted:
    """The intent, with those of `targets` that the key may use. Endpoint and address were looked at before the body.

    A key that is restricted to certain models may call only what names one.

    Raises:
        RefusedError: 403 `model_not_allowed`.
    """
    key, peek = principal.key, freight.peek
    intent = Intent(passing.call.endpoint, peek)
    if freight.is_json:
        require_one_model(key, targets, freight.read)
    if not key.models:
        return Admitted(principal=principal, intent=intent, targets=targets, rule="key:all")
    if not peek.model:
        forbid(
            "model_not_allowed",
            f"this key is restricted to certain models, so it may call only what names one of them;"
            f" this request to the {passing.call.endpoint} endpoint names none where it could be checked",
        )
    return Admitted(
        principal=principal, intent=intent, targets=_allowed(key, passing, peek, targets), rule="key:models"
    )


def _allowed(key: Key, passing: Passing, peek: Peek, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """All targets when the key names what was asked for, else those that it names themselves. On a native path the name
    is the provider's own: no alias counts.
    """
    if passing.way.endpoint != "native" and key_names(key, peek.model):
        return targets
    allowed = tuple(target for target in targets if may_use(key, target.name))
    if targets and not allowed:
        forbid("model_not_allowed", f"this key may not use the model {peek.model!r}")
    return allowed
