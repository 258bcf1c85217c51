"""How the sealed store is opened: the database's rows, and the keys that encrypt keys."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from keywright.core.clock import Clock
from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.house.shelf import BareShelf, LoopShelf
from keywright.store.database import Database
from keywright.store.sealed import SealedSecrets
from keywright.vault.backend import Backend
from keywright.vault.backends.sealed import SealedBackend
from keywright.vault.kek import Kek
from keywright.vault.keks.inventory import open_kek
from keywright.vault.settings import StoreSettings
from keywright.vault.stores import SealedOpener

TENANT: Final = "organisation"
"""Whose secrets they are: a gateway has one organisation."""


def sealed_opener(
    database: Database, secrets: Mapping[str, StoreSettings], environment: Mapping[str, str], clock: Clock
) -> SealedOpener:
    """Opens the sealed store of `database`, which belongs to the running event loop. `secrets`: how a key management
    service is reached.
    """
    loop = asyncio.get_running_loop()

    def opened(settings: StoreSettings, resolve: Callable[[str], Secret]) -> Backend:
        keks = _keks(settings, secrets, environment, resolve)
        return SealedBackend(LoopShelf(SealedSecrets(database), loop, clock, settings.timeout_s), keks, TENANT)

    return opened


def bare_opener(secrets: Mapping[str, StoreSettings], environment: Mapping[str, str], trouble: str) -> SealedOpener:
    """Opens the sealed store where there is no database: nothing is in it. `trouble`: why it cannot be opened, where
    there may be one.
    """

    def opened(settings: StoreSettings, resolve: Callable[[str], Secret]) -> Backend:
        if trouble:
            raise SecretError(trouble)
        return SealedBackend(BareShelf(), _keks(settings, secrets, environment, resolve), TENANT)

    return opened


def _keks(
    settings: StoreSettings,
    secrets: Mapping[str, StoreSettings],
    environment: Mapping[str, str],
    resolve: Callable[[str], Secret],
) -> list[Kek]:
    if not settings.kek:
        raise SecretError('the sealed store needs [secrets.sealed] with kek, as kek = "file:/etc/keywright/kek"')
    return [open_kek(text, secrets, environment, resolve) for text in settings.kek]
