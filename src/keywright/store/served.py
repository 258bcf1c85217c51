"""What one provider served in a span of time, by model and credential: the ledger's side of a reconciliation."""

from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Integer, case, func, literal, or_, select

from keywright.store.schema import ENTRIES
from keywright.store.wide import HALF_BITS, LOW_MASK, joined

US_PER_S: Final = 10**6
COUNTED: Final = '%"usage_source":"counted"%'
"""What the document of an entry holds whose usage the gateway counted itself."""


class Served(Struct, frozen=True):
    """`model` is `provider/model`, "" where none answered. `calls`: those that used or cost something; `counted`: those
    whose usage the provider did not tell.
    """

    model: str
    credential: str
    calls: int
    counted: int
    input_tokens: int
    output_tokens: int
    cost_picodollars: int


class Lost(Struct, frozen=True):
    """Calls that died with a process, recorded at their worst case. Which provider they were at is not known."""

    calls: int
    cost_picodollars: int


def select_served(connection: Connection, provider: str, since_s: int, until_s: int) -> tuple[Served, ...]:
    """What calls at `provider` that started in [since_s, until_s) used, sorted."""
    group = (ENTRIES.c.served, ENTRIES.c.credential)
    columns = ENTRIES.c
    used = or_(columns.input_tokens > 0, columns.output_tokens > 0, columns.cost_picodollars > 0)
    sums = [
        func.count(),
        func.sum(case((columns.document.like(COUNTED), 1), else_=0)),
        func.sum(columns.input_tokens),
        func.sum(columns.output_tokens),
        *halved_sums(columns.cost_picodollars),
    ]
    query = select(*group, *sums).where(columns.provider == provider, used, *_within(since_s, until_s)).group_by(*group)
    return tuple(
        sorted((_served(row) for row in connection.execute(query)), key=lambda row: (row.model, row.credential))
    )


def select_lost(connection: Connection, since_s: int, until_s: int) -> Lost:
    """The lost calls that started in [since_s, until_s)."""
    query = select(func.count(), *halved_sums(ENTRIES.c.cost_picodollars))
    row = connection.execute(query.where(ENTRIES.c.outcome == "lost", *_within(since_s, until_s))).one()
    return Lost(int(row[0]), joined(int(row[1] or 0), int(row[2] or 0)))


def _within(since_s: int, until_s: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ENTRIES.c.started_us >= since_s * US_PER_S, ENTRIES.c.started_us < until_s * US_PER_S


def halved_sums(column: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The sum of `column`, which 64 bits may not hold, as the sums of its two halves (`wide.py`)."""
    return func.sum(column.bitwise_rshift(literal(HALF_BITS, Integer))), func.sum(column.bitwise_and(LOW_MASK))


def _served(row: Any) -> Served:
    model, credential, calls, counted, tokens_in, tokens_out, high, low = row
    cost = joined(int(high), int(low))
    return Served(model, credential, int(calls), int(counted), int(tokens_in), int(tokens_out), cost)
