"""What policy would say to a call, and why it said what it said."""

from typing import cast

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.desks.requests import Requests
from keywright.control.resources import PolicyQuestion
from keywright.core.errors import ChangeRefusedError
from keywright.identity.key import endpoint as named_endpoint
from keywright.inquiry.explanation import Explanation, explain
from keywright.inquiry.lookup import known_of
from keywright.inquiry.trial import Trial, attempt
from keywright.policy.decision import Question
from keywright.providers.provider import EndpointKind


class Policy:
    """The policy of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._requests = Requests(blueprint)
        self._blueprint = blueprint

    def test(self, by: Actor, body: PolicyQuestion) -> Trial:
        """What would happen to a call now, or at the time that is asked about. Nothing is sent anywhere."""
        view = self._blueprint.snapshot()
        key = view.keys.get(body.key)
        user = key.owner if key is not None and key.owner_kind == "user" else None
        if key is None or not by.may("policy.test", key.project, user):
            raise ChangeRefusedError("not_found", f"there is no key {body.key!r}", "key")
        with reading.field("at"):
            now_s = self._blueprint.now_s() if body.at is None else reading.moment_s(body.at)
        with reading.field("endpoint"):
            endpoint = cast("EndpointKind", named_endpoint(body.endpoint))
        question = Question(now_s, endpoint, body.model, body.address, by_alias=endpoint != "native")
        return attempt(view, key, question, endpoint)

    async def explanation(self, by: Actor, request_id: str) -> Explanation:
        """One call explained, if they may see it."""
        entry = await self._requests.entry(by, request_id)
        fees = {source.name: source.fee_bp for source in self._blueprint.snapshot().routes.inventory}
        return explain(entry, await known_of(entry, self._blueprint.store, fees))
