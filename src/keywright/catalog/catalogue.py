"""The catalogue: which models exist, what they can do, what they cost at a moment.

A name is resolved as genai-prices does it: the first model of the vendor of which a clause matches, then the vendors it
falls back to, then the same with a compact date (`-20251211`) written out; only an exact id goes before all. Clauses
that ask for equality, three quarters of all, are one look-up; the rest are tried in order. That takes up to a few
hundred microseconds, so every answer is remembered, "no such model" too. Names come from clients: they are bounded in
length, and the memory is emptied when it holds too many, which costs the honest names one more resolution each.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from difflib import SequenceMatcher
from itertools import islice
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from keywright.catalog.families import abilities
from keywright.catalog.price import FREE, Price
from keywright.catalog.quote import price
from keywright.catalog.snapshot import Match, ModelRow, Row, Section, Snapshot
from keywright.catalog.variant import days, tiers_of, variant_price
from keywright.core.ability import Abilities

NAME_CHARS_MAX: Final = 256
"""A longer name is no model's name."""

NAMES_CACHED_MAX: Final = 4096
"""Remembered answers, over all catalogues."""

NEAREST_MAX: Final = 3
NEAREST_OF_MAX: Final = 20_000
NEAREST_COMPARED_MAX: Final = 48
NEAREST_CHARS_MAX: Final = 64
NEAREST_SIMILARITY_MIN: Final = 0.6
"""Of 1, by difflib's measure; below that a suggestion is a guess."""

K = TypeVar("K")
V = TypeVar("V")

DAY_S: Final = 86_400
COMPACT_DATE: Final = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


class DatedPrice(Struct, frozen=True):
    """A price from `starts_s` (Unix seconds) on, within `window_s` (seconds of the UTC day, end exclusive) if given."""

    price: Price | None
    starts_s: int = 0
    window_s: tuple[int, int] | None = None


class Model(Struct, frozen=True):
    """A model, as one catalogue has it. `catalogue` is where its prices are from.

    `prices`: the last that counts at a moment is the price, the first when none does. See `price_at`. `tiers`: the same
    of each service tier that costs something else.
    """

    id: str
    catalogue: str
    title: str
    abilities: Abilities
    prices: tuple[DatedPrice, ...]
    tiers: Mapping[str, tuple[DatedPrice, ...]] = {}

    @property
    def context_tokens_max(self) -> int | None:
        """The context window, None when not known."""
        return self.abilities.context_tokens_max


def price_at(model: Model, when_s: int, tier: str = "") -> Price | None:
    """What `model` costs at `when_s` (Unix seconds), at a service tier if one is given; None when nobody knows."""
    prices = model.tiers.get(tier, ()) if tier else model.prices
    if len(prices) > 1:
        for dated in reversed(prices):
            if when_s >= dated.starts_s and (dated.window_s is None or _within(dated.window_s, when_s % DAY_S)):
                return dated.price
    return prices[0].price if prices else None


class Catalogue:
    """All catalogues of one snapshot, with the operator's own prices by `provider/model`.

    Immutable but for its memory of resolved names.

    Raises:
        ValueError: the snapshot has a catalogue, or within one a model, twice.
    """

    def __init__(self, snapshot: Snapshot, own: Mapping[str, Price] | None = None) -> None:
        self.as_of = snapshot.as_of
        self._own = dict(own or {})
        self._shelves: dict[str, _Shelf] = {}
        for section in snapshot.catalogues:
            if section.id in self._shelves:
                raise ValueError(f"the catalogue has {section.id} twice")
            self._shelves[section.id] = _Shelf(section, snapshot.as_of)
        self._found: dict[tuple[str, str], Model | None] = {}
        self._bare: dict[str, tuple[tuple[str, Model], ...]] = {}
        self._abilities: dict[str, Abilities] = {}

    def find(self, catalogue: str, name: str) -> Model | None:
        """The model that `catalogue` calls `name`, None when it knows none."""
        try:
            return self._found[catalogue, name]
        except KeyError:
            return self._find(catalogue, name)

    def price(
        self, target: str, model: Model | None, when_s: int, *, free: bool = False, tier: str = ""
    ) -> Price | None:
        """What a call of `target` (`provider/model`) costs at `when_s`, at a service tier if one is given; None when
        nobody knows.

        The operator's own price wins, at every tier; else a provider that is `free` costs nothing; else the catalogue's
        price counts.
        """
        own = self._own.get(target)
        if own is not None:
            return own
        if free:
            return FREE
        return None if model is None else price_at(model, when_s, tier)

    def steady_price(self, target: str, model: Model | None, *, free: bool = False) -> Price | None:
        """What `price` says at any time; None when that depends on the time, or nobody knows."""
        changes = model is not None and len(model.prices) > 1 and target not in self._own and not free
        return None if changes else self.price(target, model, 0, free=free)

    def abilities(self, name: str) -> Abilities:
        """What a model can do that no catalogue lists: by its family alone."""
        found = self._abilities.get(name)
        if found is None:
            found = abilities(name[:NAME_CHARS_MAX])
            if len(name) <= NAME_CHARS_MAX:
                _remember(self._abilities, name, found)
        return found

    def bare(self, name: str) -> tuple[tuple[str, Model], ...]:
        """The catalogues that know `name` exactly, and what it is there: the maker of the model first.

        For the maker all names of the model count, dated ones too; for the others only ids and stated synonyms.
        """
        known = self._bare.get(name)
        if known is None:
            known = tuple(self._knowing(name))
            if len(name) <= NAME_CHARS_MAX:
                _remember(self._bare, name, known)
        return known

    def catalogues(self) -> tuple[str, ...]:
        """The names of all catalogues, in order."""
        return tuple(self._shelves)

    def models(self, catalogue: str) -> tuple[Model, ...]:
        """All models of `catalogue`, by their ids; none if there is no such catalogue. For listings: not remembered."""
        shelf = self._shelves.get(catalogue)
        if shelf is None:
            return ()
        return tuple(shelf.model(row, catalogue, row.id) for row in shelf.section.models)

    def _find(self, catalogue: str, name: str) -> Model | None:
        shelf = self._shelves.get(catalogue)
        if shelf is None or len(name) > NAME_CHARS_MAX:
            return None
        model = self._resolve(shelf, name)
        _remember(self._found, (catalogue, name), model)
        return model

    def _resolve(self, shelf: "_Shelf", name: str) -> Model | None:
        lower = name.lower()
        for spelling in dict.fromkeys((lower, _dashed_date(lower))):
            for candidate in (shelf.section.id, *shelf.section.fallbacks):
                other = self._shelves.get(candidate)
                row = None if other is None else other.row(spelling)
                if other is not None and row is not None:
                    return other.model(row, shelf.section.id, name)
        return None

    def _knowing(self, name: str) -> Iterator[tuple[str, Model]]:
        lower = name.lower()
        makers = [key for key, shelf in self._shelves.items() if _matches(shelf.section.own, lower)]
        others = [key for key, shelf in self._shelves.items() if key not in makers and lower in shelf.exact]
        for catalogue in (*makers, *others):
            model = self.find(catalogue, name)
            if model is not None:
                yield catalogue, model


class _Shelf:
    """One catalogue, ready for look-ups. Positions are those of `section.models`."""

    def __init__(self, section: Section, as_of: str) -> None:
        self.section = section
        self.as_of = as_of
        self.ids: dict[str, int] = {}
        self.exact: dict[str, int] = {}
        self.patterns: list[tuple[int, Match]] = []
        self._prices: dict[str, tuple[DatedPrice, ...]] = {}
        self._tiers: dict[str, dict[str, tuple[DatedPrice, ...]]] = {}
        for position, row in enumerate(section.models):
            if row.id.lower() in self.ids:
                raise ValueError(f"the catalogue {section.id} has the model {row.id} twice")
            self.ids[row.id.lower()] = position
            if row.match is not None:
                for name in row.match.equals:
                    self.exact.setdefault(name, position)
                self.patterns += [(position, row.match)] if _has_patterns(row.match) else []
        self.exact |= self.ids

    def row(self, name: str) -> ModelRow | None:
        """The model that `name` (lower case) means: by id, else the first of which a clause matches."""
        if name in self.ids:
            return self.section.models[self.ids[name]]
        equal = self.exact.get(name, len(self.section.models))
        for position, match in self.patterns:
            if position > equal:
                break
            if _matches(match, name):
                return self.section.models[position]
        return self.section.models[equal] if equal < len(self.section.models) else None

    def model(self, row: ModelRow, seller: str, name: str) -> Model:
        """`row` under the `name` that was asked for, which decides the abilities, as does who sells it."""
        known = abilities(name, seller)
        if row.context is not None:
            known = msgspec.structs.replace(known, context_tokens_max=row.context)
        return Model(
            id=row.id,
            catalogue=self.section.id,
            title=row.title or row.id,
            abilities=known,
            prices=self._dated(row),
            tiers=self._tiered(row) if row.variants else {},
        )

    def _dated(self, row: ModelRow) -> tuple[DatedPrice, ...]:
        prices = self._prices.get(row.id)
        if prices is None:
            base = f"{self.section.id}/{row.id}@{self.as_of}"
            prices = tuple(
                _dated(f"{base}#{index}" if index else base, quote) for index, quote in enumerate(row.prices)
            )
            self._prices[row.id] = prices
        return prices

    def _tiered(self, row: ModelRow) -> dict[str, tuple[DatedPrice, ...]]:
        tiers = self._tiers.get(row.id)
        if tiers is None:
            base = f"{self.section.id}/{row.id}@{self.as_of}"
            tiers = {tier: tuple(_at_tier(row, tier, base)) for tier in tiers_of(row.variants)}
            self._tiers[row.id] = tiers
        return tiers


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The up to three of `names` that look most like `name`, best first.

    Bounded: difflib compares only those few whose letters and length are nearest.
    """
    wanted = name[:NEAREST_CHARS_MAX].lower()
    letters = set(wanted)

    def distance(other: str) -> int:
        return len(letters.symmetric_difference(other.lower())) + abs(len(wanted) - len(other))

    candidates = dict.fromkeys(islice(names, NEAREST_OF_MAX))
    likely = heapq.nsmallest(NEAREST_COMPARED_MAX, candidates, key=distance)
    matcher = SequenceMatcher(b=wanted, autojunk=False)
    scored = []
    for other in likely:
        matcher.set_seq1(other[:NEAREST_CHARS_MAX].lower())
        scored.append((-matcher.ratio(), other))
    scored.sort()
    return tuple(other for score, other in scored[:NEAREST_MAX] if -score >= NEAREST_SIMILARITY_MIN)


def _remember(memory: dict[K, V], key: K, value: V) -> None:
    if len(memory) >= NAMES_CACHED_MAX:
        memory.clear()
    memory[key] = value


def _has_patterns(match: Match) -> bool:
    return bool(match.starts_with or match.ends_with or match.contains or match.regex or match.every)


def _matches(match: Match | None, name: str) -> bool:
    """Whether any clause of `match` holds for `name` (lower case)."""
    return match is not None and (
        name in match.equals
        or name.startswith(match.starts_with)
        or name.endswith(match.ends_with)
        or any(text in name for text in match.contains)
        or any(re.search(pattern, name) for pattern in match.regex)
        or any(all(_matches(part, name) for part in group) for group in match.every)
    )


def _dashed_date(name: str) -> str:
    """`name` with a compact date written with dashes, as the source's synonyms are."""
    return COMPACT_DATE.sub(r"-\1-\2-\3", name)


def _dated(row_id: str, row: Row) -> DatedPrice:
    window_s = None if row.between is None else (_second_of_day(row.between[0]), _second_of_day(row.between[1]))
    return DatedPrice(price=price(row_id, row, row.tiers), starts_s=_day_s(row.starts), window_s=window_s)


def _at_tier(model: ModelRow, tier: str, base: str) -> Iterator[DatedPrice]:
    """What a service tier costs: each price of the model, anew from each day on which a variant begins to count."""
    for index, row in enumerate(model.prices):
        plain = _dated("", row)
        for day in days(model.variants, tier):
            known = variant_price(f"{base}#{index}" if index else base, row, model.variants, tier, day)
            yield DatedPrice(price=known, starts_s=max(plain.starts_s, _day_s(day)), window_s=plain.window_s)


def _day_s(day: str) -> int:
    """When a day begins, in Unix seconds; 0 for "", the beginning of all."""
    return int(datetime.combine(date.fromisoformat(day), time(), UTC).timestamp()) if day else 0


def _second_of_day(clock: str) -> int:
    moment = time.fromisoformat(clock)
    return moment.hour * 3600 + moment.minute * 60


def _within(window_s: Sequence[int], second_of_day: int) -> bool:
    start, end = window_s
    if end < start:
        return second_of_day >= start or second_of_day < end
    return start <= second_of_day < end
