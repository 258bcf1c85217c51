"""`/api/v1/models`, `/api/v1/prices` and `/api/v1/providers`."""

from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery

from keywright.control.http import ADesk, AnActor, APart, single
from keywright.control.resources import ModelRow, Page, PriceRow, ProviderRow


class CatalogueRoutes(Controller):
    """What can be called, and what it costs."""

    path = "/"
    tags = ("catalogue",)

    @get("/models")
    async def models(self, actor: AnActor, desk: ADesk, part: APart) -> Page[ModelRow]:
        """List the names that clients may ask for: aliases, then models."""
        return desk.catalogue.models(actor, part)

    @get("/models/{name:str}")
    async def model(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> Response[ModelRow]:
        """One model or alias. A slash in its name is written `%2F`."""
        return single(desk.catalogue.model(actor, name))

    @get("/prices")
    async def prices(
        self,
        actor: AnActor,
        desk: ADesk,
        part: APart,
        model: FromQuery[str | None] = None,
        own: FromQuery[bool] = False,
    ) -> Page[PriceRow]:
        """List what models cost now. `model` is a glob; `own`: the operator's own prices only."""
        return desk.catalogue.prices(actor, part, model, own=own)

    @get("/providers")
    async def providers(self, actor: AnActor, desk: ADesk, part: APart) -> Page[ProviderRow]:
        """List the providers as they are configured."""
        return desk.catalogue.providers(actor, part)

    @get("/providers/{name:str}")
    async def provider(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> Response[ProviderRow]:
        """One provider."""
        return single(desk.catalogue.provider(actor, name))
