"""What changed between two price lists, model by model and field by field."""

from collections.abc import Iterator

from msgspec import Struct

from keywright.catalog.quote import FIELDS, Quote
from keywright.catalog.snapshot import ModelRow, Snapshot


class Change(Struct, frozen=True):
    """One amount of one model, before and after; None: not quoted. `field` is `input`, `above 200000 input`, …"""

    model: str
    field: str
    old: str | None
    new: str | None


class Difference(Struct, frozen=True):
    """Models by `catalogue/model`. `renamed`: those that other names lead to now, at unchanged prices."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    renamed: tuple[str, ...] = ()


def difference(old: Snapshot, new: Snapshot) -> Difference:
    """What of `old` is otherwise in `new`."""
    before, after = models(old), models(new)
    both = [name for name in before if name in after]
    changed = tuple(change for name in both for change in _changes(name, before[name], after[name]))
    repriced = {change.model for change in changed}
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=changed,
        renamed=tuple(name for name in both if before[name].match != after[name].match and name not in repriced),
    )


def models(snapshot: Snapshot) -> dict[str, ModelRow]:
    """Every model, by `catalogue/model`."""
    return {f"{section.id}/{row.id}": row for section in snapshot.catalogues for row in section.models}


def amounts(row: ModelRow) -> dict[str, str]:
    """Every amount that is quoted for a model, by what it is for and when: as they are written."""
    return {
        " ".join((*when, *above, field)): amount
        for when, above, quote in _quotes(row)
        for field in FIELDS
        if (amount := getattr(quote, field)) is not None
    }


def _quotes(row: ModelRow) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Quote]]:
    """Each quote of a model with when it counts, and above how many prompt tokens."""
    for place, priced in enumerate(row.prices):
        when: tuple[str, ...] = ()
        if priced.starts:
            when = (f"from {priced.starts}",)
        elif priced.between is not None:
            when = ("from {} to {}".format(*priced.between),)
        elif place:
            when = (f"row {place}",)
        yield when, (), priced
        for tier in priced.tiers:
            yield when, (f"above {tier.above}",), tier
    for variant in row.variants:
        when = (variant.tier, f"from {variant.starts}") if variant.starts else (variant.tier,)
        yield when, (), variant
        for tier in variant.tiers:
            yield when, (f"above {tier.above}",), tier


def _changes(name: str, old: ModelRow, new: ModelRow) -> Iterator[Change]:
    before, after = amounts(old), amounts(new)
    for field in (*before, *(field for field in after if field not in before)):
        if before.get(field) != after.get(field):
            yield Change(name, field, before.get(field), after.get(field))
