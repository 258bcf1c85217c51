"""Can this be the next price list? What is refused, because a wrong list charges everybody wrongly from then on.

Real prices rarely move by more than a factor of ten, never become negative, and nearly never nothing; vendors do not
take a tenth of their models away in one week. What does is a mistake of the source, a truncated file or an attack. What
is odd about single prices can be accepted by naming the models, once a person has looked; all else cannot.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.dating import is_newer, order
from keywright.catalog.difference import amounts, models
from keywright.catalog.quote import Quote, price
from keywright.catalog.snapshot import Match, ModelRow, Snapshot

JUMP_MAX: Final = 10
"""An amount that becomes so many times larger or smaller is refused."""

FEWER_MAX: Final = Decimal("0.10")
"""The part of the models that may be missing."""

MODELS_MAX: Final = 50_000
NAME_CHARACTERS_MAX: Final = 256
PATTERN_CHARACTERS_MAX: Final = 512
FAULTS_MAX: Final = 20


def faults(old: Snapshot, new: Snapshot, accepted: Iterable[str] = ()) -> tuple[str, ...]:
    """Why `new` cannot follow `old`, each in one line; nothing when it can. The first `FAULTS_MAX`.

    `accepted`: globs over `catalogue/model`, whose prices somebody has checked.
    """
    unsound = tuple(_unsound(new))
    if unsound:
        return unsound[:FAULTS_MAX]
    found = [*_older(old, new), *_fewer(old, new), *_odd(old, new, tuple(accepted))]
    return tuple(found[:FAULTS_MAX])


def _unsound(new: Snapshot) -> Iterator[str]:
    """What could not even be used."""
    try:
        order(new.as_of)
        catalogue = Catalogue(new)
    except ValueError as error:
        yield str(error)
        return
    rows = models(new)
    if not rows or len(rows) > MODELS_MAX:
        yield f"it has {len(rows)} models; 1 to {MODELS_MAX} are expected"
        return
    wrong = [fault for name, row in rows.items() for fault in _unsound_model(name, row)]
    yield from wrong or _unpriced(catalogue)


def _unpriced(catalogue: Catalogue) -> Iterator[str]:
    """What makes the price of a model at some moment impossible to find: days and hours that are none."""
    for name in catalogue.catalogues():
        try:
            catalogue.models(name)
        except ValueError as error:
            yield f"{name}: {error}"


def _unsound_model(name: str, row: ModelRow) -> Iterator[str]:
    if not row.id or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        yield f"{name[:NAME_CHARACTERS_MAX]!r} is no model's name"
    try:
        for what, amount in amounts(row).items():
            price(name, Quote(**{"input": "0", what.rpartition(" ")[2]: amount}))
    except ValueError as error:
        yield f"{name}: {error}"
    for pattern in _patterns(row.match):
        try:
            re.compile(pattern)
        except re.error:
            yield f"{name}: {pattern[:64]!r} is no regular expression"
        if len(pattern) > PATTERN_CHARACTERS_MAX:
            yield f"{name}: a regular expression of more than {PATTERN_CHARACTERS_MAX} characters"


def _patterns(match: Match | None) -> Iterator[str]:
    if match is None:
        return
    yield from match.regex
    for group in match.every:
        for part in group:
            yield from _patterns(part)


def _older(old: Snapshot, new: Snapshot) -> Iterator[str]:
    if not is_newer(new, old):
        yield f"it is of {new.as_of}, and not newer than the list that counts, of {old.as_of}"


def _fewer(old: Snapshot, new: Snapshot) -> Iterator[str]:
    before, after = models(old), models(new)
    gone = [name for name in before if name not in after]
    if len(gone) > FEWER_MAX * len(before):
        yield f"{len(gone)} of {len(before)} models are missing, among them {', '.join(gone[:3])}"
    kept = {section.id for section in new.catalogues if section.models}
    for section in old.catalogues:
        if section.models and section.id not in kept:
            yield f"all models of {section.id} are missing"


def _odd(old: Snapshot, new: Snapshot, accepted: tuple[str, ...]) -> Iterator[str]:
    before, after = models(old), models(new)
    for name, row in before.items():
        if name in after and not any(fnmatchcase(name, glob) for glob in accepted):
            yield from _odd_model(name, row, after[name])


def _odd_model(name: str, old: ModelRow, new: ModelRow) -> Iterator[str]:
    """Each amount against itself, then the smallest and largest of each kind, wherever they moved to."""
    before, after = _amounts(old), _amounts(new)
    if before and not after:
        yield f"{name} had a price and would have none"
        return
    kinds = _ranges(after)
    moved = [(kind, *ends, *kinds[kind]) for kind, ends in _ranges(before).items() if kind in kinds]
    same = [(what, amount, amount, after[what], after[what]) for what, amount in before.items() if what in after]
    found = [fault for move in same if (fault := _jump(*move))] or [fault for move in moved if (fault := _jump(*move))]
    yield from (f"{name}: {fault}" for fault in found)


def _jump(what: str, low: Decimal, high: Decimal, new_low: Decimal, new_high: Decimal) -> str:
    """What is odd about amounts from `low` to `high` that would be from `new_low` to `new_high`; "" when nothing is."""
    if new_low == 0 < low:
        return f"{what} was {low:f} and would be nothing"
    if new_high > high * JUMP_MAX and high:
        return f"{what} would go from {high:f} to {new_high:f}"
    if new_low * JUMP_MAX < low:
        return f"{what} would go from {low:f} to {new_low:f}"
    return ""


def _amounts(row: ModelRow) -> dict[str, Decimal]:
    return {what: Decimal(amount) for what, amount in amounts(row).items()}


def _ranges(found: dict[str, Decimal]) -> dict[str, tuple[Decimal, Decimal]]:
    """The smallest and largest amount of each kind of token, whatever the day, the size and the service tier."""
    kinds: dict[str, list[Decimal]] = {}
    for what, amount in found.items():
        kinds.setdefault(what.rpartition(" ")[2], []).append(amount)
    return {f"any {kind}": (min(all_), max(all_)) for kind, all_ in kinds.items()}
