"""Who there is besides keys: projects, users, service accounts, members.

Every change is one transaction that counts itself first. The counter's row is locked from then on, on every database,
so changes come one after the other and what a change has looked at holds when it is written.

What becomes of a noun is a function from what is there to what shall be: it is called within the transaction, and
refuses by raising.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from keywright.core.budget import Budget, Limit
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import Member, Project, Realm, Role, ServiceAccount, User
from keywright.store import realm_rows as rows
from keywright.store.database import Database
from keywright.store.keys import count_change
from keywright.store.owners import require_owner

NounT = TypeVar("NounT", Project, User, ServiceAccount)
Change: TypeAlias = Callable[[NounT], NounT]


class Standing(Struct, frozen=True):
    """What a user may do: the role on the organisation, and those on projects, by name."""

    user: User
    roles: dict[str, Role]


class Realms:
    """The realm in one database. Every method raises StoreError when it cannot.

    `expected`: the version that a change is to be made of; None for whichever there is. A change of what is not there
    raises ChangeRefusedError not_found, of another version stale.
    """

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write

    async def realm(self) -> Realm:
        """Everybody."""
        return await self._read(rows.select_realm)

    async def organisation(self) -> str:
        """The organisation's name."""
        return await self._read(rows.select_organisation)

    async def name_organisation(self, name: str) -> None:
        """Give the organisation a name."""

        def put(connection: Connection) -> None:
            count_change(connection)
            rows.put_organisation(connection, name)

        await self._write(put)

    async def one(self, kind: type[NounT], name: str) -> NounT | None:
        """The project, user or service account by that name."""
        return await self._read(lambda connection: rows.select_one(connection, kind, name))

    async def page(
        self, kind: type[NounT], after: str, limit: int, names: Iterable[str] | None = None
    ) -> tuple[NounT, ...]:
        """Up to `limit` behind `after` by name, of `names` only unless that is None."""
        return tuple(await self._read(lambda connection: rows.select_page(connection, kind, after, limit, names)))

    async def service_accounts(
        self, after: str, limit: int, projects: frozenset[str] | None
    ) -> tuple[ServiceAccount, ...]:
        """Up to `limit` behind `after` by name, of these projects only unless that is None."""

        def select(connection: Connection) -> tuple[ServiceAccount, ...]:
            found: list[ServiceAccount] = []
            last = after
            while batch := rows.select_page(connection, ServiceAccount, last, limit, None):
                last = batch[-1].name
                found += [account for account in batch if projects is None or account.project in projects]
                if len(found) >= limit or len(batch) < limit:
                    break
            return tuple(found[:limit])

        return await self._read(select)

    async def add(self, noun: Project | User | ServiceAccount) -> None:
        """Keep a new one.

        Raises:
            ChangeRefusedError: conflict, its name is taken; not_found, its project is not there.
        """

        def insert(connection: Connection) -> None:
            count_change(connection)
            if isinstance(noun, ServiceAccount):
                require_open(rows.the(connection, Project, noun.project))
            rows.insert_one(connection, noun)

        await self._write(insert)

    async def change(self, kind: type[NounT], name: str, expected: int | None, change: Change[NounT]) -> NounT:
        """The noun as `change` makes it."""

        def do(connection: Connection) -> NounT:
            count_change(connection)
            return _changed(connection, rows.the(connection, kind, name), expected, change)

        return await self._write(do)

    async def change_user(
        self, name: str, expected: int | None, change: Callable[[Standing], User], now_s: int, *, keep_owner: bool
    ) -> User:
        """The user as `change` makes them of what they may do.

        Raises:
            ChangeRefusedError: conflict, `keep_owner` and no key would act as an owner of the organisation any more.
        """

        def do(connection: Connection) -> User:
            count_change(connection)
            standing = standing_of(connection, rows.the(connection, User, name))
            user = _changed(connection, standing.user, expected, lambda _: change(standing))
            if keep_owner and standing.user.role == "owner":
                require_owner(connection, now_s)
            return user

        return await self._write(do)

    async def standing(self, user: str) -> Standing | None:
        """What a user may do; None: there is none by that name."""

        def select(connection: Connection) -> Standing | None:
            found = rows.select_one(connection, User, user)
            return None if found is None else standing_of(connection, found)

        return await self._read(select)

    async def members(self, *, project: str | None = None, users: Iterable[str] | None = None) -> tuple[Member, ...]:
        """The members of `project`, or of all; of `users` only, where they are given."""
        return tuple(await self._read(lambda c: rows.select_members(c, project=project, users=users)))

    async def put_member(
        self, project: str, user: str, role: Role | None, allow: Callable[[Role | None, Standing], None]
    ) -> None:
        """Give the user that role on the project; None takes it away.

        `allow` is called with the role until now and what the user may do, and raises to refuse.

        Raises:
            ChangeRefusedError: not_found, the project, the user, or the role to take away.
        """

        def put(connection: Connection) -> None:
            count_change(connection)
            rows.the(connection, Project, project)
            standing = standing_of(connection, rows.the(connection, User, user))
            before = standing.roles.get(project)
            allow(before, standing)
            if before is None and role is None:
                raise ChangeRefusedError("not_found", f"{user!r} is no member of the project {project!r}")
            rows.put_member(connection, project, user, role)

        await self._write(put)


def require_version(have: int, expected: int | None) -> None:
    """Nothing, when what is there is what was expected.

    Raises:
        ChangeRefusedError: stale.
    """
    if expected is not None and have != expected:
        raise ChangeRefusedError("stale", f"it has been changed since: it is at version {have}, read it again")


def require_undeclared(noun: Project | Budget | Limit) -> None:
    """Nothing, when it is not the configuration's to say what it is.

    Raises:
        ChangeRefusedError: conflict.
    """
    if noun.declared:
        word = type(noun).__name__.lower()
        raise ChangeRefusedError("conflict", f"this {word} is declared in the gateway's configuration: change it there")


def require_open(project: Project) -> None:
    """Nothing, while the project is not archived.

    Raises:
        ChangeRefusedError: conflict.
    """
    if project.archived_s is not None:
        raise ChangeRefusedError("conflict", f"the project {project.name!r} is archived", "project")


def _changed(connection: Connection, noun: NounT, expected: int | None, change: Change[NounT]) -> NounT:
    if isinstance(noun, Project):
        require_undeclared(noun)
    require_version(noun.version, expected)
    changed = change(noun)
    if changed == noun:
        return noun
    changed = replace(changed, version=noun.version + 1)
    rows.replace_one(connection, changed)
    return changed


def standing_of(connection: Connection, user: User) -> Standing:
    """What `user` may do."""
    members = rows.select_members(connection, users=(user.name,))
    return Standing(user, {member.project: member.role for member in members})
