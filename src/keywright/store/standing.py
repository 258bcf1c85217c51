"""How budgets stand in their current periods: spent, reserved, and which thresholds they have passed."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, select

from keywright.core.budget import Budget, Period, period, rolling_s
from keywright.store.database import Database
from keywright.store.escrow import EscrowRows
from keywright.store.schema import BUDGET_WARNINGS

IDS_PER_QUERY = 400


class BudgetStanding(Struct, frozen=True):
    """One budget in its period, in picodollars. `warned`: thresholds (of a hundred) and when each was passed."""

    period: Period
    spent: int
    reserved: int
    warned: tuple[tuple[int, int], ...]


class Standings:
    """Reads the accounts of one database."""

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._accounts = EscrowRows(database)

    async def standing(self, budgets: Sequence[Budget], now_s: int) -> Mapping[str, BudgetStanding]:
        """How each of `budgets` stands at `now_s`, by its id. Raises StoreError."""
        accounts = {budget.id: account_of(budget, now_s) for budget in budgets}
        sums = await self._accounts.standing(tuple(accounts.values()), now_s)
        warned = await self._read(lambda connection: _warned(connection, tuple(accounts.values())))
        return {
            budget.id: BudgetStanding(
                period=_period(budget, now_s),
                spent=sums[accounts[budget.id]].settled,
                reserved=sums[accounts[budget.id]].granted,
                warned=warned.get(accounts[budget.id], ()),
            )
            for budget in budgets
        }


def account_of(budget: Budget, now_s: int) -> str:
    """The account in which a call that starts at `now_s` counts for `budget`."""
    seconds = rolling_s(budget.window)
    return f"{budget.id}@+{seconds}" if seconds is not None else f"{budget.id}@{period(budget.window, now_s).start_s}"


def _period(budget: Budget, now_s: int) -> Period:
    seconds = rolling_s(budget.window)
    return period(budget.window, now_s) if seconds is None else Period(now_s - seconds, now_s)


def _warned(connection: Connection, accounts: Sequence[str]) -> dict[str, tuple[tuple[int, int], ...]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for at in range(0, len(accounts), IDS_PER_QUERY):
        some = accounts[at : at + IDS_PER_QUERY]
        query = select(BUDGET_WARNINGS).where(BUDGET_WARNINGS.c.account_id.in_(some))
        for row in connection.execute(query.order_by(BUDGET_WARNINGS.c.threshold)):
            found.setdefault(row.account_id, []).append((row.threshold, row.at_s))
    return {account: tuple(warnings) for account, warnings in found.items()}
