"""`/metrics`: what has passed through, for Prometheus.

The hot path adds to plain integers; the figures become Prometheus' families only when somebody asks for them.
Labels come from configured names, but a client can invent models of an uncatalogued provider: beyond `SERIES_MAX`
combinations all others are counted as `other`.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from keywright.core.entry import Entry
from keywright.core.money import PICODOLLARS_PER_USD

SERIES_MAX: Final = 2_000
UNCOUNTED_MAX: Final = 64
"""Entries are counted so many at a time: code that runs once per call runs cold, which doubles what it costs."""
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
MICRO: Final = 1e-6
OTHER: Final = ("other", "other", "other")


class _Series:
    """What one combination of labels has seen."""

    __slots__ = ("calls", "input_tokens", "output_tokens", "picodollars")

    def __init__(self) -> None:
        self.calls = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.picodollars = 0


class _Histogram:
    """Counts per bucket; the last one is what was larger than every bound."""

    def __init__(self, bounds_us: tuple[int, ...]) -> None:
        self.bounds_us = bounds_us
        self.counts = [0] * (len(bounds_us) + 1)
        self.sum_us = 0

    def add(self, value_us: int) -> None:
        self.counts[bisect_left(self.bounds_us, value_us)] += 1
        self.sum_us += value_us

    def family(self, name: str, help_text: str) -> HistogramMetricFamily:
        buckets, total = [], 0
        for bound_us, count in zip((*self.bounds_us, None), self.counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound_us is None else f"{bound_us * MICRO:g}", total))
        return HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=self.sum_us * MICRO)


class State(Struct, frozen=True):
    """What is read anew at each scrape."""

    running: int
    waiting: int
    written: int
    retries: int
    dropped: int
    replayed: int
    lost: int


class Meters(Collector):
    """Counts calls. Implements the pipeline's `Meters`."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str, str], _Series] = {}
        self._uncounted: list[Entry] = []
        self._unknown: dict[str, int] = {}
        self._overhead = _Histogram(OVERHEAD_US)
        self._total = _Histogram(TOTAL_US)

    def settled(self, entry: Entry) -> None:
        """Count one call."""
        self._uncounted.append(entry)
        if len(self._uncounted) >= UNCOUNTED_MAX:
            self._count()

    def _count(self) -> None:
        for entry in self._uncounted:
            self._add(entry)
        self._uncounted.clear()

    def _add(self, entry: Entry) -> None:
        labels: tuple[str, str, str] = (entry.provider, entry.served, entry.outcome)
        series = self._series.get(labels)
        if series is None:
            if len(self._series) >= SERIES_MAX:
                labels = OTHER
            series = self._series.setdefault(labels, _Series())
        series.calls += 1
        series.input_tokens += entry.usage.input_total
        series.output_tokens += entry.usage.output_total
        series.picodollars += entry.cost_picodollars
        if entry.served:
            self._overhead.add(entry.overhead_us)
            self._total.add(entry.total_us)

    def unknown(self, code: str) -> None:
        """Count one call that proved no key."""
        self._unknown[code] = self._unknown.get(code, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """The families, as Prometheus wants them."""
        self._count()
        names = ("provider", "model", "outcome")
        calls = CounterMetricFamily("keywright_calls", "Calls by how they ended", labels=names)
        tokens = CounterMetricFamily("keywright_tokens", "Tokens used", labels=(*names, "direction"))
        cost = CounterMetricFamily("keywright_cost_usd", "Cost in US dollars", labels=names)
        for labels, series in self._series.items():
            calls.add_metric(labels, series.calls)
            tokens.add_metric((*labels, "input"), series.input_tokens)
            tokens.add_metric((*labels, "output"), series.output_tokens)
            cost.add_metric(labels, series.picodollars / PICODOLLARS_PER_USD)
        refused = CounterMetricFamily("keywright_unauthenticated", "Calls that proved no key", labels=("code",))
        for code, count in self._unknown.items():
            refused.add_metric((code,), count)
        yield from (calls, tokens, cost, refused)
        yield self._overhead.family("keywright_overhead_seconds", "Time within Keywright, the provider's not counted")
        yield self._total.family("keywright_call_seconds", "Time from a request's last byte to its answer's last")


def exposition(meters: Meters, state: State) -> bytes:
    """The page, in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(meters)
    registry.register(_StateCollector(state))
    return generate_latest(registry)


class _StateCollector(Collector):
    """The gauges of one scrape."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        state, ledger = self._state, "keywright_ledger"
        yield GaugeMetricFamily("keywright_calls_running", "Calls in progress", value=state.running)
        yield GaugeMetricFamily(f"{ledger}_waiting", "Entries that are not yet in the store", value=state.waiting)
        yield CounterMetricFamily(f"{ledger}_written", "Entries brought to the store", value=state.written)
        yield CounterMetricFamily(f"{ledger}_retries", "Batches that the store did not take", value=state.retries)
        yield CounterMetricFamily(f"{ledger}_dropped", "Refused calls that could not be recorded", value=state.dropped)
        yield CounterMetricFamily(
            f"{ledger}_replayed", "Entries recovered from spools at the start", value=state.replayed
        )
        yield CounterMetricFamily(f"{ledger}_lost", "Calls that were in flight at a kill", value=state.lost)
