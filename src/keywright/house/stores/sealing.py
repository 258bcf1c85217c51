"""How the sealed store is opened: the database's rows, and the keys that encrypt keys."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from keywright.core.clock import Clock
from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.house.stores.shelf import BareShelf, LoopShelf
from keywright.store.database import Database
from keywright.store.sealed import SealedSecrets
from keywright.vault.backend import Backend
from keywright.vault.backends.sealed import SealedBackend
from keywright.vault.kek import Kek
from keywright.vault.keks.inventory import open_kek
from keywright.vault.settings import StoreSettings
from keywright.vault.stores import SealedOpener

ORGANISATION: Final = "organisation"
"""Whose secrets they are: a gateway has one organisation."""

PLAIN: Final = "sealed"
"""The store that there is without a table."""


def tenant_of(store: str) -> str:
    """The tenant whose rows the sealed store of that name has. Two stores in one database share none, and what was
    sealed for one opens in no other.
    """
    return ORGANISATION if store == PLAIN else f"{ORGANISATION}/{store}"


def sealed_opener(
    database: Database, secrets: Mapping[str, StoreSettings], environment: Mapping[str, str], clock: Clock
) -> SealedOpener:
    """Opens the sealed stores of `database`, which belongs to the running event loop. `secrets`: how a key management
    service is reached.
    """
    loop = asyncio.get_running_loop()

    def opened(name: str, settings: StoreSettings, resolve: Callable[[str], Secret]) -> Backend:
        keks = _keks(name, settings, secrets, environment, resolve)
        shelf = LoopShelf(SealedSecrets(database), loop, clock, settings.timeout_s)
        return SealedBackend(shelf, keks, tenant_of(name))

    return opened


def bare_opener(secrets: Mapping[str, StoreSettings], environment: Mapping[str, str], trouble: str) -> SealedOpener:
    """Opens sealed stores where there is no database: nothing is in them. `trouble`: why it cannot be opened, where
    there may be one.
    """

    def opened(name: str, settings: StoreSettings, resolve: Callable[[str], Secret]) -> Backend:
        if trouble:
            raise SecretError(trouble)
        return SealedBackend(BareShelf(), _keks(name, settings, secrets, environment, resolve), tenant_of(name))

    return opened


def _keks(
    name: str,
    settings: StoreSettings,
    secrets: Mapping[str, StoreSettings],
    environment: Mapping[str, str],
    resolve: Callable[[str], Secret],
) -> list[Kek]:
    if not settings.kek:
        raise SecretError(f'the sealed store needs [secrets.{name}] with kek, as kek = "file:/etc/keywright/kek"')
    return [open_kek(text, secrets, environment, resolve) for text in settings.kek]
