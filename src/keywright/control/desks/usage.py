"""What was used, by whatever it is asked by.

The store's sums are asked for by all dimensions that are grouped or filtered by, or that decide what may be seen; what
is not wanted is left out here, and the rest added up.
"""

import csv
import io
from collections.abc import Sequence
from typing import Final, get_args

from msgspec import Struct, to_builtins

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.permissions import EVERYTHING
from keywright.control.resources import UsageRow, UsageTable
from keywright.control.rows import time_of
from keywright.core.errors import ChangeRefusedError
from keywright.core.money import to_usd
from keywright.store.calls import Calls
from keywright.store.usage import Dimension
from keywright.store.usage import UsageRow as Sums

WEEK_S: Final = 7 * 86_400
FIGURES: Final = ("calls", "ok", "input_tokens", "output_tokens", "cost_usd")
BY: Final = "day,model"


class UsageFilter(Struct, frozen=True):
    """Which calls count; None: whichever. `since` and `until`: times, or how long ago (`7d`). `by`: `day,model,…`."""

    by: str = BY
    since: str | None = None
    until: str | None = None
    project: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    requested: str | None = None
    credential: str | None = None
    outcome: str | None = None
    user: str | None = None


class Usage:
    """The usage of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._calls = Calls(blueprint.store.database)
        self._blueprint = blueprint

    async def table(self, by: Actor, which: UsageFilter) -> UsageTable:
        """Usage of the calls that they may see; of the last week, unless `since` says otherwise."""
        now_s = self._blueprint.now_s()
        since_s = reading.when_s(which.since, "since", now_s - WEEK_S, now_s)
        until_s = reading.when_s(which.until, "until", now_s + 1, now_s)
        wanted = _dimensions(which.by)
        kept = await self._kept(by, which)
        asked = (*wanted, *(name for name in kept if name not in wanted))
        sight = by.sight("calls.read")
        own = set(await self._calls.keys_of(sight.user)) if sight.user else set()
        if sight != EVERYTHING:
            asked = (*asked, *(name for name in _SEEN_BY if name not in asked))
        sums: dict[tuple[str, ...], Sums] = {}
        for row in await self._blueprint.store.usage(asked, since_s, until_s):
            values = dict(zip(asked, row.by, strict=True))
            is_seen = sight == EVERYTHING or sight.shows(values["project"]) or values["key"] in own
            if is_seen and all(values[name] in names for name, names in kept.items()):
                group = row.by[: len(wanted)]
                sums[group] = _added(sums.get(group), row, group)
        rows = tuple(_row(wanted, sums[group]) for group in sorted(sums))
        return UsageTable(since=time_of(since_s), until=time_of(until_s), by=wanted, rows=rows)

    async def _kept(self, by: Actor, which: UsageFilter) -> dict[Dimension, frozenset[str]]:
        """By dimension, which values count."""
        given: dict[Dimension, str | None] = {
            "project": which.project,
            "key": which.key,
            "model": which.model,
            "provider": which.provider,
            "requested": which.requested,
            "credential": which.credential,
            "outcome": which.outcome,
        }
        kept = {name: frozenset({value}) for name, value in given.items() if value is not None}
        if which.user is not None:
            keys = frozenset(await self._calls.keys_of(which.user))
            kept["key"] = keys & kept["key"] if "key" in kept else keys
        return kept


_SEEN_BY: Final[tuple[Dimension, ...]] = ("project", "key")
"""What decides whether somebody may see a call."""


def as_csv(table: UsageTable) -> bytes:
    """The table as comma-separated values, with a head."""
    out = io.StringIO()
    writer = csv.DictWriter(out, (*table.by, *FIGURES), lineterminator="\n")
    writer.writeheader()
    writer.writerows(to_builtins(row) for row in table.rows)
    return out.getvalue().encode()


def _dimensions(text: str) -> tuple[Dimension, ...]:
    known: dict[str, Dimension] = {name: name for name in get_args(Dimension)}
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known or names.count(name) > 1:
            what = "is there twice" if name in known else f"is not one of {', '.join(known)}"
            raise ChangeRefusedError("invalid", f"{name!r} {what}", "by")
    return tuple(known[name] for name in names)


def _added(so_far: Sums | None, row: Sums, group: tuple[str, ...]) -> Sums:
    if so_far is None:
        return Sums(group, row.calls, row.ok, row.input_tokens, row.output_tokens, row.cost_picodollars)
    return Sums(
        group,
        so_far.calls + row.calls,
        so_far.ok + row.ok,
        so_far.input_tokens + row.input_tokens,
        so_far.output_tokens + row.output_tokens,
        so_far.cost_picodollars + row.cost_picodollars,
    )


def _row(by: Sequence[Dimension], sums: Sums) -> UsageRow:
    return UsageRow(
        **dict(zip(by, sums.by, strict=True)),
        calls=sums.calls,
        ok=sums.ok,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost_usd=to_usd(sums.cost_picodollars),
    )
