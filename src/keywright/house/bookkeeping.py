"""Where a gateway writes down what it does: its store, the ledger before that, and what it has leased of budgets."""

import asyncio
import secrets
from pathlib import Path

from msgspec import Struct

from keywright.catalog.snapshot import DATA_FILE
from keywright.core.clock import SECOND_US
from keywright.house.blueprint import Blueprint, store_url
from keywright.house.declared import declare
from keywright.house.password import store_password
from keywright.house.stores.keeping import troubles_of
from keywright.ledger import Ledger, LedgerSettings
from keywright.ledger.escrow import Escrow
from keywright.ledger.owner import MARK_BYTES
from keywright.server.metrics import State
from keywright.store.price_lists import PriceLists
from keywright.store.store import Store
from keywright.vault.keeper import Keeper


class Bookkeeping(Struct, frozen=True, eq=False):
    """All of it, open."""

    store: Store
    ledger: Ledger
    escrow: Escrow

    async def close(self) -> None:
        """Write down what is still to be written, give back what is leased, and close the store, whatever fails."""
        try:
            await self.ledger.close()
        finally:
            try:
                await self.escrow.close(is_settled=not self.ledger.waiting and not self.ledger.reserved)
            finally:
                await self.store.close()

    def state(self, keeper: Keeper) -> State:
        """What is told of it, and of the secrets that `keeper` keeps, on the page of metrics."""
        ledger = self.ledger
        stale, missing = troubles_of(keeper)
        return State(
            running=ledger.reserved,
            waiting=ledger.waiting,
            written=ledger.written,
            retries=ledger.retries,
            dropped=ledger.dropped_refusals,
            replayed=ledger.replayed.entries,
            lost=ledger.replayed.lost,
            asks=self.escrow.asks,
            short=self.escrow.refusals,
            reads=keeper.reads,
            stale=stale,
            missing=missing,
        )


async def open_books(blueprint: Blueprint) -> Bookkeeping:
    """Open it, with what the configuration declares and the prices that come with the program written down.

    Raises:
        ConfigError, SecretError, StoreError: what is wrong, where, and what to do.
    """
    clock = blueprint.clock
    store = await Store.open(store_url(blueprint), await asyncio.to_thread(store_password, blueprint))
    try:
        now_s = clock.unix_us() // SECOND_US
        await declare(blueprint.config, store, now_s)
        await PriceLists(store.database).adopt(DATA_FILE.read_bytes(), now_s)
        ledger = await Ledger.open(
            LedgerSettings(),
            store,
            spool_folder(blueprint),
            clock=lambda: clock.unix_us() / SECOND_US,
            mark=secrets.token_hex(MARK_BYTES),
        )
    except BaseException:
        await store.close()
        raise
    escrow = Escrow(store.escrow, ledger.holder, clock)
    ledger.on_stored = escrow.stored
    escrow.before_answer, escrow.nothing_stored = ledger.flush, ledger.nothing_stored
    return Bookkeeping(store, ledger, escrow)


def spool_folder(blueprint: Blueprint) -> Path:
    """Where the spool lies: where the configuration says, else beside an SQLite database, else in the base folder."""
    store = blueprint.config.store
    if store.spool is not None:
        return blueprint.base / store.spool
    scheme, _, path = store.url.partition(":///")
    if scheme.startswith("sqlite") and path:
        return (blueprint.base / path).with_suffix(".spool")
    return blueprint.base / "keywright.spool"
