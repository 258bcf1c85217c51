"""From a price's id back to the price: what a ledger entry says it was charged by.

Three kinds: a row of a dated list, `catalogue/model@2026-11-24` (a further row of that model `…#1`; what a service tier
costs, from a day on, `…+priority:2026-10-12`); the operator's own price, `provider/model@own;input=0.10;output=0.40`,
which repeats its amounts; and `free`. One that ends in `+priority?` stood in for the price of a tier that nobody knew.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from keywright.catalog.price import FREE, UNKNOWN, Price
from keywright.catalog.quote import own_price, price
from keywright.catalog.snapshot import ModelRow, Snapshot
from keywright.catalog.variant import SEPARATOR, SINCE, variant_price

OWN: Final = "@own;"
ID_CHARACTERS_MAX: Final = 2048


class RowId(Struct, frozen=True):
    """The row number `place` of the model `model` in `catalogue`, in the list of `as_of`; at the service tier `tier`,
    if that is given, as it is from the day `since` on.
    """

    catalogue: str
    model: str
    as_of: str
    place: int
    tier: str = ""
    since: str = ""


def parse(text: str) -> RowId | None:
    """The row of a dated list that `text` names; None when it names none."""
    name, at, when = _plain(text[:ID_CHARACTERS_MAX]).rpartition("@")
    catalogue, slash, model = name.partition("/")
    row, _, variant = when.partition(SEPARATOR)
    tier, _, since = variant.partition(SINCE)
    as_of, hash_, number = row.partition("#")
    if not at or not slash or not model or OWN in text or (hash_ and not number.isdigit()):
        return None
    return RowId(catalogue, model, as_of, int(number or 0), tier, since)


def _plain(text: str) -> str:
    """The id of the price that stood in for another, where `text` says that it did."""
    return text.rpartition(SEPARATOR)[0] if text.endswith(UNKNOWN) else text


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
    name = f"{base}#{wanted.place}" if wanted.place else base
    if wanted.tier:
        return variant_price(name, quoted, row.variants, wanted.tier, wanted.since)
    return price(name, quoted, quoted.tiers)
