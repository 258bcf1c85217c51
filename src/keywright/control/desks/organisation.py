"""The organisation, and who is asking."""

from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.reading import field
from keywright.control.resources import Me, OrganisationChange, OrganisationRow, RoleOn
from keywright.identity.key import label
from keywright.store.realms import Realms


class Organisation:
    """The one that this gateway has."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._realms = Realms(blueprint.store.database)
        self._on_change = blueprint.on_change

    async def me(self, by: Actor) -> Me:
        """Who asks."""
        return Me(
            actor=by.name,
            key=by.key.id,
            user=by.user or None,
            role=by.rights.role,
            projects=tuple(RoleOn(project, role) for project, role in sorted(by.rights.projects.items())),
            organisation=await self._realms.organisation(),
        )

    async def get(self, by: Actor) -> OrganisationRow:
        """The organisation."""
        by.require("organisation.read")
        return OrganisationRow(await self._realms.organisation())

    async def update(self, by: Actor, body: OrganisationChange) -> OrganisationRow:
        """Give it another name."""
        by.require("organisation.change")
        with field("name"):
            label("organisation", body.name)
        await self._realms.name_organisation(body.name)
        await self._on_change()
        return OrganisationRow(body.name)
