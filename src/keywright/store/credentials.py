"""What is known of providers' credentials, and which process uses which key: rows of `credentials`, `credential_users`.

Every process says which key it calls with when it has read one, before it makes a call with it. So who replaces a key
can wait until nobody uses the old one. A process counts as long as its row of `holders` is there: it goes when the
process ends in good order, when another has settled what it left, or a day after its last sign of life.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert  # which SQLite's compiler takes, too

from keywright.core.errors import StoreError
from keywright.core.rotation import CredentialFacts, CredentialUser
from keywright.store.database import Database
from keywright.store.keys import count_change
from keywright.store.schema import CREDENTIAL_USERS, CREDENTIALS, HOLDERS


class CredentialStates:
    """The credentials of one database. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write
        self._write_beside = database.write_beside

    async def get(self, name: str) -> CredentialFacts | None:
        """What is known of the credential."""
        return await self._read(lambda connection: _get(connection, name))

    async def all(self) -> tuple[CredentialFacts, ...]:
        """What is known of every credential, by name."""
        return await self._read(_all)

    async def change(self, name: str, change: Callable[[CredentialFacts], CredentialFacts]) -> CredentialFacts:
        """Let what `change` makes of it be what is known of the credential; every process looks at it again."""
        return await self._write(lambda connection: _change(connection, name, change, count_change(connection)))

    async def note(self, name: str, change: Callable[[CredentialFacts], CredentialFacts]) -> CredentialFacts:
        """Let what `change` makes of it be what is known of the credential; no process is told."""

        return await self._write(lambda connection: _change(connection, name, change))

    async def ask_all(self, name: str) -> None:
        """Have every process read the credential's key anew, and say which it uses."""

        def ask(connection: Connection) -> None:
            facts = _get(connection, name) or CredentialFacts(name)
            _put(connection, facts, count_change(connection))

        await self._write(ask)

    async def changed(self, since: int) -> tuple[str, ...]:
        """The credentials that were put, or are to be read anew, after the counter `snapshot` had the value `since`."""
        query = select(CREDENTIALS.c.name).where(CREDENTIALS.c.changed > since).order_by(CREDENTIALS.c.name)
        return await self._read(lambda connection: tuple(connection.scalars(query)))

    async def say(self, name: str, holder: str, fingerprint: str, now_s: int) -> None:
        """`holder`, a process, calls with that key from now on. It also shows that it lives."""
        await self._write_beside(lambda connection: _say(connection, name, holder, fingerprint, now_s))

    async def live(self, holder: str, now_s: int) -> None:
        """`holder` still lives: who shows no life is not waited for without end. Every few seconds."""
        await self._write_beside(lambda connection: _live(connection, holder, now_s))

    async def leave(self, holder: str) -> None:
        """`holder` makes no call any more."""

        def leave(connection: Connection) -> None:
            connection.execute(delete(CREDENTIAL_USERS).where(CREDENTIAL_USERS.c.holder_id == holder))

        await self._write_beside(leave)

    async def users(self, name: str) -> tuple[CredentialUser, ...]:
        """The processes that use the credential, by id, also those that have shown no life for a while."""
        return await self._read(lambda connection: _users(connection, name))


def _get(connection: Connection, name: str) -> CredentialFacts | None:
    row = connection.execute(select(CREDENTIALS).where(CREDENTIALS.c.name == name)).first()
    return None if row is None else _facts(row)


def _all(connection: Connection) -> tuple[CredentialFacts, ...]:
    return tuple(_facts(row) for row in connection.execute(select(CREDENTIALS).order_by(CREDENTIALS.c.name)))


def _change(
    connection: Connection,
    name: str,
    change: Callable[[CredentialFacts], CredentialFacts],
    changed: int | None = None,
) -> CredentialFacts:
    facts = change(_get(connection, name) or CredentialFacts(name))
    _put(connection, facts, changed)
    return facts


def _put(connection: Connection, facts: CredentialFacts, changed: int | None = None) -> None:
    """Write the row. `changed`: the counter's value, None where nobody has to look."""
    document = msgspec.json.encode(facts).decode()
    row = {"name": facts.name, "changed": changed or 0, "document": document}
    kept = {"document": document} if changed is None else {"document": document, "changed": changed}
    statement = upsert(CREDENTIALS).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=kept))


def _facts(row: Row[Any]) -> CredentialFacts:
    try:
        return msgspec.json.decode(row.document, type=CredentialFacts)
    except msgspec.DecodeError as error:
        what = f"what the database knows of the credential {row.name!r}"
        raise StoreError(f"{what} is not of this version: restore a backup") from error


def _say(connection: Connection, name: str, holder: str, fingerprint: str, now_s: int) -> None:
    _live(connection, holder, now_s)
    row = {"name": name, "holder_id": holder, "fingerprint": fingerprint, "at_s": now_s}
    said = upsert(CREDENTIAL_USERS).values(row)
    said = said.on_conflict_do_update(
        index_elements=["name", "holder_id"], set_={"fingerprint": fingerprint, "at_s": now_s}
    )
    connection.execute(said)
    gone = CREDENTIAL_USERS.c.holder_id.not_in(select(HOLDERS.c.id))
    connection.execute(delete(CREDENTIAL_USERS).where(CREDENTIAL_USERS.c.name == name, gone))


def _live(connection: Connection, holder: str, now_s: int) -> None:
    alive = upsert(HOLDERS).values(id=holder, beat_s=now_s)
    connection.execute(alive.on_conflict_do_update(index_elements=["id"], set_={"beat_s": now_s}))


def _users(connection: Connection, name: str) -> tuple[CredentialUser, ...]:
    uses = CREDENTIAL_USERS.c
    query = (
        select(uses.holder_id, uses.fingerprint, uses.at_s, HOLDERS.c.beat_s)
        .join(HOLDERS, HOLDERS.c.id == uses.holder_id)
        .where(uses.name == name)
        .order_by(uses.holder_id)
    )
    return tuple(CredentialUser(*row) for row in connection.execute(query))
