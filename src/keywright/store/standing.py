"""How budgets stand in their current periods: spent, reserved, and which thresholds they have passed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert  # PostgreSQL's has the same shape

from keywright.core.budget import Budget, Period, account_of, period, rolling_s
from keywright.store.database import Database
from keywright.store.escrow import EscrowRows
from keywright.store.schema import BUDGET_WARNINGS

IDS_PER_QUERY: Final = 400
SETTLE_S: Final = 1.0
LOOK_S: Final = 0.02
NOBODY: Final = ""
"""Holds nothing, so all who do are asked."""


class BudgetStanding(Struct, frozen=True):
    """One budget in its period, in picodollars. `warned`: thresholds (of a hundred) and when each was passed."""

    period: Period
    spent: int
    reserved: int
    warned: tuple[tuple[int, int], ...]


class Passed(Struct, frozen=True):
    """A budget whose spending has passed one of its thresholds."""

    budget: Budget
    account: str
    threshold: int
    spent: int


class Standings:
    """Reads the accounts of one database."""

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write
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

    async def current(self, budgets: Sequence[Budget], now_s: int) -> Mapping[str, BudgetStanding]:
        """The same, after all processes have brought what they spent and given back what they do not use: what is
        reserved then is what running calls may cost. Waits `SETTLE_S` at most for who does not answer.
        Raises StoreError.
        """
        accounts = [account_of(budget, now_s) for budget in budgets]
        recalls = await self._accounts.recall(accounts, now_s)
        for _ in range(round(SETTLE_S / LOOK_S)):
            if not await self._accounts.unanswered(NOBODY, recalls, now_s):
                break
            await asyncio.sleep(LOOK_S)
        return await self.standing(budgets, now_s)

    async def pass_thresholds(self, budgets: Sequence[Budget], now_s: int) -> Sequence[Passed]:
        """Note which thresholds have been passed. Returns those that nobody had noted before: each is told of once,
        whichever process looks. Raises StoreError.
        """
        standing = await self.standing(budgets, now_s)
        passed = [
            Passed(budget, account_of(budget, now_s), threshold, standing[budget.id].spent)
            for budget in budgets
            for threshold in budget.thresholds
            if standing[budget.id].spent * 100 >= budget.picodollars * threshold
            and threshold not in dict(standing[budget.id].warned)
        ]
        return await self._write(lambda connection: _pass(connection, passed, now_s)) if passed else ()


def _pass(connection: Connection, passed: Sequence[Passed], now_s: int) -> list[Passed]:
    """Those of `passed` that nobody had noted before. All are noted now."""
    return [
        one
        for one in passed
        if connection.execute(
            upsert(BUDGET_WARNINGS)
            .values(account_id=one.account, threshold=one.threshold, at_s=now_s)
            .on_conflict_do_nothing()
        ).rowcount
    ]


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
