"""What entries add to the roll-ups, in the transaction that keeps them: hours, tags by the day, last uses of keys.

Days that are over are added up from their hours once (`maintenance.py`), up to the counter `days`. An entry of such a
day that comes late, of a replayed spool, is added to its day as well. Who writes entries first locks that counter for
sharing, so that no day can be closed between the look at it and the end of the transaction.

Rows are written in the order of their keys, and tables in one order: two writers never wait for each other.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from sqlalchemy import Connection, Table, select, update

from keywright.core.entry import Entry
from keywright.store.groups import NO_TAGS, Group, TagSet, group_of, number, tag_set_of
from keywright.store.rows import write_rows
from keywright.store.schema import COUNTERS, TAG_DAYS, TAG_SETS, USAGE_DAYS, USAGE_GROUPS, USAGE_HOURS
from keywright.store.wide import TOKENS_MAX, bounded, halves

US_PER_S: Final = 10**6
HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
HOUR_US: Final = HOUR_S * US_PER_S

DAYS: Final = "days"
"""The counter up to which days are rolled up, in Unix seconds."""

Figures: TypeAlias = tuple[int, int, int, int, int, int]
"""Tokens: input, cache read, cache write, output, reasoning; picodollars."""

_Key: TypeAlias = tuple[int, ...]
_Sums: TypeAlias = dict[_Key, list[int]]


class Line(Struct, frozen=True, gc=False):
    """An entry, and what the roll-ups must know of it. `sign` is -1 where it is taken away."""

    entry: Entry
    group_id: int
    tags_id: int
    figures: Figures
    sign: int = 1


class Batch:
    """Entries that are rolled up together."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._groups: dict[Group, int] = {}
        self._tag_sets: dict[TagSet, int] = {(): NO_TAGS}

    def add(self, entry: Entry, sign: int = 1) -> None:
        """Put `entry` into the batch."""
        group = group_of(entry)
        group_id = self._groups.get(group)
        if group_id is None:
            group_id = self._groups[group] = number(group)
        tag_set = tag_set_of(entry)
        tags_id = self._tag_sets.get(tag_set)
        if tags_id is None:
            tags_id = self._tag_sets[tag_set] = number(tag_set)
        self.lines.append(Line(entry, group_id, tags_id, figures_of(entry), sign))

    def roll_up(self, connection: Connection, closed_s: int) -> None:
        """Add all lines to the roll-ups. `closed_s`: what `closed_until_s` said in this transaction."""
        groups = sorted((group_id, *group) for group, group_id in self._groups.items())
        write_rows(connection, USAGE_GROUPS, groups, "keep")
        tags = sorted((tags_id, tag) for tag_set, tags_id in self._tag_sets.items() for tag in tag_set)
        write_rows(connection, TAG_SETS, tags, "keep")
        hours = _by_hour(self.lines)
        _write(connection, USAGE_HOURS, hours)
        _write(connection, USAGE_DAYS, _by_day(hours, closed_s))
        if tags:
            _write(connection, TAG_DAYS, _by_tags(self.lines))


def figures_of(entry: Entry) -> Figures:
    """What is added up of `entry`."""
    usage = entry.usage
    return (
        min(usage.input_total, TOKENS_MAX),
        min(usage.cache_read + usage.audio_cache_read, TOKENS_MAX),
        min(usage.cache_write_5m + usage.cache_write_1h, TOKENS_MAX),
        min(usage.output_total, TOKENS_MAX),
        min(usage.reasoning, TOKENS_MAX),
        bounded(entry.cost_picodollars),
    )


def closed_until_s(connection: Connection) -> int:
    """Days that start before this are rolled up, and none is until this transaction ends."""
    counter = select(COUNTERS.c.value).where(COUNTERS.c.name == DAYS)
    return int(connection.execute(counter.with_for_update(read=True)).scalar_one())


def lock_days(connection: Connection) -> int:
    """The same; nobody can write entries until this transaction ends."""
    counter = select(COUNTERS.c.value).where(COUNTERS.c.name == DAYS)
    return int(connection.execute(counter.with_for_update()).scalar_one())


def close_days(connection: Connection, until_s: int) -> None:
    """Say that the days before `until_s` are rolled up."""
    connection.execute(update(COUNTERS).where(COUNTERS.c.name == DAYS).values(value=until_s))


def _by_hour(lines: Sequence[Line]) -> _Sums:
    sums: _Sums = {}
    for line in lines:
        _add(sums, (line.entry.started_us // HOUR_US * HOUR_S, line.group_id), line)
    return sums


def _by_tags(lines: Sequence[Line]) -> _Sums:
    sums: _Sums = {}
    for line in lines:
        if line.tags_id != NO_TAGS:
            _add(sums, (line.entry.started_us // US_PER_S // DAY_S * DAY_S, line.group_id, line.tags_id), line)
    return sums


def _by_day(hours: _Sums, closed_s: int) -> _Sums:
    """Those hours whose days are rolled up already, by the day."""
    sums: _Sums = {}
    for (hour_s, group_id), amounts in hours.items():
        if hour_s < closed_s:
            so_far = sums.setdefault((hour_s // DAY_S * DAY_S, group_id), [0] * len(amounts))
            for place, amount in enumerate(amounts):
                so_far[place] += amount
    return sums


def _add(sums: _Sums, key: _Key, line: Line) -> None:
    sign, figures = line.sign, line.figures
    so_far = sums.get(key)
    if so_far is None:
        sums[key] = [sign, *([sign * figure for figure in figures] if sign < 0 else figures)]
        return
    so_far[0] += sign
    so_far[1] += sign * figures[0]
    so_far[2] += sign * figures[1]
    so_far[3] += sign * figures[2]
    so_far[4] += sign * figures[3]
    so_far[5] += sign * figures[4]
    so_far[6] += sign * figures[5]


def _write(connection: Connection, table: Table, sums: _Sums) -> None:
    rows = [(*key, *amounts[:-1], *halves(amounts[-1])) for key, amounts in sorted(sums.items())]
    write_rows(connection, table, rows, "add")
