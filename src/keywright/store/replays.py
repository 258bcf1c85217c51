"""Answers that are given again when the same request comes again, by who asked and the key that they gave it.

A request takes its row before it is worked at and fills in the answer afterwards, so that of two that run at once the
second finds the first. A row without an answer is older than any request may take only where its process died: then it
is taken over.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Delete, Update, delete, insert, not_, or_, select, update
from sqlalchemy.exc import IntegrityError

from keywright.store.database import Database
from keywright.store.schema import IDEMPOTENCY

KEPT_S: Final = 86_400
RUNNING_S_MAX: Final = 120
"""How long a request may be worked at."""
RUNNING: Final = 0
"""The status of a row whose answer is not there yet."""


class Replay(Struct, frozen=True):
    """An earlier request. `digest` is that of its body and path; `status` is 0 while it is worked at."""

    digest: str
    status: int
    body: str


class Replays:
    """The answers of one database. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database) -> None:
        self._write = database.write

    async def begin(self, actor: str, key: str, digest: str, now_s: int) -> Replay | None:
        """The earlier request by that key; None when this is the first, which is noted."""
        return await self._write(lambda connection: _begin(connection, actor, key, digest, now_s))

    async def finish(self, actor: str, key: str, status: int, body: str) -> None:
        """Keep the answer."""
        mine = (IDEMPOTENCY.c.actor == actor, IDEMPOTENCY.c.key == key)
        await self._run(update(IDEMPOTENCY).where(*mine).values(status=status, body=body))

    async def forget(self, actor: str, key: str) -> None:
        """The request has changed nothing: it may come again."""
        mine = (IDEMPOTENCY.c.actor == actor, IDEMPOTENCY.c.key == key)
        await self._run(delete(IDEMPOTENCY).where(*mine))

    async def _run(self, statement: Update | Delete) -> None:
        def run(connection: Connection) -> None:
            connection.execute(statement)

        await self._write(run)


def _begin(connection: Connection, actor: str, key: str, digest: str, now_s: int) -> Replay | None:
    connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.created_s <= now_s - KEPT_S))
    mine = (IDEMPOTENCY.c.actor == actor, IDEMPOTENCY.c.key == key)
    ended = or_(IDEMPOTENCY.c.status != RUNNING, IDEMPOTENCY.c.created_s > now_s - RUNNING_S_MAX)
    earlier = select(IDEMPOTENCY).where(*mine, ended)
    row = connection.execute(earlier).first()
    if row is None:
        connection.execute(delete(IDEMPOTENCY).where(*mine, not_(ended)))
        first = {"actor": actor, "key": key, "digest": digest, "created_s": now_s, "status": RUNNING, "body": ""}
        try:
            with connection.begin_nested():
                connection.execute(insert(IDEMPOTENCY).values(first))
        except IntegrityError:  # another process was first, and has just committed
            row = connection.execute(earlier).one()
    return None if row is None else Replay(row.digest, row.status, row.body)
