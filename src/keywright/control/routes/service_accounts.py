"""`/api/v1/service-accounts`."""

from litestar import Controller, Response, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from keywright.control.http import ADesk, AnActor, APart, IfMatch, expected, single
from keywright.control.resources import Page, ServiceAccountBody, ServiceAccountChange, ServiceAccountRow


class ServiceAccountRoutes(Controller):
    """Service accounts."""

    path = "/service-accounts"
    tags = ("service-accounts",)

    @post()
    async def create(
        self, actor: AnActor, desk: ADesk, data: JSONBody[ServiceAccountBody]
    ) -> Response[ServiceAccountRow]:
        """Make a service account."""
        return single(await desk.service_accounts.create(actor, data), 201)

    @get()
    async def page(
        self,
        actor: AnActor,
        desk: ADesk,
        part: APart,
        project: FromQuery[str | None] = None,
    ) -> Page[ServiceAccountRow]:
        """List service accounts, by name."""
        return await desk.service_accounts.page(actor, part, project)

    @get("/{name:str}")
    async def show(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> Response[ServiceAccountRow]:
        """One service account."""
        return single(await desk.service_accounts.get(actor, name))

    @patch("/{name:str}")
    async def update(
        self,
        actor: AnActor,
        desk: ADesk,
        name: FromPath[str],
        data: JSONBody[ServiceAccountChange],
        if_match: IfMatch = None,
    ) -> Response[ServiceAccountRow]:
        """Change a service account."""
        return single(await desk.service_accounts.update(actor, name, expected(if_match), data))

    @post("/{name:str}/disable", status_code=200)
    async def disable(
        self, actor: AnActor, desk: ADesk, name: FromPath[str], if_match: IfMatch = None
    ) -> Response[ServiceAccountRow]:
        """Refuse the service account's keys from now on."""
        return single(await desk.service_accounts.disable(actor, name, expected(if_match), disabled=True))

    @post("/{name:str}/enable", status_code=200)
    async def enable(
        self, actor: AnActor, desk: ADesk, name: FromPath[str], if_match: IfMatch = None
    ) -> Response[ServiceAccountRow]:
        """Accept the service account's keys again."""
        return single(await desk.service_accounts.disable(actor, name, expected(if_match), disabled=False))
