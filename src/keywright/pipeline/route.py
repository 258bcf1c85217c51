"""Where does it go? Admitted → Plan."""

from typing import Final

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.types import Admitted, Plan

CANDIDATES_MAX: Final = 16


def route(admitted: Admitted, snapshot: Snapshot) -> Plan:
    """The candidates, in the order in which they are tried.

    Raises:
        RefusedError: 404 `model_not_found`, with the nearest names that the key may use.
    """
    if not admitted.targets:
        raise _unknown(admitted, snapshot)
    return Plan(admitted, admitted.targets[:CANDIDATES_MAX])


def _unknown(admitted: Admitted, snapshot: Snapshot) -> RefusedError:
    name = admitted.intent.peek.model
    usable = tuple(known for known in snapshot.routes.names() if admitted.principal.grant.may_name(known))
    nearest = ", ".join(snapshot.routes.nearest(name, usable))
    hint = f"; the nearest names: {nearest}" if nearest else "; GET /v1/models lists what there is"
    failure = Failure(
        kind="not_found",
        status=404,
        code="model_not_found",
        message=f"the model {name[:100]!r} is not known here{hint}",
        param="model",
    )
    return RefusedError(failure, rule="route:unknown_model")
