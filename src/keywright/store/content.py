"""What a gateway keeps in memory, read at one moment: all that is small, and the keys that changed."""

from msgspec import Struct
from sqlalchemy import Connection

from keywright.core.budget import Budget, Limit
from keywright.core.identity import Key, Realm
from keywright.store.budgets import select_all
from keywright.store.database import Database
from keywright.store.keys import select_changed, select_version, when_changed
from keywright.store.price_lists import counting_digest
from keywright.store.realm_rows import select_realm


class Content(Struct, frozen=True):
    """`version`: the counter of changes, the last of them at `changed_us` (Unix microseconds, by the database's clock,
    0 if there was none); `keys`: those made or changed since the version that was asked for; `prices`: the digest of
    the price list that counts, "" for none.
    """

    version: int
    changed_us: int
    prices: str
    keys: tuple[Key, ...]
    realm: Realm
    budgets: tuple[Budget, ...]
    limits: tuple[Limit, ...]


async def read_content(database: Database, since: int) -> Content:
    """The content now; keys as far as they changed after the version `since` (-1: all).

    Raises:
        StoreError: the database cannot be read.
    """
    return await database.read(lambda connection: _content(connection, since))


def _content(connection: Connection, since: int) -> Content:
    return Content(
        version=select_version(connection),
        changed_us=when_changed(connection),
        prices=counting_digest(connection),
        keys=select_changed(connection, since),
        realm=select_realm(connection),
        budgets=select_all(connection, Budget),
        limits=select_all(connection, Limit),
    )
