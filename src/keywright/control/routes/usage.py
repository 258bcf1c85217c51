"""`/api/v1/usage`."""

from typing import Annotated, Literal

from litestar import Controller, Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, HeaderParameter

from keywright.control.desks.usage import BY, UsageFilter, as_csv
from keywright.control.http import ADesk, AnActor
from keywright.control.resources import UsageTable

CSV = "text/csv"


def usage_filter(  # noqa: PLR0913, PLR0917 - one for each parameter of the query
    by: FromQuery[str] = BY,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    project: FromQuery[str | None] = None,
    key: FromQuery[str | None] = None,
    owner: FromQuery[str | None] = None,
    model: FromQuery[str | None] = None,
    provider: FromQuery[str | None] = None,
    requested: FromQuery[str | None] = None,
    credential: FromQuery[str | None] = None,
    outcome: FromQuery[str | None] = None,
    tag: FromQuery[str | None] = None,
    user: FromQuery[str | None] = None,
    unpriced: FromQuery[bool] = False,
) -> UsageFilter:
    """Which calls count, and by what they are added up: a dependency."""
    return UsageFilter(
        by=by,
        since=since,
        until=until,
        project=project,
        key=key,
        owner=owner,
        model=model,
        provider=provider,
        requested=requested,
        credential=credential,
        outcome=outcome,
        tag=tag,
        user=user,
        unpriced=unpriced,
    )


class UsageRoutes(Controller):
    """What was used."""

    path = "/usage"
    tags = ("usage",)

    @get(dependencies={"which": Provide(usage_filter, sync_to_thread=False)})
    async def table(
        self,
        actor: AnActor,
        desk: ADesk,
        which: NamedDependency[UsageFilter],
        format: FromQuery[Literal["json", "csv"] | None] = None,  # noqa: A002 - the parameter's name
        accept: Annotated[str, HeaderParameter(name="accept")] = "",
    ) -> Response[UsageTable | bytes]:
        """What was used, by whatever it is asked by: JSON, or CSV by `format=csv` or `Accept: text/csv`."""
        table = await desk.usage.table(actor, which)
        if format == "csv" or (format is None and CSV in accept):
            return Response(as_csv(table), media_type=CSV)
        return Response(table)
