"""The ledger's entries as a list: newest first, by what they have in common."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from keywright.core.entry import Entry, Outcome
from keywright.store.database import Database
from keywright.store.entries import entry_of
from keywright.store.keys import select_where
from keywright.store.schema import ENTRIES, KEYS, USAGE_GROUPS

US_PER_S: Final = 10**6
KEYS_MAX: Final = 10_000
"""Of one user, that are looked for."""


class CallQuery(Struct, frozen=True):
    """Which calls; None: whichever. They started in [since_s, until_s), Unix seconds. `user`: whose keys were used.

    `projects` and `keys`: which may be seen at all: those of these projects (None: of all), and those by these keys.
    """

    since_s: int
    until_s: int
    project: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    credential: str | None = None
    outcome: Outcome | None = None
    of_keys: tuple[str, ...] | None = None
    projects: frozenset[str] | None = None
    keys: tuple[str, ...] = ()


class Before(Struct, frozen=True):
    """Where a list goes on: behind the call with that start (Unix microseconds) and id."""

    started_us: int
    id: str


class Calls:
    """The calls of one database. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database) -> None:
        self._read = database.read

    async def page(self, query: CallQuery, before: Before | None, limit: int) -> tuple[Entry, ...]:
        """Up to `limit` calls by `query`, the newest first, behind `before`."""

        def look(connection: Connection) -> tuple[Entry, ...]:
            chosen = select(ENTRIES).where(*_where(query, before))
            ordered = chosen.order_by(ENTRIES.c.started_us.desc(), ENTRIES.c.id.desc()).limit(limit)
            return tuple(entry_of(row) for row in connection.execute(ordered))

        return await self._read(look)

    async def keys_of(self, user: str) -> tuple[str, ...]:
        """The ids of a user's keys."""
        mine = KEYS.c.owner == f"user:{user}"
        found = await self._read(lambda connection: select_where(connection, mine, limit=KEYS_MAX))
        return tuple(key.id for key in found)


def _where(query: CallQuery, before: Before | None) -> Sequence[ColumnElement[bool]]:
    """By the time and the group only, both of which are in the index: passing over a call costs no look at its row."""
    at = ENTRIES.c.started_us
    until_us = query.until_s * US_PER_S
    if before is not None:
        until_us = min(until_us, before.started_us + 1)  # one bound: SQLite looks up no more than one
    where = [at >= query.since_s * US_PER_S, at < until_us]
    if groups := _groups(query):
        where.append(ENTRIES.c.group_id.in_(select(USAGE_GROUPS.c.id).where(*groups)))
    if before is not None:
        same = and_(at == before.started_us, ENTRIES.c.id < before.id)
        where.append(or_(at < before.started_us, same))
    return where


def _groups(query: CallQuery) -> list[ColumnElement[bool]]:
    columns = USAGE_GROUPS.c
    groups: list[ColumnElement[bool]] = [
        column == wanted
        for column, wanted in (
            (columns.project, query.project),
            (columns.key_id, query.key),
            (columns.served, query.model),
            (columns.provider, query.provider),
            (columns.credential, query.credential),
            (columns.outcome, query.outcome),
        )
        if wanted is not None
    ]
    if query.of_keys is not None:
        groups.append(columns.key_id.in_(query.of_keys))
    if query.projects is not None:
        groups.append(or_(columns.project.in_(sorted(query.projects)), columns.key_id.in_(query.keys)))
    return groups
