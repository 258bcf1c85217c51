"""Many rows in few statements, as SQLite and PostgreSQL both read them.

The driver lets go of Python's global lock for each step of a statement, and under load every time it does, the kernel
switches threads twice: so a statement carries many rows. What is left over goes one by one through a second statement.
PostgreSQL takes what is only inserted by COPY (`copying.py`).

Rows that concurrent writers may share come sorted by their key, so that no two writers wait for each other.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, Table, TableClause

from keywright.store.copying import copy_rows

PARAMETERS_MAX: Final = 999
"""Of one statement: the least that any SQLite takes."""

Row: TypeAlias = tuple[Any, ...]
"""The values of all columns, in the order of the table."""

Meeting: TypeAlias = Literal["keep", "add"]
"""What a row that meets one with its key does: it gives way, or it adds to the other what is not key."""


def insert_rows(connection: Connection, table: TableClause, rows: Iterable[Row]) -> None:
    """Insert `rows`, which may be made meanwhile, into `table`.

    Raises:
        sqlalchemy.exc.IntegrityError: one of them is there already.
        sqlalchemy.exc.DataError: one of them has a NUL in a text, and the database keeps none.
    """
    if connection.dialect.name == "postgresql":
        copy_rows(connection, table, rows)
        return
    left = iter(rows)
    size = PARAMETERS_MAX // len(table.columns)
    mark = _mark(connection)
    while some := list(islice(left, size)):
        if len(some) == size:
            connection.exec_driver_sql(_insert_sql(table, size, mark), tuple(chain(*some)))
        else:
            connection.exec_driver_sql(_insert_sql(table, 1, mark), some)


def write_rows(connection: Connection, table: Table, rows: Sequence[Row], meeting: Meeting) -> None:
    """Insert `rows` into `table`. No two of them have the same key."""
    mark = _mark(connection)
    size = PARAMETERS_MAX // len(table.columns)
    whole = len(rows) // size * size
    for at in range(0, whole, size):
        connection.exec_driver_sql(_sql(table, size, meeting, mark), tuple(chain(*rows[at : at + size])))
    if whole < len(rows):
        connection.exec_driver_sql(_sql(table, 1, meeting, mark), list(rows[whole:]))


def offer_rows(connection: Connection, table: Table, rows: Sequence[Row], tell: str) -> set[Any]:
    """Insert those of `rows` whose keys are not in `table` yet. Returns what they have in the column `tell`."""
    new: set[Any] = set()
    mark = _mark(connection)
    size = PARAMETERS_MAX // len(table.columns)
    for at in range(0, len(rows), size):
        some = rows[at : at + size]
        sql = f"{_sql(table, len(some), 'keep', mark)} RETURNING {tell}"
        new.update(connection.exec_driver_sql(sql, tuple(chain(*some))).scalars())
    return new


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


@cache
def _insert_sql(table: TableClause, rows: int, mark: str) -> str:
    names = [column.name for column in table.columns]
    row = f"({', '.join([mark] * len(names))})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - our names


@cache
def _sql(table: Table, rows: int, meeting: Meeting, mark: str) -> str:
    insert = _insert_sql(table, rows, mark)
    match meeting:
        case "keep":
            return f"{insert} ON CONFLICT DO NOTHING"
        case "add":
            names = [column.name for column in table.columns]
            key = [column.name for column in table.primary_key]
            sums = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names if name not in key)
            return f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"
