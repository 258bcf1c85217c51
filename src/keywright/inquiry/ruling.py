"""What would the pipeline say to a call, before anything goes upstream? The same steps, without a call.

What the body could say besides its model is not known here, nor what is left of budgets and limits.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from keywright.core.errors import RefusedError
from keywright.core.identity import Key, Tags
from keywright.pipeline.passage.places import READ
from keywright.pipeline.route import CANDIDATES_MAX
from keywright.pipeline.routes import Routes, Target
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.terms import Terms
from keywright.pipeline.worth import costs_nothing, priced_targets
from keywright.policy.decision import Question, decide, usable
from keywright.providers.provider import EndpointKind

STATUSES: Final = {
    "key_revoked": 401,
    "key_expired": 401,
    "endpoint_not_allowed": 403,
    "address_not_allowed": 403,
    "model_not_allowed": 403,
    "model_not_found": 404,
    "model_unpriced": 402,
    "credential_disabled": 503,
}
"""What a client is answered."""


class Ruling(Struct, frozen=True, eq=False):
    """Whether the call is admitted, by which rule; `status` is 200 if it is.

    `found` are the targets of the model's name, `targets` those that are tried, in order; `terms` the budgets and
    limits that it counts in.
    """

    allowed: bool
    rule: str
    code: str
    message: str
    status: int
    found: tuple[Target, ...]
    targets: tuple[Target, ...]
    terms: Terms


def rule_on(view: Snapshot, key: Key, question: Question, endpoint: EndpointKind, tags: Tags = ()) -> Ruling:
    """What the pipeline says by `view` to a call of `key`. `endpoint` is that of the question."""
    grant, model = view.grant(key), question.model
    routes = view.routes.of(key.project)
    found = routes.find(model) if model else ()
    decision = decide(grant, question, found)
    targets = usable(grant, model, found, by_alias=question.by_alias)[:CANDIDATES_MAX] if decision.allowed else ()
    terms = view.bounds.of_call(key, view.keys, tags, model, [target.name for target in targets])
    ruling = Ruling(decision.allowed, decision.rule, decision.code, decision.message, 200, found, targets, terms)
    if not ruling.allowed:
        return _refused(ruling, decision.rule, decision.code, decision.message)
    if not model:
        return ruling
    if not targets and endpoint in READ:
        return _unknown(ruling, model, routes)
    if terms.budgets and not grant.allows_unpriced and not costs_nothing(endpoint, model=model):
        priced = priced_targets(targets, view.routes, question.now_s, endpoint)
        if targets and not priced:
            message = f"the model {targets[0].name!r} has no price, and a budget counts for this key"
            return _refused(ruling, "budget:unpriced", "model_unpriced", message)
        return replace(ruling, targets=priced)
    return ruling


def _unknown(ruling: Ruling, model: str, routes: Routes) -> Ruling:
    try:
        routes.require_enabled(model)
    except RefusedError as refused:
        return _refused(ruling, refused.rule, refused.failure.code, refused.failure.message)
    return _refused(ruling, "route:unknown_model", "model_not_found", f"the model {model!r} is not known here")


def _refused(ruling: Ruling, rule: str, code: str, message: str) -> Ruling:
    return replace(ruling, allowed=False, rule=rule, code=code, message=message, status=STATUSES[code], targets=())
