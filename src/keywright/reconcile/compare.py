"""Where ledger and provider differ, by model and key. Pure.

Compared is what the gateway's own keys used. What other keys of the account used is listed, and is no drift of the
ledger: it never came by here. Where a provider tells costs by model only and others used that model, its cost cannot be
compared, and is left out of the judgement. Where it names no keys at all, everything counts as ours.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.reconcile.reader import Figure, Told

ROUNDING_PICODOLLARS: Final = 10**8
"""A hundredth of a cent: providers tell costs as rounded numbers."""

UNKNOWN_MODEL: Final = "(unknown)"
NO_KEY: Final = "(no key)"
"""What was used without a key, in the provider's console, or by keys that are gone."""

Side: TypeAlias = Literal["both", "provider", "ledger"]


class Recorded(Struct, frozen=True):
    """What the ledger has of one model by one credential. `counted`: calls whose usage we counted ourselves."""

    model: str
    credential: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: int
    counted: int = 0


class Sums(Struct, frozen=True):
    """Figures of one side; None: not told."""

    calls: int | None
    input_tokens: int
    output_tokens: int
    cost: int | None


class Line(Struct, frozen=True):
    """One model, or one model by one key, on both sides. `key`: our fingerprint, else the provider's id; "" for all."""

    model: str
    key: str
    provider: Sums | None
    ledger: Sums | None
    counted: int
    exceeds: bool

    @property
    def side(self) -> Side:
        """Who knows of it."""
        if self.provider is None:
            return "ledger"
        return "provider" if self.ledger is None else "both"


class Report(Struct, frozen=True):
    """`foreign`: what keys used that are not the gateway's. `exceeds`: the total or a model differs by too much."""

    total: Line
    models: tuple[Line, ...]
    keys: tuple[Line, ...]
    foreign: tuple[Line, ...]
    uncompared: tuple[str, ...]
    exceeds: bool


_Place: TypeAlias = tuple[str, str]


def compare(
    told: Told,
    recorded: Iterable[Recorded],
    fingerprints: Mapping[str, str],
    named: Callable[[str], str],
    tolerance_percent: Decimal,
) -> Report:
    """The comparison. `fingerprints`: the provider's id of each of our keys → our fingerprint of it; `named`: one name
    for all names of a model.
    """
    is_by_key = any(figure.key for figure in told.figures)
    theirs = _their_sums(told.figures, named, NO_KEY if is_by_key else "")
    ours = _our_sums(recorded, named)
    outside = {place for place in theirs if is_by_key and place[1] and place[1] not in fingerprints}
    seen = {_renamed(place, fingerprints): sums for place, sums in theirs.items() if place not in outside}
    uncompared = _uncompared(theirs, outside)
    judge = _Judge(tolerance_percent)
    models = _by_model(seen, ours, uncompared, judge)
    keys = tuple(
        judge.line(model, key, seen.get((model, key)), ours.get((model, key)))
        for model, key in sorted({place for place in seen if place[1] or not is_by_key} | set(ours))
    )
    total = judge.line(
        "", "", _added([line.provider for line in models if line.provider]), _whole(ours.values()), uncompared != ()
    )
    return Report(
        total=total,
        models=models,
        keys=keys,
        foreign=tuple(judge.line(*place, theirs[place], None) for place in sorted(outside)),
        uncompared=uncompared,
        exceeds=total.exceeds or any(line.exceeds for line in models),
    )


def percent(ledger: int, provider: int) -> Decimal | None:
    """How much more than the provider the ledger has, in hundredths of the provider's; None: of nothing."""
    if not provider:
        return Decimal(0) if not ledger else None
    return (Decimal(ledger - provider) * 100 / provider).quantize(Decimal("0.01"))


class _Judge(Struct, frozen=True):
    tolerance_percent: Decimal

    def line(
        self, model: str, key: str, provider: Sums | None, ledger: "_Ours | None", without_cost: bool = False
    ) -> Line:
        own = None if ledger is None else ledger.sums
        exceeds = self._exceeds(provider, own, without_cost=without_cost)
        return Line(model, key, provider, own, 0 if ledger is None else ledger.counted, exceeds)

    def _exceeds(self, provider: Sums | None, ledger: Sums | None, *, without_cost: bool) -> bool:
        told, own = provider or _NOTHING, ledger or _NOTHING
        off = self._is_off(own.input_tokens, told.input_tokens) or self._is_off(own.output_tokens, told.output_tokens)
        if off or without_cost or told.cost is None or own.cost is None:
            return off
        return abs(own.cost - told.cost) > ROUNDING_PICODOLLARS and self._is_off(own.cost, told.cost)

    def _is_off(self, ledger: int, provider: int) -> bool:
        return abs(ledger - provider) * 100 > self.tolerance_percent * provider


class _Ours(Struct, frozen=True):
    sums: Sums
    counted: int


_NOTHING: Final = Sums(0, 0, 0, 0)


def _their_sums(figures: Iterable[Figure], named: Callable[[str], str], no_key: str) -> dict[_Place, Sums]:
    """By model and key. A cost by itself that has no key is all keys' together: its key is ""."""
    found: dict[_Place, Sums] = {}
    for each in figures:
        is_cost_alone = each.calls is None and not each.input_tokens and not each.output_tokens
        place = (named(each.model) if each.model else UNKNOWN_MODEL, each.key or ("" if is_cost_alone else no_key))
        sums = Sums(each.calls, each.input_tokens, each.output_tokens, each.cost)
        found[place] = _plus(found[place], sums) if place in found else sums
    return {
        place: sums
        for place, sums in found.items()
        if any((sums.calls, sums.input_tokens, sums.output_tokens, sums.cost))
    }


def _our_sums(recorded: Iterable[Recorded], named: Callable[[str], str]) -> dict[_Place, _Ours]:
    found: dict[_Place, _Ours] = {}
    for each in recorded:
        place = (named(each.model) if each.model else UNKNOWN_MODEL, each.credential)
        own = _Ours(Sums(each.calls, each.input_tokens, each.output_tokens, each.cost), each.counted)
        before = found.get(place)
        found[place] = own if before is None else _Ours(_plus(before.sums, own.sums), before.counted + own.counted)
    return found


def _by_model(
    seen: Mapping[_Place, Sums], ours: Mapping[_Place, _Ours], uncompared: tuple[str, ...], judge: _Judge
) -> tuple[Line, ...]:
    lines = []
    for model in sorted({place[0] for place in (*seen, *ours)}):
        provider = _added([sums for place, sums in seen.items() if place[0] == model])
        ledger = _whole([own for place, own in ours.items() if place[0] == model])
        lines.append(judge.line(model, "", provider, ledger, model in uncompared))
    return tuple(lines)


def _uncompared(theirs: Mapping[_Place, Sums], outside: set[_Place]) -> tuple[str, ...]:
    """The models whose cost is told for all keys together, while others than ours used them."""
    models = {place[0] for place in outside}
    together = {place[0] for place, sums in theirs.items() if not place[1] and sums.cost and place not in outside}
    return tuple(sorted(models & together))


def _renamed(place: _Place, fingerprints: Mapping[str, str]) -> _Place:
    return place[0], fingerprints.get(place[1], place[1])


def _added(sums: list[Sums]) -> Sums | None:
    if not sums:
        return None
    whole = sums[0]
    for each in sums[1:]:
        whole = _plus(whole, each)
    return whole


def _whole(ours: Iterable[_Ours]) -> _Ours | None:
    all_ = list(ours)
    sums = _added([own.sums for own in all_])
    return None if sums is None else _Ours(sums, sum(own.counted for own in all_))


def _plus(one: Sums, other: Sums) -> Sums:
    return Sums(
        _known(one.calls, other.calls),
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        _known(one.cost, other.cost),
    )


def _known(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other
