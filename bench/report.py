"""Figures for reading: medians over the rounds, each beside the limit's, on the screen, as JSON and as Markdown."""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bench.machine import Machine
from bench.sample import Sample

LIMIT: Final = "nginx"
DIRECT: Final = "direct"
NOT_COMPARED: Final = frozenset({"core_percent", "others_percent", "rate_rps", "rate_cps"})
"""What was offered and how the core was used: conditions, not results."""
BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"
OTHERS_PERCENT_MAX: Final = 5.0
BUSY: Final = "Others took up to {:.0f} % of the core: only memory and CPU per request at saturation count."
LEGEND: Final = (
    "Each cell: median [least-most of the rounds] +more than direct (nothing in between), x times what nginx needs."
)


class Row(Struct, frozen=True):
    """One figure of one case over its rounds; how many times the limit's, how much more than direct."""

    question: str
    case: str
    target: str
    figure: str
    median: float
    least: float
    most: float
    rounds: int
    times_limit: float | None = None
    over_direct: float | None = None


class Report(Struct, frozen=True):
    """One run."""

    machine: Machine
    rounds: int
    seconds: int
    rows: tuple[Row, ...]


def summarise(samples: Iterable[Sample]) -> tuple[Row, ...]:
    """One row for each figure, in the order in which cases and figures first came."""
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for sample in samples:
        for figure, value in sample.figures.items():
            values.setdefault((sample.question, sample.case, sample.target, figure), []).append(value)
    medians = {key: statistics.median(found) for key, found in values.items()}
    rows = []
    for (question, case, target, figure), found in values.items():
        median = medians[question, case, target, figure]
        compared = target not in {LIMIT, DIRECT} and figure not in NOT_COMPARED
        limit = medians.get((question, case, LIMIT, figure)) if compared else None
        direct = None if target == DIRECT else medians.get((question, case, DIRECT, figure))
        rows.append(
            Row(
                question=question,
                case=case,
                target=target,
                figure=figure,
                median=median,
                least=min(found),
                most=max(found),
                rounds=len(found),
                times_limit=median / limit if limit else None,
                over_direct=median - direct if direct is not None and figure.endswith("_us") else None,
            )
        )
    return tuple(rows)


def show(report: Report, console: Console) -> None:
    """A table per question, and below them where it was measured."""
    for question, (columns, lines) in tables(report.rows).items():
        table = Table(*(Column(title, overflow="fold") for title in columns), title=question, title_justify="left")
        for line in lines:
            table.add_row(*map(Text, line))
        console.print(table)
    console.print(Text(described(report)))
    console.print(Text(LEGEND))


def markdown(report: Report) -> str:
    """The same in Markdown."""
    parts = [described(report), LEGEND]
    for question, (columns, lines) in tables(report.rows).items():
        ruler = "|".join(["---", "---", *("---:" for _ in columns[2:])])
        rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"### {question.capitalize()}\n\n| {' | '.join(columns)} |\n|{ruler}|\n{rows}")
    return "\n\n".join(parts)


def tables(rows: Sequence[Row]) -> dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """For each question its columns and lines: one line per case and target, one column per figure."""
    found = {}
    for question in dict.fromkeys(row.question for row in rows):
        asked = [row for row in rows if row.question == question]
        figures = tuple(dict.fromkeys(row.figure for row in asked))
        cells = {(row.case, row.target, row.figure): cell(row) for row in asked}
        lines = [
            (case, target, *(cells.get((case, target, figure), "") for figure in figures))
            for case, target in dict.fromkeys((row.case, row.target) for row in asked)
        ]
        found[question] = (("what", "who", *(TITLES.get(figure, figure) for figure in figures)), lines)
    return found


def described(report: Report) -> str:
    """When, on what, and how, in one line."""
    at = report.machine
    others = max((row.median for row in report.rows if row.figure == "others_percent"), default=0.0)
    warning = f" {BUSY.format(others)}" if others > OTHERS_PERCENT_MAX else ""
    return (
        f"{at.date}, commit {at.commit}: {at.processor}, {at.cores} cores, {at.memory_gb:.0f} GB, Linux {at.kernel}, "
        f"Python {at.python}, {at.nginx}; {report.rounds} rounds of {report.seconds} s.{warning}"
    )


def cell(row: Row) -> str:
    """A figure as text: median, range, times the limit, and how much more than direct."""
    text = number(row.median)
    if row.rounds > 1:
        text += f" [{number(row.least)}-{number(row.most)}]"
    if row.over_direct is not None:
        text += f" {'-' if row.over_direct < 0 else '+'}{number(abs(row.over_direct))}"
    if row.times_limit is not None:
        text += f" x{row.times_limit:.2f}"
    return text


TITLES: Final = {
    "rps": "requests/s",
    "cpu_us": "CPU µs/request",
    "core_percent": "% of its core",
    "others_percent": "% others",
    "rate_rps": "requests/s sent",
    "rate_cps": "chunks/s sent",
    "p50_us": "µs, p50",
    "p99_us": "µs, p99",
    "chunk_cpu_us": "CPU µs/chunk",
    "start_ms": "ms to first answer",
    "idle_mb": "MB idle",
    "open_mb": "MB, all streams open",
    "stream_kb": "KB per open stream",
    "install_mb": "MB installed",
    "packages": "packages",
}


def number(value: float) -> str:
    """Three significant digits at least, no digits that say nothing."""
    magnitude = abs(value)
    digits = 0 if magnitude >= 100 else 1 if magnitude >= 10 else 2
    return f"{value:,.{digits}f}"


def written_into(document: str, report: Report) -> str:
    """`document` with the table between its two marks replaced. Raises ValueError when it lacks them."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no place for the table: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{markdown(report)}\n{END}{after}"


def save(report: Report, encoded: bytes, folder: Path) -> Sequence[Path]:
    """Write `performance.json` and the table of `performance.md` in `folder`; what was written."""
    data, page = folder / "performance.json", folder / "performance.md"
    page.write_text(written_into(page.read_text(encoding="utf-8"), report), encoding="utf-8")
    kept = json.loads(data.read_bytes()) if data.exists() else {}  # what another harness keeps there stays
    data.write_text(json.dumps(kept | json.loads(encoded), indent=2) + "\n", encoding="utf-8")
    return data, page
