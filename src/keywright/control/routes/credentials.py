"""`/api/v1/credentials`."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter

from keywright.control.custodian import CredentialFilter
from keywright.control.http import ADesk, AnActor, APart
from keywright.control.resources import CredentialState, InventoryRow, Page
from keywright.rotation.plan import Plan


def credential_filter(
    provider: FromQuery[str | None] = None,
    project: FromQuery[str | None] = None,
    in_state: Annotated[CredentialState | None, QueryParameter(name="state")] = None,
    due: FromQuery[bool | None] = None,
) -> CredentialFilter:
    """Which credentials to list: a dependency."""
    return CredentialFilter(provider=provider, project=project, state=in_state, due=due)


class CredentialRoutes(Controller):
    """What providers are called with."""

    path = "/credentials"
    tags = ("credentials",)

    @get(dependencies={"which": Provide(credential_filter, sync_to_thread=False)})
    async def page(
        self, actor: AnActor, desk: ADesk, part: APart, which: NamedDependency[CredentialFilter]
    ) -> Page[InventoryRow]:
        """List the credentials, by name. `due`: those whose keys are to be replaced now, or all but these."""
        return await desk.credentials.page(actor, part, which)

    @get("/{name:str}")
    async def show(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> InventoryRow:
        """One credential. A slash in its name is written `%2F`."""
        return await desk.credentials.get(actor, name)

    @post("/{name:str}/disable", status_code=200)
    async def disable(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> InventoryRow:
        """Let no call use a credential from now on."""
        return await desk.credentials.turn(actor, name, disabled=True)

    @post("/{name:str}/enable", status_code=200)
    async def enable(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> InventoryRow:
        """Let calls use a credential again."""
        return await desk.credentials.turn(actor, name, disabled=False)

    @post("/{name:str}/verify", status_code=200)
    async def verify(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> InventoryRow:
        """Ask a credential's provider whether it accepts its key, by a call that costs nothing."""
        return await desk.credentials.verify(actor, name)

    @get("/{name:str}/plan")
    async def plan(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> Plan:
        """What replacing a credential's key would do, and what stands against it. Changes nothing."""
        return await desk.credentials.plan(actor, name)
