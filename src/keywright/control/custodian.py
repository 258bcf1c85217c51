"""What the administration API needs of whoever has the keys of providers in charge."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from keywright.control.resources import CredentialState, InventoryRow
from keywright.core.rotation import Rotation
from keywright.core.secret import Secret
from keywright.rotation.plan import Plan


class CredentialFilter(Struct, frozen=True):
    """Which credentials to list; None: whichever. `project`: the one whose own they are."""

    provider: str | None = None
    project: str | None = None
    state: CredentialState | None = None
    due: bool | None = None


class Custodian(Protocol):
    """The credentials of one gateway. Each method is bounded in time, and none tells a key.

    Every method raises StoreError when the database cannot be asked; those that name a credential, or a rotation,
    ChangeRefusedError: not_found.
    """

    async def inventory(self, which: CredentialFilter, after: str, limit: int) -> Sequence[InventoryRow]:
        """Up to `limit` credentials, by name, behind the name `after`."""
        ...

    async def row(self, name: str) -> InventoryRow:
        """One credential."""
        ...

    async def turn(self, name: str, by: str, *, disabled: bool) -> None:
        """Let no call use a credential from now on, or let them again."""
        ...

    async def verify(self, name: str) -> None:
        """Ask its provider whether it accepts its key, and write down what it says."""
        ...

    async def plan(self, name: str) -> Plan:
        """What replacing its key would do, and what stands against it."""
        ...

    async def begin(self, name: str, by: str, reason: str) -> Rotation:
        """Begin to replace its key: written down now, done by whichever process comes to it.

        Raises:
            ChangeRefusedError: conflict, something stands against it.
        """
        ...

    async def supply(self, rotation_id: str, key: Secret, by: str) -> Rotation:
        """Go on with the key that a person has made.

        Raises:
            ChangeRefusedError: conflict, none is waited for; invalid, it is no new key, or none that works.
        """
        ...

    async def roll_back(self, rotation_id: str, by: str) -> Rotation:
        """Let the old key stay.

        Raises:
            ChangeRefusedError: conflict, it is too late.
        """
        ...

    async def insist(self, rotation_id: str, by: str) -> Rotation:
        """Let the old key end, though somebody who is not known still uses it.

        Raises:
            ChangeRefusedError: conflict, it has ended.
        """
        ...
