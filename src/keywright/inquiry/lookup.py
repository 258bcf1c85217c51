"""What a store knows that explains a call: the only module here that reads one."""

from collections.abc import Mapping

from keywright.catalog.price import Price
from keywright.catalog.rowid import constant_price, listed_price, parse
from keywright.catalog.snapshot import bundled
from keywright.core.budget import Budget
from keywright.core.entry import Entry
from keywright.inquiry.explanation import Known
from keywright.store.budgets import Budgets
from keywright.store.price_lists import PriceLists
from keywright.store.store import Store


async def known_of(entry: Entry, store: Store, fees: Mapping[str, int]) -> Known:
    """What `store` knows beside `entry`.

    Raises:
        StoreError: it cannot be read.
    """
    has_budgets = bool(entry.reserved or entry.charged)
    budgets = await Budgets(store.database).all(Budget) if has_budgets else ()
    return Known(
        key=await store.key(entry.key_id),
        budgets={budget.id: budget for budget in budgets},
        price=await price_of(entry.price, store),
        fee_bp=fees.get(entry.provider, 0),
    )


async def price_of(row_id: str, store: Store) -> Price | None:
    """The price row that `row_id` names, of whatever list; None when it is not kept.

    Raises:
        StoreError: the store cannot be read.
    """
    constant = constant_price(row_id)
    row = parse(row_id)
    if constant is not None or row is None:
        return constant
    snapshot = await PriceLists(store.database).of(row.as_of)
    if snapshot is None and bundled().as_of == row.as_of:
        snapshot = bundled()
    return None if snapshot is None else listed_price(snapshot, row)
