"""How providers' keys are replaced: begun and turned back here, done by whichever process comes to it."""

from typing import Final

from msgspec import Struct

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.desks.credentials import custodian
from keywright.control.paging import Part, page
from keywright.control.resources import NewKeyBody, Page, ReplacementBody, ReplacementRow, ReplacementSummary
from keywright.control.rows import replacement_row, replacement_summary
from keywright.core.errors import ChangeRefusedError
from keywright.core.rotation import RotationState
from keywright.store.rotations import Rotations

SECONDS_DIGITS_MAX: Final = 18


class ReplacementFilter(Struct, frozen=True):
    """Which to list; None: whichever."""

    credential: str | None = None
    state: RotationState | None = None


class Replacements:
    """The rotations of providers' keys of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._rotations = Rotations(blueprint.store.database)
        self._blueprint = blueprint

    async def create(self, by: Actor, body: ReplacementBody) -> ReplacementRow:
        """Begin one."""
        by.require("credentials.change")
        reason = reading.title(body.reason, "reason")
        return replacement_row(await custodian(self._blueprint).begin(body.credential, by.name, reason))

    async def page(self, by: Actor, part: Part, which: ReplacementFilter) -> Page[ReplacementSummary]:
        """All of them, the newest first."""
        by.require("credentials.read")
        found = await self._rotations.page(part.wanted, _before(part.after), which.credential or "", which.state)
        return page(found, part, replacement_summary, lambda one: f"{one.began_s}-{one.id}")

    async def get(self, by: Actor, rotation_id: str) -> ReplacementRow:
        """One."""
        by.require("credentials.read")
        found = await self._rotations.get(rotation_id)
        if found is None:
            raise ChangeRefusedError("not_found", f"there is no rotation {rotation_id!r}")
        return replacement_row(found)

    async def supply(self, by: Actor, rotation_id: str, body: NewKeyBody) -> ReplacementRow:
        """Go on with the key that they have made."""
        by.require("credentials.change")
        return replacement_row(await custodian(self._blueprint).supply(rotation_id, body.key, by.name))

    async def roll_back(self, by: Actor, rotation_id: str) -> ReplacementRow:
        """Let the old key stay."""
        by.require("credentials.change")
        return replacement_row(await custodian(self._blueprint).roll_back(rotation_id, by.name))

    async def insist(self, by: Actor, rotation_id: str) -> ReplacementRow:
        """Let the old key end, though somebody who is not known still uses it."""
        by.require("credentials.change")
        return replacement_row(await custodian(self._blueprint).insist(rotation_id, by.name))


def _before(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    began, _, rotation_id = cursor.partition("-")
    if not (began.isascii() and began.isdigit() and len(began) <= SECONDS_DIGITS_MAX and rotation_id):
        raise ChangeRefusedError("invalid", f"{cursor!r} is no place in this list", "after")
    return int(began), rotation_id
