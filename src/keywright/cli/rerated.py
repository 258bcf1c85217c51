"""How a re-rating is told: what it changed of each model, why other calls stayed as they were, which runs there are."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from keywright.cli.screen import console, emit_json, show_table
from keywright.core.json import JsonObject
from keywright.core.money import to_usd

if TYPE_CHECKING:
    from keywright.store.reratings import ModelTotal, Run

FIGURES: Final = ("calls", "before USD", "after USD", "difference USD")
OWN: Final = "own"
US_PER_S: Final = 10**6


class Outcome(Struct, frozen=True):
    """What a run did, or would do. `kept`: why how many entries stayed as they were, of those seen just now."""

    run: str
    state: str
    totals: "tuple[ModelTotal, ...]"
    kept: dict[str, int]


def show_outcome(outcome: Outcome, *, json: bool) -> None:
    """What a run did."""
    if json:
        emit_json(_facts(outcome))
        return
    screen = console()
    rows = [(each.model, *_amounts(each)) for each in outcome.totals]
    if rows:
        show_table(("model", *FIGURES), [*rows, ("total", *_amounts(_whole(outcome.totals)))], FIGURES)
    else:
        screen.print("no recorded cost differs")
    for why, count in sorted(outcome.kept.items()):
        screen.print(f"- {count} calls stay as they are: {why}")
    if outcome.run:
        screen.print(f"run {outcome.run} is {outcome.state}")
        if outcome.state == "done":
            screen.print(
                f"`keywright prices rerate --undo {outcome.run}` takes it back; budgets' periods are as they were"
            )


def _facts(outcome: Outcome) -> JsonObject:
    return {
        "run": outcome.run,
        "state": outcome.state,
        "models": [_total_facts(each) for each in outcome.totals],
        "total": _total_facts(_whole(outcome.totals)),
        "kept": dict(outcome.kept),
    }


def _total_facts(each: "ModelTotal") -> JsonObject:
    calls, before, after, change = _amounts(each)
    facts: JsonObject = {"model": each.model, "calls": int(calls), "before_usd": before, "after_usd": after}
    return {**facts, "difference_usd": change}


def _amounts(each: "ModelTotal") -> tuple[str, str, str, str]:
    old, new = each.old_picodollars, each.new_picodollars
    return str(each.entries), to_usd(old), to_usd(new), to_usd(new - old)


def _whole(totals: "tuple[ModelTotal, ...]") -> "ModelTotal":
    from keywright.store.reratings import ModelTotal

    return ModelTotal(
        "",
        sum(each.entries for each in totals),
        sum(each.old_picodollars for each in totals),
        sum(each.new_picodollars for each in totals),
    )


def show_runs(runs: "tuple[Run, ...]", *, json: bool) -> None:
    """All runs."""
    if json:
        emit_json({"runs": runs})
        return
    show_table(
        ("run", "state", "begun", "by", "prices", "model", "since", "until"),
        (
            (
                run.id,
                run.state,
                _time(run.created_s),
                run.by,
                run.span.as_of or OWN,
                run.span.model,
                _time(run.span.since_us // US_PER_S),
                _time(run.span.until_us // US_PER_S),
            )
            for run in runs
        ),
    )


def _time(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M}"
