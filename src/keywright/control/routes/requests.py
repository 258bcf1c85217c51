"""`/api/v1/requests`."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery

from keywright.control.desks.requests import RequestFilter
from keywright.control.http import ADesk, AnActor, APart, single
from keywright.control.resources import Page, RequestRow, RequestSummary
from keywright.core.entry import Outcome


def request_filter(  # noqa: PLR0913, PLR0917 - one for each parameter of the query
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    project: FromQuery[str | None] = None,
    key: FromQuery[str | None] = None,
    model: FromQuery[str | None] = None,
    provider: FromQuery[str | None] = None,
    credential: FromQuery[str | None] = None,
    outcome: FromQuery[Outcome | None] = None,
    user: FromQuery[str | None] = None,
) -> RequestFilter:
    """Which calls to list: a dependency."""
    return RequestFilter(
        since=since,
        until=until,
        project=project,
        key=key,
        model=model,
        provider=provider,
        credential=credential,
        outcome=outcome,
        user=user,
    )


class RequestRoutes(Controller):
    """Single calls."""

    path = "/requests"
    tags = ("requests",)

    @get(dependencies={"which": Provide(request_filter, sync_to_thread=False)})
    async def page(
        self,
        actor: AnActor,
        desk: ADesk,
        part: APart,
        which: NamedDependency[RequestFilter],
    ) -> Page[RequestSummary]:
        """List calls, the newest first; of the last day, unless `since` says otherwise."""
        return await desk.requests.page(actor, part, which)

    @get("/{request_id:str}")
    async def show(self, actor: AnActor, desk: ADesk, request_id: FromPath[str]) -> Response[RequestRow]:
        """One call, with all that the ledger knows of it."""
        return single(await desk.requests.get(actor, request_id))
