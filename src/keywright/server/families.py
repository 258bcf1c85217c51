"""What a metric is: its families as data, the figures that fill them, and how those of several workers become one.

To add a metric: a row here and in `FAMILIES`, and where it happens `meters.count(FAMILY, labels, n)` or
`meters.observe(FAMILY, value)`; or, if it is read at each scrape, a field of `metrics.State` and a row of `STATE`: a
number, or where the family has labels numbers by them.

Figures are whole numbers in the smallest unit, so that they add up exactly however many workers there are.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from keywright.core.money import PICODOLLARS_PER_USD

MICROS: Final = 10**6
OVERHEAD_US: Final = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000)
TOTAL_US: Final = (
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    120_000_000,
)
CHANGE_US: Final = (10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
CALL: Final = ("provider", "model", "outcome")
SECRET: Final = ("store", "cause")

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Labels: TypeAlias = tuple[str, ...]
Figures: TypeAlias = dict[str, dict[Labels, list[int]]]
"""By family's name and labels: one number; of a histogram the count of each bucket, of what was larger, and the sum."""


class Family(Struct, frozen=True):
    """One metric. `per`: how many of the figures' units are one of the metric's. `bounds`: a histogram's, in figures.

    Counters and histograms of dead workers count on; gauges are added up over the living. Where a sum says nothing,
    `worker` is one of the labels.
    """

    name: str
    help: str
    kind: Kind
    labels: Labels = ()
    per: int = 1
    bounds: tuple[int, ...] = ()

    @property
    def nothing(self) -> list[int]:
        """The figures of what has not happened."""
        return [0] * (len(self.bounds) + 2 if self.kind == "histogram" else 1)


CALLS: Final = Family("keywright_calls", "Calls by how they ended", "counter", CALL)
TOKENS: Final = Family("keywright_tokens", "Tokens used", "counter", (*CALL, "direction"))
COST: Final = Family("keywright_cost_usd", "Cost in US dollars", "counter", CALL, PICODOLLARS_PER_USD)
UNKNOWN: Final = Family("keywright_unauthenticated", "Calls that proved no key", "counter", ("code",))
OVERHEAD: Final = Family(
    name="keywright_overhead_seconds",
    help="Time within Keywright, the provider's not counted",
    kind="histogram",
    per=MICROS,
    bounds=OVERHEAD_US,
)
TOTAL: Final = Family(
    name="keywright_call_seconds",
    help="Time from a request's last byte to its answer's last",
    kind="histogram",
    per=MICROS,
    bounds=TOTAL_US,
)
CHANGES: Final = Family(
    name="keywright_change_seconds",
    help="Time from a change of keys, rules, budgets or prices until a worker knew it",
    kind="histogram",
    per=MICROS,
    bounds=CHANGE_US,
)
STARTS: Final = Family("keywright_worker_starts", "How often a worker was started", "counter", ("worker",))
WORKER_RUNNING: Final = Family("keywright_worker_calls_running", "Calls in progress by worker", "gauge", ("worker",))

STATE: Final[Mapping[str, Family]] = {
    "running": Family("keywright_calls_running", "Calls in progress", "gauge"),
    "waiting": Family("keywright_ledger_waiting", "Entries that are not yet in the store", "gauge"),
    "written": Family("keywright_ledger_written", "Entries brought to the store", "counter"),
    "retries": Family("keywright_ledger_retries", "Batches that the store did not take", "counter"),
    "dropped": Family("keywright_ledger_dropped", "Refused calls that could not be recorded", "counter"),
    "replayed": Family("keywright_ledger_replayed", "Entries recovered from spools of dead processes", "counter"),
    "lost": Family("keywright_ledger_lost", "Calls that were in flight at a kill", "counter"),
    "asks": Family("keywright_escrow_asks", "Questions to the store for more of budgets and limits", "counter"),
    "short": Family("keywright_escrow_refusals", "Calls refused by a budget or a limit", "counter"),
    "reads": Family(
        "keywright_secret_reads", "Questions to stores of secrets by what came of them", "counter", ("store", "outcome")
    ),
    "stale": Family(
        "keywright_secrets_stale", "Secrets that cannot be read now and count as they were, by worker", "gauge", SECRET
    ),
    "missing": Family(
        "keywright_secrets_missing", "Secrets that cannot be read now and count no longer, by worker", "gauge", SECRET
    ),
}
"""What is read at each scrape: by the field of `metrics.State`."""

FAMILIES: Final[Mapping[str, Family]] = {
    family.name: family
    for family in (CALLS, TOKENS, COST, UNKNOWN, OVERHEAD, TOTAL, CHANGES, STARTS, WORKER_RUNNING, *STATE.values())
}
"""Every metric, in the page's order."""


def summed(parts: Iterable[Figures]) -> Figures:
    """The figures of all `parts` together. None of them is changed."""
    total: Figures = {}
    for part in parts:
        for name, series in part.items():
            into = total.setdefault(name, {})
            for labels, numbers in series.items():
                before = into.get(labels)
                into[labels] = numbers if before is None else [a + b for a, b in zip(before, numbers, strict=True)]
    return total


def lasting(figures: Figures) -> Figures:
    """What of a dead worker's figures counts on: all but gauges."""
    return {name: series for name, series in figures.items() if FAMILIES[name].kind != "gauge"}


def metrics(figures: Figures) -> Iterator[Metric]:
    """The families, as Prometheus wants them."""
    for name, family in FAMILIES.items():
        series = figures.get(name, {})
        if not series and not family.labels:
            series = {(): family.nothing}
        yield _metric(family, series)


def _metric(family: Family, series: Mapping[Labels, list[int]]) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for labels, numbers in series.items():
            histogram.add_metric(labels, list(_buckets(family, numbers)), numbers[-1] / family.per)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.help, labels=family.labels)
    for labels, numbers in series.items():
        metric.add_metric(labels, numbers[0] / family.per if family.per != 1 else numbers[0])
    return metric


def _buckets(family: Family, numbers: list[int]) -> Iterator[tuple[str, int]]:
    total = 0
    for bound, count in zip((*family.bounds, None), numbers[:-1], strict=True):
        total += count
        yield "+Inf" if bound is None else f"{bound / family.per:g}", total
