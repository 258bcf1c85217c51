"""What was used, by whatever it is asked by.

Who may not see everything sees the calls of some projects, and those by their own keys. That is no filter of the
store's, so project and key are asked for besides, what is not to be seen is left out here, and the rest added up.
"""

import csv
import io
from collections.abc import Iterable
from typing import Final, get_args

from msgspec import Struct, convert, to_builtins

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.permissions import EVERYTHING
from keywright.control.resources import UsageRow, UsageTable
from keywright.control.rows import time_of
from keywright.core.errors import ChangeRefusedError
from keywright.core.money import to_usd
from keywright.store.calls import Calls
from keywright.store.reports import Reports
from keywright.store.usage import Dimension, Filters, UsageQuery
from keywright.store.usage import UsageRow as Sums

WEEK_S: Final = 7 * 86_400
BY: Final = "day,model"
COUNTS: Final = (
    "calls",
    "ok",
    "refused",
    "failed",
    "unpriced",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)
FIGURES: Final = (*COUNTS, "cost_usd")
SEEN_BY: Final[tuple[Dimension, ...]] = ("project", "key")
"""What decides whether somebody may see a call."""
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
NO_KEY: Final = "-"
"""No key has this id."""


class UsageFilter(Struct, frozen=True):
    """Which calls count; None: whichever. `since` and `until`: times, or how long ago (`7d`). `by`: `day,model,…`.

    `user`: whose keys were used; `owner`: the same by name only, of a user or a service account; `tag`: `name=value`.
    """

    by: str = BY
    since: str | None = None
    until: str | None = None
    project: str | None = None
    key: str | None = None
    owner: str | None = None
    model: str | None = None
    provider: str | None = None
    requested: str | None = None
    credential: str | None = None
    outcome: str | None = None
    tag: str | None = None
    user: str | None = None
    unpriced: bool = False


class Usage:
    """The usage of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._calls = Calls(blueprint.store.database)
        self._reports = Reports(blueprint.store.database)
        self._blueprint = blueprint

    async def table(self, by: Actor, which: UsageFilter) -> UsageTable:
        """Usage of the calls that they may see; of the last week, unless `since` says otherwise."""
        now_s = self._blueprint.now_s()
        since_s = reading.when_s(which.since, "since", now_s - WEEK_S, now_s)
        until_s = reading.when_s(which.until, "until", now_s + 1, now_s)
        wanted = _dimensions(which.by)
        is_partial = by.sight("calls.read") != EVERYTHING
        asked = (*wanted, *(name for name in SEEN_BY if is_partial and name not in wanted))
        found = await self._reports.usage(UsageQuery(asked, since_s, until_s, await self._filters(which)))
        if is_partial:
            found = await self._visible(by, asked, len(wanted), found)
        rows = tuple(_row(wanted, sums) for sums in found)
        return UsageTable(since=time_of(since_s), until=time_of(until_s), by=wanted, rows=rows)

    async def _filters(self, which: UsageFilter) -> Filters:
        keys = _one(which.key)
        if which.user is not None:
            theirs = await self._calls.keys_of(which.user)
            keys = tuple(key for key in theirs if not keys or key in keys) or (NO_KEY,)
        return Filters(
            project=_one(which.project),
            key=keys,
            owner=_one(which.owner),
            provider=_one(which.provider),
            model=_one(which.model),
            requested=_one(which.requested),
            credential=_one(which.credential),
            outcome=_one(which.outcome),
            tag=_one(which.tag),
            unpriced=which.unpriced,
        )

    async def _visible(
        self, by: Actor, asked: tuple[Dimension, ...], width: int, rows: Iterable[Sums]
    ) -> tuple[Sums, ...]:
        """What of `rows` they may see, added up by the first `width` of the dimensions `asked`."""
        sight = by.sight("calls.read")
        own = set(await self._calls.keys_of(sight.user)) if sight.user else set()
        project, key = asked.index("project"), asked.index("key")
        sums: dict[tuple[str, ...], Sums] = {}
        for row in rows:
            if sight.shows(row.by[project]) or row.by[key] in own:
                group = row.by[:width]
                sums[group] = _added(group, sums.get(group), row)
        return tuple(sums[group] for group in sorted(sums))


def as_csv(table: UsageTable) -> bytes:
    """The table as comma-separated values, with a head."""
    out = io.StringIO()
    writer = csv.DictWriter(out, (*table.by, *FIGURES), lineterminator="\n")
    writer.writeheader()
    for row in table.rows:
        writer.writerow({name: _harmless(value) for name, value in to_builtins(row).items()})
    return out.getvalue().encode()


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _dimensions(text: str) -> tuple[Dimension, ...]:
    known: dict[str, Dimension] = {name: name for name in get_args(Dimension)}
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known or names.count(name) > 1:
            what = "is there twice" if name in known else f"is not one of {', '.join(known)}"
            raise ChangeRefusedError("invalid", f"{name!r} {what}", "by")
    return tuple(known[name] for name in names)


def _added(group: tuple[str, ...], so_far: Sums | None, row: Sums) -> Sums:
    counts = {name: getattr(row, name) for name in (*COUNTS, "cost_picodollars")}
    if so_far is not None:
        counts = {name: count + getattr(so_far, name) for name, count in counts.items()}
    return Sums(group, **counts)


def _row(by: tuple[Dimension, ...], sums: Sums) -> UsageRow:
    figures = {name: getattr(sums, name) for name in COUNTS}
    fields: dict[str, str | int] = {**dict(zip(by, sums.by, strict=True)), **figures}
    return convert({**fields, "cost_usd": to_usd(sums.cost_picodollars)}, UsageRow)


def _harmless(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: a client may call a model whatever it likes."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
