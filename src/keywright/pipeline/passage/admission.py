"""May this key do this? Passing, Freight → Admitted."""

from keywright.pipeline.admit import require_model, require_one_model
from keywright.pipeline.passage.freight import Freight
from keywright.pipeline.passage.way import Passing
from keywright.pipeline.routes import Target
from keywright.pipeline.types import Admitted, Intent, Principal


def admit_passing(passing: Passing, principal: Principal, freight: Freight, targets: tuple[Target, ...]) -> Admitted:
    """The intent, with those of `targets` that the key may use. Endpoint and address were looked at before the body.

    A key that is restricted to certain models may call only what names one. On a native path the name is the provider's
    own: no alias counts.

    Raises:
        RefusedError: 403 `model_not_allowed`.
    """
    grant, peek = principal.grant, freight.peek
    if freight.is_json:
        require_one_model(grant, targets, freight.read)
    if grant.models:
        targets = require_model(grant, peek.model, targets, by_alias=passing.way.endpoint != "native")
    intent = Intent(passing.call.endpoint, peek)
    return Admitted(principal=principal, intent=intent, targets=targets, rule=grant.rule)
