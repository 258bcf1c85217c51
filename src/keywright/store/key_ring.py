"""Keys as an administrator sees them: with their families and their last use, changed one transaction at a time.

As in `realms.py`, what becomes of a key is a function that is called within the transaction. It is given the key's
family: what it is derived from, what is derived from it, whose it is. So a change of a parent can take its children
along, and nothing that it looked at has changed when it is written.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, and_, or_, select
from sqlalchemy.exc import IntegrityError

from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import Key, KeyKind, Project, ServiceAccount, User
from keywright.store import realm_rows
from keywright.store.database import Database
from keywright.store.keys import count_change, insert_key, owner_of, replace_key, select_key, select_where
from keywright.store.owners import acts_as_owner, require_owner
from keywright.store.realms import Standing, require_open, require_version, standing_of
from keywright.store.schema import KEY_USES, KEYS

GENERATIONS_MAX: Final = 8
IDS_PER_QUERY: Final = 500


class Use(Struct, frozen=True):
    """When a key was last used (Unix microseconds), and from where."""

    last_us: int
    address: str


class KnownKey(Struct, frozen=True):
    """A key and its last use."""

    key: Key
    use: Use | None


class Family(Struct, frozen=True):
    """What is around a key. `line`: what it is derived from, its parent first.

    `descendants`: all that is derived from it and not revoked, parents before children. `owner`: what the user may do
    that it belongs to; None when it belongs to none.
    """

    project: Project | None
    owner: Standing | None
    line: tuple[Key, ...]
    descendants: tuple[Key, ...] = ()

    @property
    def parent(self) -> Key | None:
        """What it is derived from at once."""
        return self.line[0] if self.line else None


class KeyQuery(Struct, frozen=True):
    """Which keys; None or empty: whichever. `owner` is a subject's string.

    `projects` and `user`: whose keys may be seen at all: those of these projects (None: of all) and of that user.
    """

    project: str = ""
    owner: str = ""
    parent: str = ""
    kind: KeyKind | None = None
    projects: frozenset[str] | None = None
    user: str = ""


KeyChange: TypeAlias = Callable[[Key, Family], Sequence[Key]]
"""The key as it shall be, and after it those of its descendants that change with it."""


class KeyRing:
    """The keys of one database. Every method raises StoreError when it cannot.

    `expected`: the version that a change is to be made of; None for whichever there is.
    """

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write

    async def known(self, key_id: str) -> KnownKey | None:
        """The key with that id."""

        def look(connection: Connection) -> KnownKey | None:
            key = select_key(connection, key_id)
            return None if key is None else _known(connection, (key,))[0]

        return await self._read(look)

    async def page(self, query: KeyQuery, fits: Callable[[Key], bool], after: str, limit: int) -> tuple[KnownKey, ...]:
        """Up to `limit` keys by `query` which `fits` chooses, the oldest first, behind the one with the id `after`.

        Raises:
            ChangeRefusedError: invalid, there is no key `after`.
        """
        return await self._read(lambda connection: _page(connection, query, fits, after, limit))

    async def add(self, key: Key, check: Callable[[Family], None]) -> None:
        """Keep a new key, if `check` raises nothing about what is around it.

        Raises:
            ChangeRefusedError: not_found or conflict, its project, owner or parent cannot have it.
        """

        def insert(connection: Connection) -> None:
            count_change(connection)
            require_open(realm_rows.the(connection, Project, key.project))
            _require_owner_of(connection, key)
            check(_family(connection, key))
            try:
                insert_key(connection, key)
            except IntegrityError as error:
                raise ChangeRefusedError("conflict", f"a key with the id {key.id!r} exists already") from error

        await self._write(insert)

    async def change(
        self, key_id: str, expected: int | None, change: KeyChange, now_s: int, *, keep_owner: bool
    ) -> KnownKey:
        """The key as `change` makes it.

        Raises:
            ChangeRefusedError: not_found; stale; conflict, `keep_owner` and no key would act as an owner of the
                organisation any more.
        """

        def do(connection: Connection) -> KnownKey:
            count_change(connection)
            key = select_key(connection, key_id)
            if key is None:
                raise ChangeRefusedError("not_found", f"there is no key {key_id!r}")
            require_version(key.version, expected)
            family = _family(connection, key)
            before = {each.id: each for each in (key, *family.descendants)}
            after = key
            for changed in change(key, family):
                if changed != before[changed.id]:
                    written = replace(changed, version=changed.version + 1)
                    replace_key(connection, written)
                    after = written if changed.id == key_id else after
            user = None if family.owner is None else family.owner.user
            if keep_owner and acts_as_owner(key, user, now_s) and not acts_as_owner(after, user, now_s):
                require_owner(connection, now_s)
            return _known(connection, (after,))[0]

        return await self._write(do)


def _page(
    connection: Connection, query: KeyQuery, fits: Callable[[Key], bool], after: str, limit: int
) -> tuple[KnownKey, ...]:
    where = list(_where(query))
    found: list[Key] = []
    last: Key | None = None
    if after:
        last = select_key(connection, after)
        if last is None:
            raise ChangeRefusedError("invalid", f"there is no key {after!r} to list from", "after")
    while len(found) < limit:
        behind = () if last is None else (_behind(last),)
        batch = select_where(connection, *where, *behind, limit=limit)
        found += [key for key in batch if fits(key) and (query.kind is None or key.kind == query.kind)]
        if len(batch) < limit:
            break
        last = batch[-1]
    return tuple(_known(connection, found[:limit]))


def _where(query: KeyQuery) -> Sequence[ColumnElement[bool]]:
    chosen = [
        column == wanted
        for column, wanted in (
            (KEYS.c.project, query.project),
            (KEYS.c.owner, query.owner),
            (KEYS.c.parent, query.parent),
        )
        if wanted
    ]
    if query.projects is not None:
        seen = KEYS.c.project.in_(sorted(query.projects))
        chosen.append(or_(seen, KEYS.c.owner == f"user:{query.user}") if query.user else seen)
    return chosen


def _behind(last: Key) -> ColumnElement[bool]:
    same = and_(KEYS.c.created_s == last.created_s, KEYS.c.id > last.id)
    return or_(KEYS.c.created_s > last.created_s, same)


def _known(connection: Connection, keys: Sequence[Key]) -> list[KnownKey]:
    uses: dict[str, Use] = {}
    for at in range(0, len(keys), IDS_PER_QUERY):
        ids = [key.id for key in keys[at : at + IDS_PER_QUERY]]
        for row in connection.execute(select(KEY_USES).where(KEY_USES.c.key_id.in_(ids))):
            uses[row.key_id] = Use(row.last_us, row.address)
    return [KnownKey(key, uses.get(key.id)) for key in keys]


def _family(connection: Connection, key: Key) -> Family:
    user = realm_rows.select_one(connection, User, key.owner) if key.owner and key.owner_kind == "user" else None
    return Family(
        project=realm_rows.select_one(connection, Project, key.project),
        owner=None if user is None else standing_of(connection, user),
        line=_line(connection, key),
        descendants=_descendants(connection, key.id),
    )


def _descendants(connection: Connection, key_id: str) -> tuple[Key, ...]:
    found: list[Key] = []
    parents = [key_id]
    while parents:
        children: list[Key] = []
        for at in range(0, len(parents), IDS_PER_QUERY):
            some = parents[at : at + IDS_PER_QUERY]
            children += select_where(connection, KEYS.c.parent.in_(some), KEYS.c.revoked_s.is_(None))
        found += children
        parents = [child.id for child in children]
    return tuple(found)


def _line(connection: Connection, key: Key) -> tuple[Key, ...]:
    """What `key` is derived from, its parent first.

    Raises:
        ChangeRefusedError: conflict, over too many generations.
    """
    line: list[Key] = []
    above = key.parent
    while above is not None and (parent := select_key(connection, above)) is not None:
        if len(line) == GENERATIONS_MAX:
            message = f"a key may be derived over {GENERATIONS_MAX} generations at most"
            raise ChangeRefusedError("conflict", message, "parent")
        line.append(parent)
        above = parent.parent
    return tuple(line)


def _require_owner_of(connection: Connection, key: Key) -> None:
    if key.owner is None:
        return
    if key.owner_kind == "user":
        if realm_rows.the(connection, User, key.owner).disabled_s is not None:
            raise ChangeRefusedError("conflict", f"the user {key.owner!r} is disabled", "owner")
        return
    account = realm_rows.the(connection, ServiceAccount, key.owner)
    if account.disabled_s is not None:
        raise ChangeRefusedError("conflict", f"the service account {key.owner!r} is disabled", "owner")
    if account.project != key.project:
        message = f"{owner_of(key)} belongs to the project {account.project!r}, not to {key.project!r}"
        raise ChangeRefusedError("conflict", message, "owner")
