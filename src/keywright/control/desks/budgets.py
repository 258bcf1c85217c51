"""Budgets."""

from collections.abc import Sequence

from msgspec import UNSET
from msgspec.structs import replace

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.desks.bounds import Bounds, require_own
from keywright.control.desks.names import new_id
from keywright.control.paging import Part, page
from keywright.control.resources import BudgetBody, BudgetChange, BudgetRow, Page
from keywright.control.rows import budget_row
from keywright.core.budget import Budget
from keywright.core.errors import ChangeRefusedError
from keywright.store import budgets as store


class Budgets:
    """The budgets of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._budgets = store.Budgets(blueprint.store.database)
        self._bounds = Bounds(blueprint.store.database)
        self._blueprint = blueprint

    async def create(self, by: Actor, body: BudgetBody) -> BudgetRow:
        """Make one. It counts from now on."""
        on = reading.on(body.on)
        await self._bounds.require(by, on)
        budget = Budget(
            id=new_id("bud", self._blueprint.random),
            on=on,
            picodollars=reading.amount(body.amount_usd),
            window=reading.period(body.window),
            created_s=self._blueprint.now_s(),
            hard=body.hard,
            thresholds=reading.thresholds(body.thresholds),
        )
        await self._budgets.add(budget)
        await self._blueprint.on_change()
        return (await self._rows((budget,)))[0]

    async def page(self, by: Actor, part: Part, on: str | None) -> Page[BudgetRow]:
        """Those that they may see, by id; on one subject, unless that is None."""
        subject = None if on is None else reading.on(on)
        found = await self._bounds.visible(by, part, Budget, subject)
        rows = await self._rows(found)
        return page(rows, part, lambda row: row, lambda row: row.id)

    async def get(self, by: Actor, budget_id: str) -> BudgetRow:
        """One."""
        return (await self._rows((await self._seen(by, budget_id),)))[0]

    async def update(self, by: Actor, budget_id: str, expected: int | None, body: BudgetChange) -> BudgetRow:
        """Change one. `expected`: the version that is to be changed, None for whichever there is."""
        await self._bounds.require(by, (await self._seen(by, budget_id)).on)

        def change(budget: Budget) -> Budget:
            require_own("budget", budget.declared)
            return replace(
                budget,
                picodollars=budget.picodollars if body.amount_usd is UNSET else reading.amount(body.amount_usd),
                hard=budget.hard if body.hard is UNSET else body.hard,
                thresholds=budget.thresholds if body.thresholds is UNSET else reading.thresholds(body.thresholds),
            )

        budget = await self._budgets.change(Budget, budget_id, expected, change)
        await self._blueprint.on_change()
        return (await self._rows((budget,)))[0]

    async def delete(self, by: Actor, budget_id: str, expected: int | None) -> None:
        """Forget one. What was spent stays in the ledger."""
        await self._bounds.require(by, (await self._seen(by, budget_id)).on)
        await self._budgets.remove(Budget, budget_id, expected, lambda budget: require_own("budget", budget.declared))
        await self._blueprint.on_change()

    async def _seen(self, by: Actor, budget_id: str) -> Budget:
        """The budget, if they may see it."""
        budget = await self._budgets.one(Budget, budget_id)
        if budget is None or not await self._bounds.may(by, "budgets.read", budget.on):
            raise ChangeRefusedError("not_found", f"there is no budget {budget_id!r}")
        return budget

    async def _rows(self, budgets: Sequence[Budget]) -> list[BudgetRow]:
        standing = await self._blueprint.standings.current(budgets, self._blueprint.now_s())
        return [budget_row(budget, standing[budget.id]) for budget in budgets]
