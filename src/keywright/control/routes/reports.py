"""`/api/v1/reports/…` and `/api/v1/budgets/{id}/burn-down`."""

from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery

from keywright.control.http import ADesk, AnActor, single
from keywright.control.resources import BurnDownRow, CredentialUsesRow, GrowthTable
from keywright.store.usage import Dimension

TOP = 10


class ReportRoutes(Controller):
    """What the ledger says beyond sums."""

    path = "/"
    tags = ("reports",)

    @get("/reports/growth")
    async def growth(
        self,
        actor: AnActor,
        desk: ADesk,
        by: FromQuery[Dimension] = "model",
        top: FromQuery[int] = TOP,
        project: FromQuery[str | None] = None,
    ) -> Response[GrowthTable]:
        """Whose cost grew most against the week before."""
        return single(await desk.reports.growth(actor, by, top, project))

    @get("/reports/credentials/{fingerprint:str}")
    async def credential(
        self,
        actor: AnActor,
        desk: ADesk,
        fingerprint: FromPath[str],
        since: FromQuery[str | None] = None,
    ) -> Response[CredentialUsesRow]:
        """Who used a provider's credential, and from where; of the last 30 days, unless `since` says otherwise."""
        return single(await desk.reports.credential(actor, fingerprint, since))

    @get("/budgets/{budget_id:str}/burn-down")
    async def burn_down(self, actor: AnActor, desk: ADesk, budget_id: FromPath[str]) -> Response[BurnDownRow]:
        """How a budget is being used up, and when nothing will be left."""
        return single(await desk.reports.burn_down(actor, budget_id))
