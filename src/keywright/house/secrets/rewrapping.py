"""The change of a sealed store to the first key of its `kek`: `vault/sealed/rewrap.py`, on the store of a house."""

import asyncio
from collections.abc import Callable
from secrets import token_bytes
from typing import Final

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.house.blueprint import DOTENV, Blueprint
from keywright.house.stores.sealing import tenant_of
from keywright.house.stores.shelf import LoopShelf
from keywright.store.database import Database
from keywright.store.sealed import SealedSecrets
from keywright.vault.keks.inventory import open_kek
from keywright.vault.sealed.rewrap import BATCH_ROWS, Rewrapped, rewrap
from keywright.vault.sealed.ring import Ring
from keywright.vault.stores import kinds_of
from keywright.vault.vault import local_vault

SHELF_S: Final = 30.0
"""How long the database may take for one batch: gateways write beside it."""

FAR_BATCH_ROWS: Final = 25
"""Of a batch whose keys a service has: each row is two questions to it, and a batch that is ended is done again."""

_HERE: Final = ("file:", "keyring:")
"""How keys are written that are on this machine."""


class KekRow(Struct, frozen=True):
    """A key encryption key and how many rows are under it. `reference`: as `kek` writes it, "" where it does not have
    it. `id`: "" where it cannot be asked, for the reason `why`.
    """

    reference: str
    id: str
    rows: int
    why: str = ""


def sealed_store(blueprint: Blueprint, wanted: str | None) -> str:
    """The sealed store that is `wanted`, or the only one that there is.

    Raises:
        SecretError: there is no such store, or it is not known which.
    """
    secrets = blueprint.config.secrets
    kinds = kinds_of(secrets)
    sealed = [name for name in secrets if kinds[name] == "sealed"]
    if not sealed:
        raise SecretError('the configuration has no sealed store: write [secrets.sealed] with kek = "file:/path"')
    if wanted is None and len(sealed) > 1:
        raise SecretError(f"there are several sealed stores, name one: {', '.join(sealed)}")
    if wanted is not None and wanted not in sealed:
        raise SecretError(f"there is no such sealed store; there are {', '.join(sealed)}")
    return wanted or sealed[0]


class SealedStore:
    """The sealed store `name` in `database`, which belongs to the running event loop. Its methods block: call them off
    it.
    """

    def __init__(self, name: str, blueprint: Blueprint, database: Database) -> None:
        secrets = blueprint.config.secrets
        resolve = local_vault(blueprint.environment, blueprint.base / DOTENV).resolve
        loop = asyncio.get_running_loop()
        self._tenant = tenant_of(name)
        self._references = secrets[name].kek
        self._keks = [open_kek(text, secrets, blueprint.environment, resolve) for text in self._references]
        self._shelf = LoopShelf(SealedSecrets(database), loop, blueprint.clock, SHELF_S)

    def rewrap(self, progress: Callable[[int, int], None]) -> Rewrapped:
        """As of `vault.sealed.rewrap.rewrap`."""
        are_here = all(text.startswith(_HERE) for text in self._references)
        ring = Ring(self._keks, self._shelf, self._tenant, token_bytes)
        return rewrap(self._shelf, ring, self._tenant, progress, BATCH_ROWS if are_here else FAR_BATCH_ROWS)

    def keks(self) -> tuple[KekRow, ...]:
        """Its keys, in their order, and then those that are not configured and have rows all the same.

        Raises:
            SecretError: the database cannot be asked.
        """
        uses = dict(self._shelf.kek_uses(self._tenant))
        rows = []
        for text, kek in zip(self._references, self._keks, strict=True):
            try:
                rows.append(KekRow(text, kek.id, uses.pop(kek.id, 0)))
            except SecretError as error:
                rows.append(KekRow(text, "", 0, str(error)))
        return (*rows, *(KekRow("", kek_id, count) for kek_id, count in sorted(uses.items())))
