"""Every price list that ever counted here: rows of `price_lists`.

The newest that was not withdrawn counts. None is ever deleted or changed, since the ledger's entries name their prices
by a list's date. Lists are few, so all of their dates are read whenever something is decided.
"""

import gzip
from datetime import date
from hashlib import sha256
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, insert, select, update

from keywright.catalog.dating import date_after, order
from keywright.catalog.price import Price
from keywright.catalog.rowid import RowId, constant_price, listed_price, parse
from keywright.catalog.snapshot import Snapshot, decode, encode
from keywright.core.errors import StoreError
from keywright.store.database import Database
from keywright.store.keys import count_change
from keywright.store.schema import PRICE_LISTS

LISTS_MAX: Final = 10_000
_HEADS: Final = select(
    PRICE_LISTS.c.as_of,
    PRICE_LISTS.c.digest,
    PRICE_LISTS.c.source,
    PRICE_LISTS.c.signature,
    PRICE_LISTS.c.applied_s,
    PRICE_LISTS.c.withdrawn_s,
)


class PriceList(Struct, frozen=True):
    """A kept list without its contents. `digest`: SHA-256, in hexadecimal, of the file that it came as; `signature` ""
    for none; times in Unix seconds.
    """

    as_of: str
    digest: str
    source: str
    signature: str
    applied_s: int
    withdrawn_s: int | None = None


class PriceLists:
    """The lists of one database. Every method raises StoreError, as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self) -> Snapshot | None:
        """The list that counts; None when none was ever kept."""
        return await self._database.read(_newest)

    async def adopt(self, file: bytes, now_s: int) -> Snapshot:
        """Keep the release's own list, `file`, unless it is kept already, and return the list that counts.

        One whose date another list has gets the next number of that day.
        """
        digest = sha256(file).hexdigest()
        counting = await self._database.read(lambda connection: _counting_beside(connection, digest))
        if counting is not None:
            return counting
        return await self._database.write(lambda connection: _adopt(connection, file, digest, now_s))

    async def add(self, document: bytes, signature: str, now_s: int) -> PriceList:
        """Keep the list `document` in our own form and let it count, or let it count again after a rollback.

        Raises:
            StoreError: another list of its date is kept, or a newer one counts.
        """
        return await self._database.write(lambda connection: _add(connection, document, signature, now_s))

    async def all(self) -> tuple[PriceList, ...]:
        """All lists, the oldest first."""
        return await self._database.read(_heads)

    async def of(self, as_of: str) -> Snapshot | None:
        """The list of exactly that date, withdrawn or not."""
        return await self._database.read(lambda connection: _snapshot(connection, as_of))

    async def archive(self) -> "Archive":
        """Every list, to look prices up by their ids."""
        query = select(PRICE_LISTS.c.as_of, PRICE_LISTS.c.document).limit(LISTS_MAX)
        return Archive(
            dict(await self._database.read(lambda connection: [(*row,) for row in connection.execute(query)]))
        )

    async def at(self, as_of: str) -> Snapshot | None:
        """The newest list of that date or before that was not withdrawn; None when there is none.

        Raises:
            ValueError: `as_of` is no date of a list.
        """
        limit = order(as_of)
        return await self._database.read(lambda connection: _newest_until(connection, limit))

    async def roll_back(self, now_s: int) -> tuple[PriceList, PriceList]:
        """Withdraw the list that counts. Returns it and the one that counts now.

        Raises:
            StoreError: there is no list before it.
        """
        return await self._database.write(lambda connection: _roll_back(connection, now_s))


class Archive:
    """Prices by their ids, as the lists had them that the ids name. A list is unpacked when one of its prices is asked
    for. `lists`: by their dates, compressed.
    """

    def __init__(self, lists: dict[str, bytes]) -> None:
        self._packed = lists
        self._lists: dict[str, Snapshot | None] = {}
        self._prices: dict[str, Price | None] = {}

    def price(self, id: str) -> Price | None:  # noqa: A002 - the noun's own name for it
        """The price of that id; None when its list is not kept, or has none such.

        Raises:
            StoreError: the list is damaged.
        """
        if id not in self._prices:
            self._prices[id] = constant_price(id) or self._listed(parse(id))
        return self._prices[id]

    def _listed(self, row: RowId | None) -> Price | None:
        if row is None:
            return None
        if row.as_of not in self._lists:
            packed = self._packed.get(row.as_of)
            self._lists[row.as_of] = None if packed is None else _unpacked(packed, row.as_of)
        snapshot = self._lists[row.as_of]
        return None if snapshot is None else listed_price(snapshot, row)


def _heads(connection: Connection) -> tuple[PriceList, ...]:
    rows = connection.execute(_HEADS.limit(LISTS_MAX))
    return tuple(sorted((PriceList(*row) for row in rows), key=lambda head: order(head.as_of)))


def counting_digest(connection: Connection) -> str:
    """The digest of the list that counts; "" when there is none."""
    counting = _counting(connection)
    return counting[-1].digest if counting else ""


def _counting(connection: Connection) -> tuple[PriceList, ...]:
    """The lists that were not withdrawn, the oldest first: the last counts."""
    return tuple(head for head in _heads(connection) if head.withdrawn_s is None)


def _newest(connection: Connection) -> Snapshot | None:
    counting = _counting(connection)
    return _snapshot(connection, counting[-1].as_of) if counting else None


def _newest_until(connection: Connection, limit: tuple[date, int]) -> Snapshot | None:
    until = [head for head in _counting(connection) if order(head.as_of) <= limit]
    return _snapshot(connection, until[-1].as_of) if until else None


def _snapshot(connection: Connection, as_of: str) -> Snapshot | None:
    found = connection.execute(select(PRICE_LISTS.c.document).where(PRICE_LISTS.c.as_of == as_of)).scalar()
    return None if found is None else _unpacked(found, as_of)


def _unpacked(packed: bytes, as_of: str) -> Snapshot:
    try:
        return decode(gzip.decompress(packed))
    except (OSError, EOFError, ValueError) as error:
        raise StoreError(f"the price list of {as_of} in the database is damaged: restore a backup") from error


def _counting_beside(connection: Connection, digest: str) -> Snapshot | None:
    """The list that counts, if one of that digest is kept; None if none is."""
    kept = connection.execute(select(PRICE_LISTS.c.as_of).where(PRICE_LISTS.c.digest == digest)).first()
    return None if kept is None else _newest(connection)


def _adopt(connection: Connection, file: bytes, digest: str, now_s: int) -> Snapshot:
    count_change(connection)  # who else starts at this moment waits here
    counting = _counting_beside(connection, digest)
    if counting is not None:
        return counting
    snapshot = decode(file)
    taken = {head.as_of for head in _heads(connection)}
    while snapshot.as_of in taken:
        snapshot = replace(snapshot, as_of=date_after(order(snapshot.as_of)[0], snapshot.as_of))
    _insert(connection, PriceList(snapshot.as_of, digest, snapshot.source, "", now_s), encode(snapshot))
    return _newest(connection) or snapshot


def _add(connection: Connection, document: bytes, signature: str, now_s: int) -> PriceList:
    count_change(connection)
    snapshot = decode(document)
    head = PriceList(snapshot.as_of, sha256(document).hexdigest(), snapshot.source, signature, now_s)
    heads = _heads(connection)
    counting = [known for known in heads if known.withdrawn_s is None]
    same = next((known for known in heads if known.as_of == head.as_of), None)
    if same is not None and same.digest != head.digest:
        raise StoreError(f"another price list of {head.as_of} is kept already: what entries say of it must stay true")
    if counting and order(counting[-1].as_of) >= order(head.as_of):
        raise StoreError(f"the price list of {counting[-1].as_of} counts, which is not older than {head.as_of}")
    if same is None:
        _insert(connection, head, document)
    else:
        connection.execute(
            update(PRICE_LISTS)
            .where(PRICE_LISTS.c.as_of == head.as_of)
            .values(withdrawn_s=None, applied_s=now_s, signature=signature)
        )
    return head


def _roll_back(connection: Connection, now_s: int) -> tuple[PriceList, PriceList]:
    count_change(connection)
    counting = _counting(connection)
    if len(counting) < 2:
        raise StoreError("there is no price list before the one that counts: nothing to go back to")
    before, last = counting[-2:]
    connection.execute(update(PRICE_LISTS).where(PRICE_LISTS.c.as_of == last.as_of).values(withdrawn_s=now_s))
    return replace(last, withdrawn_s=now_s), before


def _insert(connection: Connection, head: PriceList, document: bytes) -> None:
    packed = gzip.compress(document, mtime=0)
    connection.execute(insert(PRICE_LISTS).values(**asdict(head), document=packed))
