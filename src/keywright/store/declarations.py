"""What the configuration declares: projects, budgets and limits that stand in the store as the file has them.

They lie beside those that administrators make, marked as declared. What is no longer in the file goes. A project that
somebody belongs to stays, with the rules it had last, and administrators may change it from then on: a line that is
taken out of a file must not let keys do more.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Delete, Insert, Update, delete, insert, select, update

from keywright.core.budget import Budget, Limit
from keywright.core.identity import DEFAULT_PROJECT, Project
from keywright.store import realm_rows
from keywright.store.budgets import BoundT, encoded, select_all
from keywright.store.database import Database
from keywright.store.keys import count_change
from keywright.store.schema import BUDGETS, KEYS, LIMITS, MEMBERS, PROJECTS

Change: TypeAlias = Insert | Update | Delete


class Declared(Struct, frozen=True):
    """All that a configuration declares, each marked so. When something was made is known to the store alone."""

    projects: tuple[Project, ...] = ()
    budgets: tuple[Budget, ...] = ()
    limits: tuple[Limit, ...] = ()


class Declarations:
    """What is declared in one database. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write

    async def replace(self, declared: Declared) -> bool:
        """Let `declared` be all that is. Returns whether anything has changed by that."""

        def write(connection: Connection) -> bool:
            count_change(connection)  # locks out others' changes, so what is read now stays
            changes = _changes(connection, declared)
            for change in changes:
                connection.execute(change)
            return bool(changes)

        if not await self._read(lambda connection: _changes(connection, declared)):
            return False
        return await self._write(write)


def _changes(connection: Connection, declared: Declared) -> list[Change]:
    """What makes the store say what `declared` does; nothing where it already does."""
    return [
        *_projects(connection, {project.name: project for project in declared.projects}),
        *_bounds(connection, Budget, {budget.id: budget for budget in declared.budgets}),
        *_bounds(connection, Limit, {limit.id: limit for limit in declared.limits}),
    ]


def _projects(connection: Connection, wanted: Mapping[str, Project]) -> Iterator[Change]:
    known = realm_rows.select_realm(connection).projects
    for name, project in wanted.items():
        if name not in known:
            yield insert(PROJECTS).values(name=name, document=realm_rows.encoded(project))
        else:
            yield from _put(known[name], project)
    gone = [project for project in known.values() if project.declared and project.name not in wanted]
    used = _used(connection) if gone else frozenset()
    for project in gone:
        if project.name in used:
            yield from _put(project, replace(project, declared=False))
        else:
            yield delete(PROJECTS).where(PROJECTS.c.name == project.name)


def _put(before: Project, after: Project) -> Iterator[Change]:
    """The change from one to the other, if there is any."""
    same = replace(after, created_s=before.created_s, version=before.version)
    if same != before:
        document = realm_rows.encoded(replace(same, version=before.version + 1))
        yield update(PROJECTS).where(PROJECTS.c.name == before.name).values(document=document)


def _used(connection: Connection) -> frozenset[str]:
    """The projects that somebody belongs to."""
    accounts = realm_rows.select_realm(connection).service_accounts.values()
    return frozenset(
        (
            DEFAULT_PROJECT,
            *connection.scalars(select(KEYS.c.project).distinct()),
            *connection.scalars(select(MEMBERS.c.project).distinct()),
            *(account.project for account in accounts),
        )
    )


def _bounds(connection: Connection, kind: type[BoundT], wanted: Mapping[str, BoundT]) -> Iterator[Change]:
    table = BUDGETS if kind is Budget else LIMITS
    known = {bound.id: bound for bound in select_all(connection, kind) if bound.declared}
    for bound_id, bound in wanted.items():
        before = known.pop(bound_id, None)
        if before is None:
            yield insert(table).values(id=bound_id, document=encoded(bound))
            continue
        same = replace(bound, created_s=before.created_s, version=before.version)
        if same != before:
            document = encoded(replace(same, version=before.version + 1))
            yield update(table).where(table.c.id == bound_id).values(document=document)
    for bound_id in known:
        yield delete(table).where(table.c.id == bound_id)
