"""`/metrics`: what has passed through, for Prometheus.

The hot path adds to plain integers; the figures become Prometheus' families only when somebody asks for them.
Labels come from configured names, but a client can invent models of an uncatalogued provider: beyond `SERIES_MAX`
combinations all others are counted as `other`.

Where several workers serve one address, any of them is asked and tells what all have counted: each keeps its figures on
a board that they share (`board.py`), twice a second and at its end. Who tells writes its own there first, so that no
later page shows less. A worker that takes a dead one's place goes on from its figures.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from keywright.core.entry import Entry
from keywright.server import families
from keywright.server.board import Board
from keywright.server.families import FAMILIES, STATE, Family, Figures, Labels, lasting, summed

SERIES_MAX: Final = 2_000
UNCOUNTED_MAX: Final = 64
"""Entries are counted so many at a time: code that runs once per call runs cold, which doubles what it costs."""
OTHER: Final = "other"

_decode: Final = msgspec.json.Decoder(list[tuple[str, list[tuple[Labels, list[int]]]]]).decode


class _Series:
    """What one combination of labels has seen."""

    __slots__ = ("calls", "input_tokens", "output_tokens", "picodollars")

    def __init__(self) -> None:
        self.calls = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.picodollars = 0


class State(Struct, frozen=True):
    """What is read anew at each scrape. `families.STATE` says what each field is, and what its labels are."""

    running: int
    waiting: int
    written: int
    retries: int
    dropped: int
    replayed: int
    lost: int
    asks: int
    short: int
    reads: Mapping[Labels, int] = {}
    stale: Mapping[Labels, int] = {}
    missing: Mapping[Labels, int] = {}


class Meters:
    """Counts calls. Implements the pipeline's `Meters`."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str, str], _Series] = {}
        self._uncounted: list[Entry] = []
        self._counted: Figures = {}
        self._overhead = self._numbers(families.OVERHEAD, ())
        self._total = self._numbers(families.TOTAL, ())
        self._before: Figures = {}
        self._board: Board | None = None
        self._place = 0

    def share(self, board: Board, place: int) -> None:
        """Tell from now on what all on `board` have counted. Who had `place` before is dead; its figures count on."""
        self._board, self._place = board, place
        self._before = lasting(_read(board, place))

    def settled(self, entry: Entry) -> None:
        """Count one call."""
        self._uncounted.append(entry)
        if len(self._uncounted) >= UNCOUNTED_MAX:
            self._count()

    def unknown(self, code: str) -> None:
        """Count one call that proved no key."""
        self.count(families.UNKNOWN, (code,))

    def count(self, family: Family, labels: Labels = (), number: int = 1) -> None:
        """Add to a counter."""
        self._numbers(family, labels)[0] += number

    def observe(self, family: Family, value: int, labels: Labels = ()) -> None:
        """Add a value to a histogram."""
        _observe(self._numbers(family, labels), family, value)

    def figures(self, state: State) -> Figures:
        """What this worker, and those whose place it took, have counted; and how things are now."""
        self._count()
        own: Figures = {**self._calls(), **self._counted}
        if self._board is not None:
            worker = (str(self._place),)
            own[families.STARTS.name] = {worker: [1]}
            own[families.WORKER_RUNNING.name] = {worker: [state.running]}
        for field, value in msgspec.structs.asdict(state).items():
            by_labels = value.items() if STATE[field].labels else [((), value)]
            own[STATE[field].name] = {labels: [number] for labels, number in by_labels}
        return summed((self._before, own))

    def post(self, state: State) -> bool:
        """Write the figures on the board, for the others. False: they are too many for it."""
        return self._board is None or post(self._board, self._place, self.figures(state))

    def everything(self, state: State) -> Figures:
        """The figures of all workers together."""
        own = self.figures(state)
        board = self._board
        if board is None:
            return own
        post(board, self._place, own)
        others = (place for place in range(board.places) if place != self._place)
        return summed((own, *(_living(board, place) for place in others)))

    def _count(self) -> None:
        for entry in self._uncounted:
            self._add(entry)
        self._uncounted.clear()

    def _add(self, entry: Entry) -> None:
        labels: tuple[str, str, str] = (entry.provider, entry.served, entry.outcome)
        series = self._series.get(labels)
        if series is None:
            if len(self._series) >= SERIES_MAX:
                labels = (OTHER, OTHER, OTHER)
            series = self._series.setdefault(labels, _Series())
        series.calls += 1
        series.input_tokens += entry.usage.input_total
        series.output_tokens += entry.usage.output_total
        series.picodollars += entry.cost_picodollars
        if entry.served:
            _observe(self._overhead, families.OVERHEAD, entry.overhead_us)
            _observe(self._total, families.TOTAL, entry.total_us)

    def _calls(self) -> Figures:
        calls: dict[Labels, list[int]] = {}
        tokens: dict[Labels, list[int]] = {}
        cost: dict[Labels, list[int]] = {}
        for labels, series in self._series.items():
            calls[labels] = [series.calls]
            tokens[(*labels, "input")] = [series.input_tokens]
            tokens[(*labels, "output")] = [series.output_tokens]
            cost[labels] = [series.picodollars]
        return {families.CALLS.name: calls, families.TOKENS.name: tokens, families.COST.name: cost}

    def _numbers(self, family: Family, labels: Labels) -> list[int]:
        series = self._counted.setdefault(family.name, {})
        numbers = series.get(labels)
        if numbers is None:
            if len(series) >= SERIES_MAX:
                labels = (OTHER,) * len(labels)
            numbers = series.setdefault(labels, family.nothing)
        return numbers


def post(board: Board, place: int, figures: Figures) -> bool:
    """Write `figures` on the board. False: they are too many for it."""
    return board.write(place, msgspec.json.encode([(name, list(series.items())) for name, series in figures.items()]))


def exposition(meters: Meters, state: State) -> bytes:
    """The page, in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(meters.everything(state)))
    return generate_latest(registry)


class _Page(Collector):
    """Prometheus' view of figures."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> list[Metric]:
        return list(families.metrics(self._figures))


def _observe(numbers: list[int], family: Family, value: int) -> None:
    numbers[bisect_left(family.bounds, value)] += 1
    numbers[-1] += value


def _living(board: Board, place: int) -> Figures:
    figures = _read(board, place)
    return lasting(figures) if board.is_buried(place) else figures


def _read(board: Board, place: int) -> Figures:
    payload = board.read(place)
    if not payload:
        return {}
    return {name: dict(series) for name, series in _decode(payload) if name in FAMILIES}
