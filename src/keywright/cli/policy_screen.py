"""What `keywright policy` shows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from keywright.cli.screen import DIM, STRONG, console, show_facts, show_table

if TYPE_CHECKING:
    from keywright.inquiry.replay import Report
    from keywright.inquiry.tally import Row
    from keywright.inquiry.trial import LevelShown, Trial

ROWS_SHOWN: Final = 20
FIGURES: Final = ("calls", "served before", "after", "USD before", "USD after")


def show_trial(trial: "Trial") -> None:
    """One answer, with all that counts in it."""
    verdict = "allowed" if trial.allowed else f"refused with {trial.status} {trial.code}"
    show_facts(
        (
            ("answer", verdict),
            ("decided by", f"{trial.rule}: {trial.meaning}"),
            ("the client hears", trial.message or "-"),
            ("a typical call costs at most", f"{trial.worst_usd} USD (4,000 bytes in, 1,000 tokens out)"),
        )
    )
    show_table(
        ("level", "name", "endpoints", "models", "networks", "ends"),
        [
            (
                one.level,
                one.name,
                _endpoints(one),
                ", ".join(one.models) or "all",
                ", ".join(one.cidrs) or "all",
                _ends(one),
            )
            for one in trial.levels
        ],
    )
    if trial.targets:
        figures = ("input USD/M", "output USD/M", "at most USD")
        rows = [
            (
                one.name,
                *(amount or "?" for amount in (one.input_usd, one.output_usd, one.worst_usd)),
                one.left_out or "yes",
            )
            for one in trial.targets
        ]
        show_table(("target", *figures, "tried"), rows, figures)
    if trial.budgets:
        rows = [
            (one.id, one.on, one.amount_usd, one.window, one.since or "-", "hard" if one.hard else "soft")
            for one in trial.budgets
        ]
        show_table(("budget", "on", "USD", "window", "since", "kind"), rows, ("USD",))
    if trial.limits:
        show_table(
            ("limit on", "of", "at most"), [(one.on, one.kind, str(one.cap)) for one in trial.limits], ("at most",)
        )


def show_report(report: "Report") -> None:
    """What a replay found. Long lists are cut; `--json` has all of them."""
    if not report.total.calls:
        console().print("no calls are recorded of that time")
        return
    show_table(("", *FIGURES, "such as"), [_cells(report.total)], FIGURES)
    _show("served then, refused by the new configuration", "rule", report.refused)
    _show("refused then, admitted by the new configuration", "rule", report.admitted)
    _show("served by another model", "from -> to", report.moved)
    _show("by model", "model", report.models)
    _show("by key", "key", report.keys)
    if report.bounds:
        console().print("budgets and limits of the new configuration", style=STRONG)
        figures = ("refused", "USD")
        rows = [(one.on, one.bound, str(one.calls), one.usd, one.rule) for one in report.bounds]
        show_table(("on", "bound", *figures, "rule"), rows, figures)
    for count, words in (
        (report.unpriced, "would be served by a model whose price nobody knows"),
        (report.uncosted, "were refused then, so nobody knows what they would cost"),
        (report.unplaced, "were recorded without an address, so networks were not asked about"),
    ):
        if count:
            console().print(f"{count} calls {words}", style=DIM)


@contextmanager
def progress(since_us: int, until_us: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while a replay goes through its time; what is given takes how far it is. No bar where
    that is no terminal.
    """
    from rich.progress import Progress

    screen = console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("calls", total=until_us - since_us)
        yield lambda at_us: bar.update(task, completed=at_us - since_us)


def _show(title: str, what: str, rows: "tuple[Row, ...]") -> None:
    if not rows:
        return
    console().print(title, style=STRONG)
    show_table((what, *FIGURES, "such as"), map(_cells, rows[:ROWS_SHOWN]), FIGURES)
    if len(rows) > ROWS_SHOWN:
        console().print(f"and {len(rows) - ROWS_SHOWN} more: --json has all of them", style=DIM)


def _cells(row: "Row") -> tuple[str, ...]:
    return (
        row.name or "-",
        f"{row.calls:,}",
        f"{row.served_before:,}",
        f"{row.served_after:,}",
        row.before_usd,
        row.after_usd,
        row.examples[0] if row.examples else "-",
    )


def _endpoints(level: "LevelShown") -> str:
    return "all" if level.endpoints is None else ", ".join(level.endpoints) or "none"


def _ends(level: "LevelShown") -> str:
    return ", ".join(f"{end.why} {end.at}" for end in level.ends) or "never"
