"""`/api/v1/secrets…`. A reference has slashes and more: it stands in the query or the body, and in no path."""

from typing import Annotated

from litestar import Controller, Response, get, post, put
from litestar.params import JSONBody, QueryParameter

from keywright.control.http import ADesk, AnActor, APart, single
from keywright.control.resources import (
    SecretBody,
    SecretMarkRow,
    SecretNames,
    SecretQuestion,
    SecretStoreTable,
    SecretTable,
)
from keywright.control.resources.secrets import REFERENCE_CHARACTERS_MAX


class SecretRoutes(Controller):
    """The places where providers' keys are kept."""

    path = "/secrets"
    tags = ("secrets",)

    @put()
    async def put(self, actor: AnActor, desk: ADesk, data: JSONBody[SecretBody]) -> Response[SecretMarkRow]:
        """Let a secret be there. It is in no answer, and nothing of it is kept but in its store."""
        return single(await desk.secrets.put(actor, data))

    @post("/check", status_code=200)
    async def check(self, actor: AnActor, desk: ADesk, data: JSONBody[SecretQuestion]) -> Response[SecretTable]:
        """Read secrets now, and tell which cannot be had, and why."""
        return single(await desk.secrets.check(actor, data))

    @get("/stores")
    async def stores(self, actor: AnActor, desk: ADesk) -> Response[SecretStoreTable]:
        """List the stores, and whether each can be reached."""
        return single(await desk.secrets.stores(actor))

    @get("/names")
    async def names(
        self,
        actor: AnActor,
        desk: ADesk,
        part: APart,
        store: Annotated[str, QueryParameter(max_length=REFERENCE_CHARACTERS_MAX)],
    ) -> Response[SecretNames]:
        """List the references of what is in a store, without reading any."""
        return single(await desk.secrets.names(actor, part, store))

    @get("/fingerprint")
    async def mark(
        self,
        actor: AnActor,
        desk: ADesk,
        reference: Annotated[str, QueryParameter(max_length=REFERENCE_CHARACTERS_MAX)],
    ) -> Response[SecretMarkRow]:
        """Tell which secret is there, without showing it."""
        return single(await desk.secrets.mark(actor, reference))
