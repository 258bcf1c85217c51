"""`/api/v1/me` and `/api/v1/organisation`."""

from litestar import Controller, Response, get, patch
from litestar.params import JSONBody

from keywright.control.http import ADesk, AnActor, single
from keywright.control.resources import Me, OrganisationChange, OrganisationRow


class OrganisationRoutes(Controller):
    """The organisation, and who is asking."""

    path = "/"
    tags = ("organisation",)

    @get("/me")
    async def me(self, actor: AnActor, desk: ADesk) -> Response[Me]:
        """Who is asking, and with which roles."""
        return single(await desk.organisation.me(actor))

    @get("/organisation")
    async def show(self, actor: AnActor, desk: ADesk) -> Response[OrganisationRow]:
        """The organisation."""
        return single(await desk.organisation.get(actor))

    @patch("/organisation")
    async def update(
        self, actor: AnActor, desk: ADesk, data: JSONBody[OrganisationChange]
    ) -> Response[OrganisationRow]:
        """Name the organisation."""
        return single(await desk.organisation.update(actor, data))
