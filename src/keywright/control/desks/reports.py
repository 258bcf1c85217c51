"""What the ledger says beyond sums: what grew, how budgets burn down, who used a credential."""

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.desks.bounds import Bounds
from keywright.control.resources import (
    BurnDownRow,
    CredentialAddressRow,
    CredentialUseRow,
    CredentialUsesRow,
    ForecastRow,
    GrowthRow,
    GrowthTable,
    SpentRow,
)
from keywright.control.rows import moment, time_of
from keywright.core.budget import Budget
from keywright.core.clock import SECOND_US
from keywright.core.errors import ChangeRefusedError
from keywright.core.money import to_usd
from keywright.store import reports as store
from keywright.store.budgets import Budgets
from keywright.store.burn import BurnDown, Forecast
from keywright.store.credential_uses import CredentialUses
from keywright.store.usage import NO_FILTERS, Dimension, Filters

TOP_MAX = 100
MONTH_S = 30 * 86_400


class Reports:
    """The reports of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._reports = store.Reports(blueprint.store.database)
        self._budgets = Budgets(blueprint.store.database)
        self._bounds = Bounds(blueprint.store.database)
        self._blueprint = blueprint

    async def growth(self, by: Actor, dimension: Dimension, top: int, project: str | None) -> GrowthTable:
        """The `top` values of a dimension whose cost grew most against the week before; of one project, or of all."""
        by.require("calls.read", project)
        if not 0 < top <= TOP_MAX:
            raise ChangeRefusedError("invalid", f"top is a number from 1 to {TOP_MAX}", "top")
        filters = NO_FILTERS if project is None else Filters(project=(project,))
        found = await self._reports.growth(dimension, self._blueprint.now_s(), top, filters)
        rows = tuple(
            GrowthRow(
                name=each.name,
                calls=each.calls,
                calls_before=each.calls_before,
                cost_usd=to_usd(each.picodollars),
                cost_before_usd=to_usd(each.picodollars_before),
            )
            for each in found
        )
        return GrowthTable(by=dimension, rows=rows)

    async def burn_down(self, by: Actor, budget_id: str) -> BurnDownRow:
        """How a budget that they may see is being used up."""
        budget = await self._budgets.one(Budget, budget_id)
        if budget is None or not await self._bounds.may(by, "budgets.read", budget.on):
            raise ChangeRefusedError("not_found", f"there is no budget {budget_id!r}")
        return _burn_down(await self._reports.burn_down(budget, self._blueprint.now_s()))

    async def credential(self, by: Actor, fingerprint: str, since: str | None) -> CredentialUsesRow:
        """Who used the credential with that fingerprint, and from where; of a month, unless `since` says otherwise."""
        by.require("calls.read")
        now_s = self._blueprint.now_s()
        since_s = reading.when_s(since, "since", now_s - MONTH_S, now_s)
        return _uses(fingerprint, since_s, await self._reports.credential_uses(fingerprint, since_s, now_s + 1))


def _burn_down(found: BurnDown) -> BurnDownRow:
    return BurnDownRow(
        budget=found.budget.id,
        on=str(found.budget.on),
        window=found.budget.window,
        limit_usd=to_usd(found.budget.picodollars),
        spent_usd=to_usd(found.spent),
        since=time_of(found.since_s),
        until=moment(found.until_s),
        step_s=found.step_s,
        points=tuple(SpentRow(time_of(start_s), to_usd(picodollars)) for start_s, picodollars in found.points),
        steady=_forecast(found.steady),
        recent=_forecast(found.recent),
    )


def _forecast(found: Forecast) -> ForecastRow:
    return ForecastRow(
        per_hour_usd=to_usd(found.per_hour),
        used_up=moment(found.used_up_s),
        at_end_usd=None if found.at_end is None else to_usd(found.at_end),
    )


def _uses(fingerprint: str, since_s: int, found: CredentialUses) -> CredentialUsesRow:
    return CredentialUsesRow(
        credential=fingerprint,
        since=time_of(since_s),
        uses=tuple(
            CredentialUseRow(
                project=each.project,
                key=each.key,
                owner=each.owner,
                calls=each.calls,
                cost_usd=to_usd(each.cost_picodollars),
                first=time_of(each.first_s),
                last=time_of(each.last_s),
            )
            for each in found.uses
        ),
        addresses=tuple(
            CredentialAddressRow(
                project=each.project,
                key=each.key,
                address=each.address,
                calls=each.calls,
                first=time_of(each.first_us // SECOND_US),
                last=time_of(each.last_us // SECOND_US),
            )
            for each in found.addresses
        ),
        addresses_since=time_of(found.addresses_since_s),
    )
