"""Many rows in few statements, as SQLite and PostgreSQL both read them.

The driver lets go of Python's global lock for each step of a statement, and under load every time it does, the kernel
switches threads twice: so a statement carries many rows. What is left over goes one by one through a second statement.

Rows that concurrent writers may share come sorted by their key, so that no two writers wait for each other.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, Table

PARAMETERS_MAX: Final = 999
"""Of one statement: the least that any SQLite takes."""

Row: TypeAlias = tuple[Any, ...]
"""The values of all columns, in the order of the table."""

Meeting: TypeAlias = Literal["fail", "keep", "add"]
"""What a row that meets one with its key does: it fails with an IntegrityError, it gives way, or it adds to the other
what is not key.
"""


def write_rows(connection: Connection, table: Table, rows: Sequence[Row], meeting: Meeting) -> None:
    """Insert `rows` into `table`. No two of them have the same key, unless they are to fail."""
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
def _sql(table: Table, rows: int, meeting: Meeting, mark: str) -> str:
    names = [column.name for column in table.columns]
    row = f"({', '.join([mark] * len(names))})"
    insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - our names
    match meeting:
        case "fail":
            return insert
        case "keep":
            return f"{insert} ON CONFLICT DO NOTHING"
        case "add":
            key = [column.name for column in table.primary_key]
            sums = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names if name not in key)
            return f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"
