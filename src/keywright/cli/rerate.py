"""`keywright prices rerate`: recorded costs, corrected by another price list, and back again."""

import asyncio
import getpass
import secrets
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar

import typer
from msgspec import Struct

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.place import local_blueprint, local_store
from keywright.cli.rerated import OWN, US_PER_S, Outcome, show_outcome, show_runs
from keywright.cli.screen import confirm

if TYPE_CHECKING:
    from keywright.house.blueprint import Blueprint
    from keywright.store.reratings import Reratings, Revise, Run, Span, Step
    from keywright.store.store import Store

EXAMPLE: Final = "Example: keywright prices rerate --since 2026-11-01 --model 'openai/*' --dry-run"
BATCH_ENTRIES: Final = 500
"""Of one transaction: a gateway that writes its ledger meanwhile waits no longer than for so many."""

RUN_BYTES: Final = 5

_Result = TypeVar("_Result")

Moment: TypeAlias = Annotated[str | None, typer.Option(metavar="DAY|DURATION", help="A UTC day, or how far back: 30d.")]


def add_to(app: typer.Typer) -> None:
    """The command, as part of the group `prices`."""
    app.command("rerate", epilog=EXAMPLE)(rerate)


def rerate(
    *,
    since: Moment = None,
    until: Moment = None,
    model: Annotated[str, typer.Option(metavar="GLOB", help="Only calls that `provider/model` served.")] = "*",
    prices: Annotated[
        str | None,
        typer.Option(metavar="DATE|own", help="The list of that date, or your own prices (else the newest)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a run that was ended.")] = None,
    undo: Annotated[str | None, typer.Option(metavar="RUN", help="Give every entry back what it said before.")] = None,
    list_runs: Annotated[bool, typer.Option("--list", help="List the runs.")] = False,
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Work out anew what recorded calls cost, by another price list. Budgets' periods keep what they were charged."""
    blueprint = local_blueprint(config)
    if sum((since is not None, resume is not None, undo is not None, list_runs)) != 1:
        raise typer.BadParameter("say one of --since DAY, --resume RUN, --undo RUN, --list")
    if list_runs:
        show_runs(asyncio.run(_in_store(blueprint, lambda work: work.runs.all())), json=json)
        return
    if undo is not None:
        confirm(f"Give every entry of the run {undo} back what it said before?", yes=yes)
        outcome = asyncio.run(_in_store(blueprint, lambda work: _undo(work, undo)))
    elif resume is not None:
        outcome = asyncio.run(_in_store(blueprint, lambda work: _resume(work, resume)))
    else:
        now_s = int(time.time())
        since_us, until_us = _moment_us(since or "", now_s, "--since"), _moment_us(until or "0s", now_s, "--until")
        if not dry_run:
            confirm(
                f"Correct the recorded costs of calls since {since}? (--dry-run only says what would change.)", yes=yes
            )
        asked = _Asked(blueprint, since_us, until_us, model, prices)
        do = _try_out if dry_run else _apply
        outcome = asyncio.run(_in_store(blueprint, lambda work: do(work, asked)))
    show_outcome(outcome, json=json)


class _Asked(Struct, frozen=True):
    """The words of a new run."""

    blueprint: "Blueprint"
    since_us: int
    until_us: int
    model: str
    prices: str | None


class _Work(Struct, frozen=True):
    """The store, and the runs in it."""

    store: "Store"
    runs: "Reratings"


async def _in_store(blueprint: "Blueprint", do: Callable[[_Work], Awaitable[_Result]]) -> _Result:
    from keywright.store.reratings import Reratings

    async with local_store(blueprint, create=False) as store:
        return await do(_Work(store, Reratings(store.database)))


async def _span(work: _Work, asked: _Asked) -> "Span":
    """The run that was asked for.

    Raises:
        CommandError: there is no such list.
    """
    from keywright.house.rerating import span_of

    as_of = "" if asked.prices == OWN else await _list_date(work, asked.prices)
    span = span_of(asked.blueprint.config, asked.since_us, asked.until_us, asked.model, as_of)
    if not as_of and not span.own:
        raise CommandError("the configuration has no [[prices]] to rate by")
    return span


async def _list_date(work: _Work, wanted: str | None) -> str:
    from keywright.catalog.snapshot import DATA_FILE
    from keywright.store.price_lists import PriceLists

    lists = PriceLists(work.store.database)
    newest = await lists.adopt(DATA_FILE.read_bytes(), int(time.time()))
    if wanted is None:
        return newest.as_of
    try:
        found = await lists.at(wanted)
    except ValueError as error:
        raise CommandError(f"{error}, or own") from None
    if found is None:
        raise CommandError(
            f"no price list of {wanted} or before is kept: `keywright prices history` lists those that are"
        )
    return found.as_of


async def _revise(work: _Work, span: "Span") -> "Revise":
    from keywright.house.rerating import reviser
    from keywright.store.price_lists import PriceLists

    lists = PriceLists(work.store.database)
    listed = await lists.of(span.as_of) if span.as_of else None
    return reviser(span, listed, await lists.archive())


async def _try_out(work: _Work, asked: _Asked) -> Outcome:
    from keywright.store.reratings import BEFORE_ALL_US, ModelTotal

    span = await _span(work, asked)
    revise = await _revise(work, span)
    kept: Counter[str] = Counter()
    sums: dict[str, list[int]] = {}
    place, more = (BEFORE_ALL_US, ""), True
    while more:
        step, place = await work.runs.look(span, revise, place, BATCH_ENTRIES)
        kept.update(step.kept)
        for served, old, new in step.changes:
            so_far = sums.setdefault(served, [0, 0, 0])
            so_far[:] = so_far[0] + 1, so_far[1] + old, so_far[2] + new
        more = step.more
    return Outcome("", "not applied", tuple(ModelTotal(name, *each) for name, each in sorted(sums.items())), dict(kept))


async def _apply(work: _Work, asked: _Asked) -> Outcome:
    from keywright.store.reratings import Run

    span = await _span(work, asked)
    run = Run(f"rr_{secrets.token_hex(RUN_BYTES)}", int(time.time()), _who(), span, "open")
    await work.runs.begin(run)
    return await _go_on(work, run)


async def _resume(work: _Work, run_id: str) -> Outcome:
    return await _go_on(work, await _run(work, run_id))


async def _go_on(work: _Work, run: "Run") -> Outcome:
    revise = await _revise(work, run.span)
    total = await work.runs.count(run.span)
    kept = await _steps(total, lambda: work.runs.step(run.id, revise, BATCH_ENTRIES), f"--resume {run.id} goes on")
    return Outcome(run.id, "done", await work.runs.totals(run.id), kept)


async def _undo(work: _Work, run_id: str) -> Outcome:
    run = await work.runs.begin_undo(run_id)
    totals = await work.runs.totals(run_id)
    total = sum(each.entries for each in totals)
    kept = await _steps(
        total, lambda: work.runs.undo_step(run.id, int(time.time()), BATCH_ENTRIES), f"--undo {run.id} goes on"
    )
    return Outcome(run.id, "undone", totals, kept)


async def _steps(total: int, step: "Callable[[], Awaitable[Step]]", advice: str) -> dict[str, int]:
    """Step until there is no more, telling a terminal how far it is."""
    kept: Counter[str] = Counter()
    seen, more = 0, True
    while more:
        done = await step()
        kept.update(done.kept)
        seen, more = seen + done.seen, done.more
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{seen} of {max(seen, total)} calls; when ended, {advice}" + ("" if more else "\n"))
            sys.stderr.flush()
    return dict(kept)


async def _run(work: _Work, run_id: str) -> "Run":
    found = next((run for run in await work.runs.all() if run.id == run_id), None)
    if found is None:
        raise CommandError(f"there is no run {run_id}: `keywright prices rerate --list` names them")
    return found


def _moment_us(text: str, now_s: int, option: str) -> int:
    """A day's beginning, or so long before now, in Unix microseconds."""
    from keywright.identity.key import duration_s

    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            return (now_s - (0 if text == "0s" else duration_s(text))) * US_PER_S
        except ValueError:
            raise typer.BadParameter(
                f"{text!r} is no day as 2026-11-24 and no duration as 30d", param_hint=option
            ) from None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * US_PER_S


def _who() -> str:
    try:
        return getpass.getuser()
    except OSError:  # a container's user may have no name
        return "unknown"
