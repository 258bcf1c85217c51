"""What providers are called with: the inventory, and which of it calls may use."""

from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.custodian import CredentialFilter, Custodian
from keywright.control.paging import Part, page
from keywright.control.resources import InventoryRow, Page
from keywright.core.errors import ChangeRefusedError
from keywright.rotation.plan import Plan


class Credentials:
    """The credentials of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._blueprint = blueprint

    async def page(self, by: Actor, part: Part, which: CredentialFilter) -> Page[InventoryRow]:
        """All of them, by name."""
        by.require("credentials.read")
        found = await custodian(self._blueprint).inventory(which, part.after, part.wanted)
        return page(found, part, lambda row: row, lambda row: row.name)

    async def get(self, by: Actor, name: str) -> InventoryRow:
        """One."""
        by.require("credentials.read")
        return await custodian(self._blueprint).row(name)

    async def turn(self, by: Actor, name: str, *, disabled: bool) -> InventoryRow:
        """Let no call use it from now on, or let them again."""
        by.require("credentials.change")
        keeper = custodian(self._blueprint)
        await keeper.turn(name, by.name, disabled=disabled)
        await self._blueprint.on_change()
        return await keeper.row(name)

    async def verify(self, by: Actor, name: str) -> InventoryRow:
        """Ask its provider whether it accepts its key."""
        by.require("credentials.change")
        keeper = custodian(self._blueprint)
        await keeper.verify(name)
        return await keeper.row(name)

    async def plan(self, by: Actor, name: str) -> Plan:
        """What replacing its key would do. Nothing is changed."""
        by.require("credentials.read")
        return await custodian(self._blueprint).plan(name)


def custodian(blueprint: ControlBlueprint) -> Custodian:
    """Who has the credentials in charge.

    Raises:
        ChangeRefusedError: not_found, nobody.
    """
    if blueprint.custodian is None:
        raise ChangeRefusedError("not_found", "no gateway is at hand that has credentials of providers")
    return blueprint.custodian
