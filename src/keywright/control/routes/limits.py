"""`/api/v1/limits`."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from keywright.control.http import ADesk, AnActor, APart, IfMatch, expected, single
from keywright.control.resources import LimitBody, LimitChange, LimitRow, Page


class LimitRoutes(Controller):
    """Limits."""

    path = "/limits"
    tags = ("limits",)

    @post()
    async def create(self, actor: AnActor, desk: ADesk, data: JSONBody[LimitBody]) -> Response[LimitRow]:
        """Make a limit."""
        return single(await desk.limits.create(actor, data), 201)

    @get()
    async def page(
        self,
        actor: AnActor,
        desk: ADesk,
        part: APart,
        on: FromQuery[str | None] = None,
    ) -> Page[LimitRow]:
        """List limits."""
        return await desk.limits.page(actor, part, on)

    @get("/{limit_id:str}")
    async def show(self, actor: AnActor, desk: ADesk, limit_id: FromPath[str]) -> Response[LimitRow]:
        """One limit."""
        return single(await desk.limits.get(actor, limit_id))

    @patch("/{limit_id:str}")
    async def update(
        self,
        actor: AnActor,
        desk: ADesk,
        limit_id: FromPath[str],
        data: JSONBody[LimitChange],
        if_match: IfMatch = None,
    ) -> Response[LimitRow]:
        """Change a limit."""
        return single(await desk.limits.update(actor, limit_id, expected(if_match), data))

    @delete("/{limit_id:str}")
    async def remove(
        self,
        actor: AnActor,
        desk: ADesk,
        limit_id: FromPath[str],
        if_match: IfMatch = None,
    ) -> None:
        """Forget a limit."""
        await desk.limits.delete(actor, limit_id, expected(if_match))
