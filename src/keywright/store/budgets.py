"""Budgets and limits: rows of `budgets` and `limits`, each as one JSON document under its id.

An amount is kept as a decimal string: a JSON number of picodollars would end at nine million US dollars.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Table, delete, insert, select, update

from keywright.core.budget import Budget, Limit, Subject
from keywright.core.errors import ChangeRefusedError, StoreError
from keywright.core.identity import Project, ServiceAccount, User
from keywright.core.money import from_usd, to_usd
from keywright.store import realm_rows
from keywright.store.database import Database
from keywright.store.keys import count_change, select_key
from keywright.store.realms import require_undeclared, require_version
from keywright.store.schema import BUDGETS, LIMITS

PER_QUERY: Final = 500

BoundT = TypeVar("BoundT", Budget, Limit)


class Budgets:
    """The budgets and limits of one database. Every method raises StoreError when it cannot.

    `expected`: the version that a change is to be made of; None for whichever there is.
    """

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write

    async def all(self, kind: type[BoundT]) -> tuple[BoundT, ...]:
        """Every budget, or every limit."""
        return await self._read(lambda connection: select_all(connection, kind))

    async def page(
        self, kind: type[BoundT], fits: Callable[[BoundT], bool], after: str, limit: int
    ) -> tuple[BoundT, ...]:
        """Up to `limit` that `fits` chooses, behind `after` by id."""

        def select_fitting(connection: Connection) -> tuple[BoundT, ...]:
            found: list[BoundT] = []
            last = after
            while len(found) < limit:
                batch = _batch(connection, kind, last)
                found += [bound for bound in batch if fits(bound)]
                if len(batch) < PER_QUERY:
                    break
                last = batch[-1].id
            return tuple(found[:limit])

        return await self._read(select_fitting)

    async def one(self, kind: type[BoundT], bound_id: str) -> BoundT | None:
        """The one with that id."""
        return await self._read(lambda connection: _one(connection, kind, bound_id))

    async def add(self, bound: Budget | Limit) -> None:
        """Keep a new one.

        Raises:
            ChangeRefusedError: not_found, what it is on is not there.
        """

        def insert_bound(connection: Connection) -> None:
            count_change(connection)
            _require_subject(connection, bound.on)
            table = _table(type(bound))
            connection.execute(insert(table).values(id=bound.id, document=encoded(bound)))

        await self._write(insert_bound)

    async def change(
        self, kind: type[BoundT], bound_id: str, expected: int | None, change: Callable[[BoundT], BoundT]
    ) -> BoundT:
        """The one with that id as `change` makes it.

        Raises:
            ChangeRefusedError: not_found; stale; conflict, the configuration declares it.
        """

        def do(connection: Connection) -> BoundT:
            count_change(connection)
            bound = _the(connection, kind, bound_id)
            require_undeclared(bound)
            require_version(bound.version, expected)
            changed = change(bound)
            if changed == bound:
                return bound
            changed = replace(changed, version=bound.version + 1)
            table = _table(kind)
            connection.execute(update(table).where(table.c.id == bound_id).values(document=encoded(changed)))
            return changed

        return await self._write(do)

    async def remove(
        self, kind: type[BoundT], bound_id: str, expected: int | None, allow: Callable[[BoundT], None]
    ) -> None:
        """Forget the one with that id, if `allow` raises nothing about it. What was spent stays in the ledger.

        Raises:
            ChangeRefusedError: not_found; stale; conflict, the configuration declares it.
        """

        def do(connection: Connection) -> None:
            count_change(connection)
            bound = _the(connection, kind, bound_id)
            allow(bound)
            require_undeclared(bound)
            require_version(bound.version, expected)
            table = _table(kind)
            connection.execute(delete(table).where(table.c.id == bound_id))

        await self._write(do)


def select_all(connection: Connection, kind: type[BoundT]) -> tuple[BoundT, ...]:
    """Every budget, or every limit, by id."""
    table = _table(kind)
    return tuple(_decoded(text, kind) for text in connection.scalars(select(table.c.document).order_by(table.c.id)))


def _batch(connection: Connection, kind: type[BoundT], after: str) -> list[BoundT]:
    table = _table(kind)
    query = select(table.c.document).where(table.c.id > after).order_by(table.c.id).limit(PER_QUERY)
    return [_decoded(text, kind) for text in connection.scalars(query)]


def _one(connection: Connection, kind: type[BoundT], bound_id: str) -> BoundT | None:
    table = _table(kind)
    text = connection.execute(select(table.c.document).where(table.c.id == bound_id)).scalar()
    return None if text is None else _decoded(text, kind)


def _the(connection: Connection, kind: type[BoundT], bound_id: str) -> BoundT:
    bound = _one(connection, kind, bound_id)
    if bound is None:
        raise ChangeRefusedError("not_found", f"there is no {kind.__name__.lower()} {bound_id!r}")
    return bound


def _table(kind: type[Budget | Limit]) -> Table:
    return BUDGETS if kind is Budget else LIMITS


def _require_subject(connection: Connection, on: Subject) -> None:
    """Nothing, when what `on` names is there, or needs not be: models and tags may come later."""
    match on.kind:
        case "project":
            realm_rows.the(connection, Project, on.name)
        case "user":
            realm_rows.the(connection, User, on.name)
        case "service_account":
            realm_rows.the(connection, ServiceAccount, on.name)
        case "key":
            if select_key(connection, on.name) is None:
                raise ChangeRefusedError("not_found", f"there is no key {on.name!r}", "on")
        case _:
            pass


def encoded(bound: Budget | Limit) -> str:
    """A budget or limit as JSON."""
    fields: dict[str, Any] = msgspec.structs.asdict(bound)
    amount = fields.pop("picodollars", None)
    return msgspec.json.encode(fields if amount is None else {**fields, "usd": to_usd(amount)}).decode()


def _decoded(text: str, kind: type[BoundT]) -> BoundT:
    try:
        fields: dict[str, Any] = msgspec.json.decode(text)
        if "usd" in fields:
            fields["picodollars"] = from_usd(fields.pop("usd"))
        return msgspec.convert(fields, kind)
    except ValueError as error:  # msgspec's too
        noun = kind.__name__.lower()
        raise StoreError(f"a {noun} in the database is not one of this version: restore a backup") from error
