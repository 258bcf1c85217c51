"""Rotations: rows of `rotations`, each as one JSON document. Of a credential one goes on at a time.

Whoever works at one holds a claim on it, for some seconds, and renews it before each thing that it does. Nothing is
saved without the claim, so that who slept, and was taken for dead, finds out before it writes down what is not true any
more.
"""

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, not_, or_, select, update

from keywright.core.errors import ChangeRefusedError, StoreError
from keywright.core.rotation import Rotation, RotationState
from keywright.store.database import Database
from keywright.store.schema import ROTATIONS

NOBODY = ""


class Rotations:
    """The rotations of one database. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write

    async def begin(self, rotation: Rotation, together: tuple[str, ...] = ()) -> None:
        """Keep a new one. `together`: the other credentials that have the same key.

        Raises:
            ChangeRefusedError: conflict, one of the same key goes on.
        """
        await self._write(lambda connection: _begin(connection, rotation, together))

    async def claim(self, rotation_id: str, holder: str, now_s: int, for_s: int) -> Rotation | None:
        """The rotation, to be worked at by `holder` alone for so long from now; also renews that. None: somebody else
        is at it, it has ended, or there is none.
        """
        return await self._write(lambda connection: _claim(connection, rotation_id, holder, now_s, for_s))

    async def save(self, rotation: Rotation, holder: str) -> bool:
        """Keep what became of it. False, and nothing is kept: somebody else has claimed it since, or it has ended."""
        return await self._write(lambda connection: _save(connection, rotation, holder))

    async def release(self, rotation_id: str, holder: str) -> None:
        """Let others claim it."""
        mine = (ROTATIONS.c.id == rotation_id, ROTATIONS.c.claimed_by == holder)

        def release(connection: Connection) -> None:
            connection.execute(update(ROTATIONS).where(*mine).values(claimed_by=NOBODY, claimed_until_s=0))

        await self._write(release)

    async def get(self, rotation_id: str) -> Rotation | None:
        """The one with that id."""
        found = await self._some(_SELECT.where(ROTATIONS.c.id == rotation_id))
        return found[0] if found else None

    async def running(self) -> tuple[Rotation, ...]:
        """Those that have not ended, the oldest first."""
        return await self._some(_SELECT.where(ROTATIONS.c.ended_s == 0).order_by(ROTATIONS.c.began_s, ROTATIONS.c.id))

    async def last(self, credential: str) -> Rotation | None:
        """The credential's newest."""
        found = await self._some(_newest_first(_SELECT.where(ROTATIONS.c.credential == credential)).limit(1))
        return found[0] if found else None

    async def newest(self) -> tuple[Rotation, ...]:
        """The newest of each credential that had any."""
        number = func.row_number().over(
            partition_by=ROTATIONS.c.credential, order_by=(ROTATIONS.c.began_s.desc(), ROTATIONS.c.id.desc())
        )
        numbered = select(ROTATIONS.c.id, ROTATIONS.c.document, number.label("number")).subquery()
        return await self._some(select(numbered.c.id, numbered.c.document).where(numbered.c.number == 1))

    async def page(
        self,
        limit: int,
        before: tuple[int, str] | None = None,
        credential: str = "",
        state: RotationState | None = None,
    ) -> tuple[Rotation, ...]:
        """Up to `limit`, the newest first, that began before the one with `before` as its `began_s` and `id`; of one
        credential only, and in one state, if these are named.
        """
        query = _newest_first(_SELECT)
        if credential:
            query = query.where(ROTATIONS.c.credential == credential)
        if state is not None:
            query = query.where(_is_in(state))
        if before is not None:
            began_s, rotation_id = before
            same_second = and_(ROTATIONS.c.began_s == began_s, ROTATIONS.c.id < rotation_id)
            query = query.where(or_(ROTATIONS.c.began_s < began_s, same_second))
        return await self._some(query.limit(limit))

    async def _some(self, query: Select[str, str]) -> tuple[Rotation, ...]:
        return await self._read(lambda connection: tuple(_rotation(row) for row in connection.execute(query)))


_SELECT = select(ROTATIONS.c.id, ROTATIONS.c.document)


def _newest_first(query: Select[str, str]) -> Select[str, str]:
    return query.order_by(ROTATIONS.c.began_s.desc(), ROTATIONS.c.id.desc())


def _is_in(state: RotationState) -> ColumnElement[bool]:
    """Whether a rotation is in that state. A member of its document is found as text: within any value, the quotes
    would be escaped.
    """
    waits = ROTATIONS.c.document.contains('"waits_for_key":true', autoescape=True)
    match state:
        case "running":
            return and_(ROTATIONS.c.ended_s == 0, not_(waits))
        case "waiting":
            return and_(ROTATIONS.c.ended_s == 0, waits)
        case outcome:
            return ROTATIONS.c.document.contains(f'"outcome":"{outcome}"', autoescape=True)


def _begin(connection: Connection, rotation: Rotation, together: tuple[str, ...]) -> None:
    names = (rotation.credential, *together)
    running = select(ROTATIONS.c.credential, ROTATIONS.c.id).where(
        ROTATIONS.c.credential.in_(names), ROTATIONS.c.ended_s == 0
    )
    other = connection.execute(running).first()
    if other is not None:
        raise ChangeRefusedError("conflict", f"the key of {other.credential} is being replaced already, by {other.id}")
    row = {
        "id": rotation.id,
        "credential": rotation.credential,
        "began_s": rotation.began_s,
        "ended_s": rotation.ended_s,
        "claimed_by": NOBODY,
        "claimed_until_s": 0,
        "document": _encoded(rotation),
    }
    connection.execute(insert(ROTATIONS).values(row))


def _claim(connection: Connection, rotation_id: str, holder: str, now_s: int, for_s: int) -> Rotation | None:
    columns = ROTATIONS.c
    free = or_(columns.claimed_by.in_([NOBODY, holder]), columns.claimed_until_s <= now_s)
    claimed = connection.execute(
        update(ROTATIONS)
        .where(columns.id == rotation_id, columns.ended_s == 0, free)
        .values(claimed_by=holder, claimed_until_s=now_s + for_s)
        .returning(columns.id, columns.document)
    ).first()
    return None if claimed is None else _rotation(claimed)


def _save(connection: Connection, rotation: Rotation, holder: str) -> bool:
    columns = ROTATIONS.c
    saved = connection.execute(
        update(ROTATIONS)
        .where(columns.id == rotation.id, columns.ended_s == 0, columns.claimed_by == holder)
        .values(ended_s=rotation.ended_s, document=_encoded(rotation))
    )
    return saved.rowcount == 1


def _encoded(rotation: Rotation) -> str:
    return msgspec.json.encode(rotation).decode()


def _rotation(row: Row[str, str]) -> Rotation:
    try:
        return msgspec.json.decode(row.document, type=Rotation)
    except msgspec.DecodeError as error:
        raise StoreError(f"the rotation {row.id!r} in the database is not of this version: restore a backup") from error
