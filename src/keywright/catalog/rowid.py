"""From a price's id back to the price: what a ledger entry says it was charged by.

Three kinds: a row of a dated list, `catalogue/model@2026-11-24` (a further row of that model `…#1`); the operator's own
price, `provider/model@own;input=0.10;output=0.40`, which repeats its amounts; and `free`.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from keywright.catalog.price import FREE, Price
from keywright.catalog.quote import own_price, price
from keywright.catalog.snapshot import ModelRow, Snapshot

OWN: Final = "@own;"
ID_CHARACTERS_MAX: Final = 2048


class RowId(Struct, frozen=True):
    """The row number `place` of the model `model` in `catalogue`, in the list of `as_of`."""

    catalogue: str
    model: str
    as_of: str
    place: int


def parse(text: str) -> RowId | None:
    """The row of a dated list that `text` names; None when it names none."""
    name, at, when = text[:ID_CHARACTERS_MAX].rpartition("@")
    catalogue, slash, model = name.partition("/")
    as_of, hash_, number = when.partition("#")
    if not at or not slash or not model or OWN in text or (hash_ and not number.isdigit()):
        return None
    return RowId(catalogue, model, as_of, int(number or 0))


def constant_price(text: str) -> Price | None:
    """The price that its id alone tells: the operator's own, or free. None for any other."""
    if text == FREE.id:
        return FREE
    target, own, amounts = text.partition(OWN)
    if not own:
        return None
    quoted: Mapping[str, str] = dict(pair.partition("=")[::2] for pair in amounts.split(";"))
    try:
        return own_price(target, quoted)
    except ValueError:
        return None


def model_row(snapshot: Snapshot, catalogue: str, model: str) -> ModelRow | None:
    """The model of that id in that catalogue of `snapshot`."""
    sections = (section for section in snapshot.catalogues if section.id == catalogue)
    return next((row for section in sections for row in section.models if row.id == model), None)


def listed_price(snapshot: Snapshot, wanted: RowId) -> Price | None:
    """The price of the row `wanted` of `snapshot`, which is the list of that date; None when it has no such row.

    Raises:
        ValueError: an amount in it is no price.
    """
    row = model_row(snapshot, wanted.catalogue, wanted.model)
    if row is None or wanted.place >= len(row.prices):
        return None
    base = f"{wanted.catalogue}/{wanted.model}@{wanted.as_of}"
    quoted = row.prices[wanted.place]
    return price(f"{base}#{wanted.place}" if wanted.place else base, quoted, quoted.tiers)
