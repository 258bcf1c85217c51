"""`/api/v1/budgets`."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from keywright.control.http import ADesk, AnActor, APart, IfMatch, expected, single
from keywright.control.resources import BudgetBody, BudgetChange, BudgetRow, Page


class BudgetRoutes(Controller):
    """Budgets."""

    path = "/budgets"
    tags = ("budgets",)

    @post()
    async def create(self, actor: AnActor, desk: ADesk, data: JSONBody[BudgetBody]) -> Response[BudgetRow]:
        """Make a budget."""
        return single(await desk.budgets.create(actor, data), 201)

    @get()
    async def page(
        self,
        actor: AnActor,
        desk: ADesk,
        part: APart,
        on: FromQuery[str | None] = None,
    ) -> Page[BudgetRow]:
        """List budgets."""
        return await desk.budgets.page(actor, part, on)

    @get("/{budget_id:str}")
    async def show(self, actor: AnActor, desk: ADesk, budget_id: FromPath[str]) -> Response[BudgetRow]:
        """One budget."""
        return single(await desk.budgets.get(actor, budget_id))

    @patch("/{budget_id:str}")
    async def update(
        self,
        actor: AnActor,
        desk: ADesk,
        budget_id: FromPath[str],
        data: JSONBody[BudgetChange],
        if_match: IfMatch = None,
    ) -> Response[BudgetRow]:
        """Change a budget."""
        return single(await desk.budgets.update(actor, budget_id, expected(if_match), data))

    @delete("/{budget_id:str}")
    async def remove(
        self,
        actor: AnActor,
        desk: ADesk,
        budget_id: FromPath[str],
        if_match: IfMatch = None,
    ) -> None:
        """Forget a budget."""
        await desk.budgets.delete(actor, budget_id, expected(if_match))
