"""Where does it go? Admitted → Plan."""

from collections.abc import Callable
from typing import Final

from keywright.core.clock import SECOND_US
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.turns import in_turn
from keywright.pipeline.types import Admitted, Plan

CANDIDATES_MAX: Final = 16


def route(admitted: Admitted, snapshot: Snapshot, ticks_us: int, random: Callable[[], float]) -> Plan:
    """The candidates, in the order in which they are tried. `ticks_us`: the clock's; `random` as of `upstream.Line`.

    Raises:
        RefusedError: 404 `model_not_found`, with the nearest names that the key may use; 503 `credential_disabled`.
    """
    targets = admitted.targets
    if not targets:
        raise _unknown(admitted, snapshot)
    if snapshot.routes.has_siblings and len(targets) > 1:
        targets = in_turn(targets, ticks_us / SECOND_US, random)
    return Plan(admitted, targets[:CANDIDATES_MAX])


def _unknown(admitted: Admitted, snapshot: Snapshot) -> RefusedError:
    name, routes = admitted.intent.peek.model, snapshot.routes.of(admitted.principal.key.project)
    routes.require_enabled(name)
    usable = tuple(known for known in routes.names() if admitted.principal.grant.may_name(known))
    nearest = ", ".join(routes.nearest(name, usable))
    hint = f"; the nearest names: {nearest}" if nearest else "; GET /v1/models lists what there is"
    failure = Failure(
        kind="not_found",
        status=404,
        code="model_not_found",
        message=f"the model {name[:100]!r} is not known here{hint}",
        param="model",
    )
    return RefusedError(failure, rule="route:unknown_model")
