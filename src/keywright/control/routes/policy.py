"""`/api/v1/policy/test` and `/api/v1/requests/{id}/explanation`."""

from litestar import Controller, Response, get, post
from litestar.params import FromPath, JSONBody

from keywright.control.http import ADesk, AnActor, single
from keywright.control.resources import PolicyQuestion
from keywright.inquiry.explanation import Explanation
from keywright.inquiry.trial import Trial


class PolicyRoutes(Controller):
    """What is decided, and why."""

    path = "/"
    tags = ("policy",)

    @post("/policy/test", status_code=200)
    async def test(self, actor: AnActor, desk: ADesk, data: JSONBody[PolicyQuestion]) -> Response[Trial]:
        """Tell whether a call would be admitted, by which rule, where it would go, and what it could cost."""
        return single(desk.policy.test(actor, data))

    @get("/requests/{request_id:str}/explanation")
    async def explanation(self, actor: AnActor, desk: ADesk, request_id: FromPath[str]) -> Response[Explanation]:
        """One call: who asked, which rule decided, who was tried, and how its cost comes about line by line."""
        return single(await desk.policy.explanation(actor, request_id))
