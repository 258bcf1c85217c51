"""`/api/v1/rotations`: of providers' keys.

A new key comes in a PUT, and in no POST: of a POST with an `Idempotency-Key` the door keeps a digest of the whole body
for a day. A PUT that comes again needs none.
"""

from typing import Annotated

from litestar import Controller, Response, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from keywright.control.desks.replacements import ReplacementFilter
from keywright.control.http import ADesk, AnActor, APart, single
from keywright.control.resources import NewKeyBody, Page, ReplacementBody, ReplacementRow, ReplacementSummary
from keywright.core.rotation import RotationState


def replacement_filter(
    credential: FromQuery[str | None] = None,
    in_state: Annotated[RotationState | None, QueryParameter(name="state")] = None,
) -> ReplacementFilter:
    """Which rotations to list: a dependency."""
    return ReplacementFilter(credential=credential, state=in_state)


class ReplacementRoutes(Controller):
    """How providers' keys are replaced."""

    path = "/rotations"
    tags = ("rotations",)

    @post()
    async def create(self, actor: AnActor, desk: ADesk, data: JSONBody[ReplacementBody]) -> Response[ReplacementRow]:
        """Begin to replace a credential's key. The gateway goes on with it: ask for it again to see how it stands."""
        return single(await desk.replacements.create(actor, data), 201)

    @get(dependencies={"which": Provide(replacement_filter, sync_to_thread=False)})
    async def page(
        self, actor: AnActor, desk: ADesk, part: APart, which: NamedDependency[ReplacementFilter]
    ) -> Page[ReplacementSummary]:
        """List rotations, the newest first."""
        return await desk.replacements.page(actor, part, which)

    @get("/{rotation_id:str}")
    async def show(self, actor: AnActor, desk: ADesk, rotation_id: FromPath[str]) -> Response[ReplacementRow]:
        """One rotation, with all that has happened."""
        return single(await desk.replacements.get(actor, rotation_id))

    @put("/{rotation_id:str}/key")
    async def supply(
        self, actor: AnActor, desk: ADesk, rotation_id: FromPath[str], data: JSONBody[NewKeyBody]
    ) -> Response[ReplacementRow]:
        """Give the key that a person has made. It is tried first; nothing of it is kept but in its store."""
        return single(await desk.replacements.supply(actor, rotation_id, data))

    @post("/{rotation_id:str}/roll-back", status_code=200)
    async def roll_back(self, actor: AnActor, desk: ADesk, rotation_id: FromPath[str]) -> Response[ReplacementRow]:
        """Let the old key stay, and the new one end. Possible until the old one is being deleted."""
        return single(await desk.replacements.roll_back(actor, rotation_id))

    @post("/{rotation_id:str}/insist", status_code=200)
    async def insist(self, actor: AnActor, desk: ADesk, rotation_id: FromPath[str]) -> Response[ReplacementRow]:
        """Wait no longer for who is not known to use the new key: the old one ends all the same."""
        return single(await desk.replacements.insist(actor, rotation_id))
