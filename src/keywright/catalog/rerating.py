"""What a recorded call costs by another price list. Pure.

A call is only rated anew where its cost is known to follow from its usage: its own price, as the list of that day had
it, gives exactly what was recorded. What was recorded otherwise stays (a worst case, what the provider itself said it
bills, several models in one call), and so does a call whose cost comes out the same.

The model is the one that the entry's price names, in the same catalogue: not what its name would lead to today. Only a
call without any price is looked up by name.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.catalog.catalogue import Catalogue, price_at
from keywright.catalog.price import UNKNOWN, Price, cost, standing_in
from keywright.catalog.rowid import parse
from keywright.catalog.variant import SEPARATOR
from keywright.core.entry import Entry
from keywright.core.usage import NO_USAGE

US_PER_S: Final = 10**6

Kept: TypeAlias = Literal["same", "no usage", "not by usage", "price not kept", "not listed", "own price"]
"""Why an entry stays as it is. `not by usage`: its cost does not follow from its usage and price. `price not kept`: the
list of its price is not here. `not listed`: the new prices have no such model. `own price`: the operator's was charged.
"""


class Correction(Struct, frozen=True):
    """What an entry is to say instead: the price's id, and the cost."""

    price: str
    picodollars: int


class Prices(Struct, frozen=True):
    """By what is rated. `listed`: the new list, None where only `own` counts, the operator's prices by
    `provider/model`. `fees`: basis points by provider; `catalogues`: the catalogue's name for a provider, where it is
    another.
    """

    listed: Catalogue | None
    own: Mapping[str, Price]
    fees: Mapping[str, int]
    catalogues: Mapping[str, str]


def rerated(entry: Entry, prices: Prices, known: Callable[[str], Price | None]) -> Correction | Kept:
    """What `entry` would have cost. `known`: the price of an id, as it was then."""
    if entry.usage == NO_USAGE or not entry.served:
        return "no usage"
    fee_bp = _fee(entry, prices, known)
    if isinstance(fee_bp, str):
        return fee_bp
    new = _new_price(entry, prices)
    if not isinstance(new, Price):
        return new
    picodollars = int(cost(entry.usage, new, fee_bp))
    return "same" if picodollars == entry.cost_picodollars else Correction(new.id, picodollars)


def _fee(entry: Entry, prices: Prices, known: Callable[[str], Price | None]) -> int | Kept:
    """The fee that was charged on top: the provider's, or none, whichever gives the cost that is recorded."""
    fee_bp = prices.fees.get(entry.provider, 0)
    if not entry.price:
        return fee_bp if not entry.cost_picodollars else "not by usage"
    old = known(entry.price)
    if old is None:
        return "price not kept"
    fitting = (each for each in (fee_bp, 0) if cost(entry.usage, old, each) == entry.cost_picodollars)
    return next(fitting, "not by usage")


def _new_price(entry: Entry, prices: Prices) -> Price | Kept:
    if prices.listed is None:
        return prices.own.get(entry.served) or "not listed"
    when_s = entry.started_us // US_PER_S
    row = parse(entry.price)
    if row is None and entry.price:
        return "own price"
    if row is None:
        catalogue, wanted = prices.catalogues.get(entry.provider, entry.provider), entry.served.partition("/")[2]
        model = prices.listed.find(catalogue, wanted)
    else:
        model = prices.listed.find(row.catalogue, row.model)
        if model is not None and (model.catalogue, model.id) != (row.catalogue, row.model):
            model = None
    if model is None:
        return "not listed"
    tier = _tier(entry.price) if row is None or not row.tier else row.tier
    plain = price_at(model, when_s)
    priced = (price_at(model, when_s, tier) or (plain and standing_in(plain, tier))) if tier else plain
    return priced or "not listed"


def _tier(price: str) -> str:
    """The service tier of which the price stood in; "" for none."""
    return price[: -len(UNKNOWN)].rpartition(SEPARATOR)[2] if price.endswith(UNKNOWN) else ""
