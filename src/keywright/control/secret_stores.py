"""What the administration API needs of the stores of secrets: whoever has them implements it."""

from collections.abc import Sequence
from typing import Protocol

from keywright.control.resources import SecretMarkRow, SecretRow, SecretStoreRow
from keywright.core.secret import Secret


class SecretStores(Protocol):
    """The secrets of one gateway, as far as they may be administered from another machine.

    Every method is bounded in time. They raise ChangeRefusedError for what is no reference, or none that may be asked
    for from another machine; SecretError for what stands in the way in a store. Neither tells a value.
    """

    async def check(self, references: Sequence[str]) -> Sequence[SecretRow]:
        """Those secrets, else all that the configuration names, each read now: which can be had, and why not."""
        ...

    async def stores(self) -> Sequence[SecretStoreRow]:
        """The stores that the configuration has a table for, or names a secret in."""
        ...

    async def names(self, store: str) -> Sequence[str]:
        """The references of what is in a store, without reading any."""
        ...

    async def mark(self, reference: str) -> SecretMarkRow:
        """Which secret is there."""
        ...

    async def put(self, reference: str, secret: Secret) -> SecretMarkRow:
        """Let `secret` be there."""
        ...
