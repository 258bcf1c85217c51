"""Medians over rounds, beside the limit and beside nothing in between."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from bench.machine import Machine
from bench.report import BEGIN, END, Report, Row, cell, described, markdown, number, save, summarise, written_into
from bench.sample import Case, Sample, rounds

MACHINE = Machine(
    date="2026-01-02",
    commit="abc1234",
    processor="A Processor",
    cores=2,
    memory_gb=8.0,
    kernel="6.1",
    python="3.11.7",
    nginx="nginx/1.22.1",
)


def sample(target: str, **figures: float) -> Sample:
    return Sample(question="latency", case="chat", target=target, figures=figures)


def found(rows: tuple[Row, ...], target: str, figure: str) -> Row:
    (row,) = (row for row in rows if (row.target, row.figure) == (target, figure))
    return row


ROWS = summarise(
    [
        *(sample("direct", p50_us=value) for value in (100.0, 90.0, 110.0)),
        *(sample("nginx", p50_us=value, rps=value * 10) for value in (200.0, 250.0, 150.0)),
        *(sample("keywright", p50_us=value, rps=value) for value in (300.0, 280.0, 500.0)),
    ]
)


def test_a_row_has_the_median_and_the_range() -> None:
    row = found(ROWS, "keywright", "p50_us")
    assert (row.median, row.least, row.most, row.rounds) == (300.0, 280.0, 500.0, 3)


def test_a_target_is_compared_with_the_limit_and_the_limit_with_nothing() -> None:
    assert found(ROWS, "keywright", "p50_us").times_limit == 1.5
    assert found(ROWS, "keywright", "rps").times_limit == 0.15
    assert found(ROWS, "nginx", "p50_us").times_limit is None
    assert found(ROWS, "direct", "p50_us").times_limit is None


def test_times_are_compared_with_direct() -> None:
    assert found(ROWS, "keywright", "p50_us").over_direct == 200.0
    assert found(ROWS, "nginx", "p50_us").over_direct == 100.0
    assert found(ROWS, "nginx", "rps").over_direct is None


def test_a_cell_says_it_all() -> None:
    assert cell(found(ROWS, "keywright", "p50_us")) == "300 [280-500] +200 x1.50"
    assert cell(structs.replace(ROWS[0], rounds=1)) == "100"


def test_rounds_take_the_cases_in_turn() -> None:
    order: list[str] = []

    def measure(name: str) -> dict[str, float]:
        order.append(name)
        return {"rps": float(len(order))}

    cases = [Case(name=name, target="nginx", measure=lambda name=name: measure(name)) for name in "ab"]  # type: ignore[misc]
    said: list[str] = []
    samples = list(rounds("q", cases, 2, said.append))
    assert order == ["a", "b", "a", "b"]
    assert [one.figures["rps"] for one in samples] == [1.0, 2.0, 3.0, 4.0]
    assert len(said) == 4


def test_the_table_replaces_only_what_is_between_its_marks() -> None:
    report = Report(machine=MACHINE, rounds=3, seconds=1, rows=ROWS)
    once = written_into(f"before\n{BEGIN}\nold\n{END}\nafter\n", report)
    assert once == f"before\n{BEGIN}\n{markdown(report)}\n{END}\nafter\n"
    assert written_into(once, report) == once
    assert "| chat | nginx | 200 [150-250] +100 | 2,000 [1,500-2,500] |" in once


@pytest.mark.parametrize(("others", "warned"), [(4.0, False), (30.0, True)])
def test_a_run_on_a_busy_machine_says_what_still_counts(others: float, warned: bool) -> None:
    rows = summarise([sample("nginx", rps=1.0, others_percent=others)])
    text = described(Report(machine=MACHINE, rounds=1, seconds=1, rows=rows))
    assert ("only memory and CPU" in text) == warned


def test_a_document_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        written_into("nothing here", Report(machine=MACHINE, rounds=1, seconds=1, rows=()))


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.50"), (9.094, "9.09"), (21.26, "21.3"), (512.4, "512"), (109187.2, "109,187")]
)
def test_numbers_have_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_saved_leaves_the_figures_of_other_harnesses(tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    (tmp_path / "performance.json").write_text('{"rounds": 1, "ledger": [1]}')
    report = Report(MACHINE, 2, 3, ())
    save(report, msgspec.json.encode(report), tmp_path)
    figures = json.loads((tmp_path / "performance.json").read_text())
    assert (figures["rounds"], figures["ledger"]) == (2, [1])
    assert "old" not in (tmp_path / "performance.md").read_text()
