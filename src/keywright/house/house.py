"""A gateway, built: everything but the sockets that clients connect to. Two of them share nothing."""

import asyncio
import logging
import random
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import DATA_FILE, bundled
from keywright.catalog.snapshot import Snapshot as PriceSnapshot
from keywright.config import Config
from keywright.core.clock import SECOND_US
from keywright.core.identity import Key
from keywright.guard.address import is_public
from keywright.house.admin import Admin, open_admin
from keywright.house.blueprint import Blueprint, store_url
from keywright.house.control import Running, open_control
from keywright.house.credentials import Credentials
from keywright.house.custodian import Custodian
from keywright.house.custody import Custody
from keywright.house.declared import declare
from keywright.house.inventory import Inventory
from keywright.house.keeping import keeper_of, troubles_of, vault_of, warnings_of
from keywright.house.listing import list_models
from keywright.house.password import store_password
from keywright.house.remote_secrets import RemoteSecrets
from keywright.house.rotations import Rotating
from keywright.house.sealing import sealed_opener
from keywright.house.secret_reading import Holdings
from keywright.house.sources import Breakers, build_routes
from keywright.house.targets import Present
from keywright.ledger import Ledger, LedgerSettings
from keywright.ledger.escrow import Escrow
from keywright.ledger.owner import MARK_BYTES
from keywright.pipeline.reserve import Books
from keywright.pipeline.routes import Routes, Source
from keywright.pipeline.serve import Desk
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.upstream import Line
from keywright.server.app import App
from keywright.server.edge import Edge
from keywright.server.families import CHANGES
from keywright.server.metrics import Meters, State
from keywright.server.reading import Ids
from keywright.store.content import read_content
from keywright.store.price_lists import PriceLists
from keywright.store.store import Store
from keywright.transport.breaker import Breaker, BreakerSettings
from keywright.transport.pool import Pool
from keywright.transport.retry import RetrySettings
from keywright.vault.keeper import Keeper

NODE_BYTES: Final = 5
"""Of the part of calls' names that is this process's. Two of 100 processes, each restarted daily, have the same once in
600,000 years, and even then two calls only in the same microsecond with the same number."""


_log = logging.getLogger("keywright")


class House:
    """A built gateway. `open` builds one, `app` serves it, `close` takes it down. `admin` is told once."""

    def __init__(self, blueprint: Blueprint, store: Store, ledger: Ledger, escrow: Escrow, keeper: Keeper) -> None:
        self.blueprint = blueprint
        self.store = store
        self.ledger = ledger
        self.escrow = escrow
        self.keeper = keeper
        self.version = -1
        self._refreshing = asyncio.Lock()
        self.admin = Admin(None, {})
        self.pool = Pool(allowed=is_public, environment=blueprint.environment)
        self.meters = Meters()
        self.stopping = False
        self._credentials = Credentials(keeper, blueprint.environment, self.pool, blueprint.clock)
        self._breakers = Breakers(lambda: Breaker(BreakerSettings()))
        self._config = blueprint.config
        self._listed: Mapping[str, tuple[str, ...]] = {}
        self._prices: PriceSnapshot | None = None
        self._prices_digest = ""
        self._snapshot = Snapshot(keys={}, foreign={}, routes=Routes((), {}, Catalogue(bundled(), {})))
        self.rotating = Rotating(
            self._present, self._credentials, keeper, self.pool, store.database, blueprint, ledger.holder
        )
        self.custody = Custody(
            keeper, self._credentials, self._breakers, self.rotating, self.sources, ledger.holder, blueprint.clock
        )
        inventory = Inventory(
            self.rotating, lambda: self._credentials.homes(self._config), store.database, blueprint.clock
        )
        self._secrets = RemoteSecrets(self._holdings, blueprint, store.database)
        self.running = Running(Custodian(self.rotating, inventory, blueprint.clock), self._secrets)
        self.app = self._app()

    @classmethod
    async def open(cls, blueprint: Blueprint) -> "House":
        """Build everything and read the keys. What was opened is closed again when something fails.

        Raises:
            ConfigError, SecretError, StoreError: what is wrong, where, and what to do.
        """
        for warning in await asyncio.to_thread(warnings_of, blueprint.config, blueprint.base):
            _log.warning("%s", warning)
        store = await Store.open(store_url(blueprint), await asyncio.to_thread(store_password, blueprint))
        try:
            now_s = blueprint.clock.unix_us() // SECOND_US
            await declare(blueprint.config, store, now_s)
            await PriceLists(store.database).adopt(DATA_FILE.read_bytes(), now_s)
            ledger = await Ledger.open(
                LedgerSettings(),
                store,
                spool_folder(blueprint),
                clock=lambda: blueprint.clock.unix_us() / SECOND_US,
                mark=secrets.token_hex(MARK_BYTES),
            )
        except BaseException:
            await store.close()
            raise
        escrow = Escrow(store.escrow, ledger.holder, blueprint.clock)
        ledger.on_stored = escrow.stored
        escrow.before_answer, escrow.nothing_stored = ledger.flush, ledger.nothing_stored
        opener = sealed_opener(store.database, blueprint.config.secrets, blueprint.environment, blueprint.clock)
        keeper = keeper_of(blueprint, opener)
        try:
            house = cls(blueprint, store, ledger, escrow, keeper)
            await house.know_secrets()
            await house.know_admin()
            await house.refresh()
            await house.custody.tell()
        except BaseException:
            await keeper.close()
            await _close_books(store, ledger, escrow)
            raise
        return house

    async def close(self) -> None:
        """Close the connections, then write down what is still to be written."""
        async with AsyncExitStack() as last:
            last.push_async_callback(_close_books, self.store, self.ledger, self.escrow)
            last.push_async_callback(self.pool.aclose)
            last.push_async_callback(self.keeper.close)
            last.push_async_callback(self.custody.leave)
            last.callback(self._secrets.close)

    @property
    def snapshot(self) -> Snapshot:
        """The view that counts now."""
        return self._snapshot

    async def know_secrets(self) -> None:
        """Read the secrets that the configuration names, and route by it.

        Raises:
            ConfigError, SecretError: what is wrong.
        """
        await self._learn(self._config)
        self._snapshot = msgspec.structs.replace(self._snapshot, routes=self._routes())
        self.custody.take_up()

    def sources(self) -> Mapping[str, Source]:
        """The sources by the names of their credentials, also of those that are disabled."""
        return self._present().sources

    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Where keys are kept: the references of each credential that has one, by its name."""
        return self._credentials.places(self._config)

    def _present(self) -> Present:
        inventory = self._snapshot.routes.inventory
        return Present(self._config, {source.credential_name: source for source in inventory})

    def _holdings(self) -> Holdings:
        return Holdings(self._config, self.keeper.vault, self.places())

    async def know_admin(self) -> None:
        """Know the administrator. Only now that all else is sound: a new key is told of once.

        Raises:
            ConfigError, StoreError: what is wrong.
        """
        blueprint = self.blueprint
        self.admin = await open_admin(blueprint.environment, self.store, blueprint.clock.unix_us() // SECOND_US)
        self._snapshot = msgspec.structs.replace(self._snapshot, foreign=self.admin.foreign)

    async def refresh(self) -> None:
        """Take from the store what has changed there: keys, who there is, budgets, limits and prices.

        Raises:
            StoreError: it cannot be read; what was known before still counts.
        """
        async with self._refreshing:
            content = await read_content(self.store.database, self.version)
            if content.prices != self._prices_digest:
                self._prices = await PriceLists(self.store.database).newest()
                self._prices_digest = content.prices
                self._snapshot = msgspec.structs.replace(self._snapshot, routes=self._routes())
            if await self.custody.follow(self.version):
                routes = self._snapshot.routes.without(self.custody.disabled)
                self._snapshot = msgspec.structs.replace(self._snapshot, routes=routes)
            keys = self._snapshot.keys
            if content.keys:
                keys = {**keys, **{key.id: key for key in content.keys}}
            self._snapshot = msgspec.structs.replace(
                self._snapshot,
                keys=keys,
                realm=content.realm,
                budgets=content.budgets,
                limits=content.limits,
            )
            if self.version not in (-1, content.version):
                self.meters.observe(CHANGES, max(0, self.blueprint.clock.unix_us() - content.changed_us))
            self.version = content.version

    def learn_key(self, key: Key) -> None:
        """Know one key at once, without waiting for the store to be read again."""
        self._snapshot = msgspec.structs.replace(self._snapshot, keys={**self._snapshot.keys, key.id: key})

    async def configure(self, config: Config, listed: Mapping[str, tuple[str, ...]]) -> None:
        """Route by `config` from now on; running calls keep what they have. On failure nothing has changed.

        Raises:
            ConfigError, SecretError: what is wrong with it.
        """
        before = self._config, self._listed
        if config.secrets != self._config.secrets:
            self._use_stores(config)
        self._config, self._listed = config, listed
        try:
            await self._learn(config)
            routes = self._routes()
        except BaseException:
            if config.secrets != before[0].secrets:
                self._use_stores(before[0])
            self._config, self._listed = before
            raise
        finally:
            await self._forget()
        self._snapshot = msgspec.structs.replace(self._snapshot, routes=routes)

    def _use_stores(self, config: Config) -> None:
        blueprint = self.blueprint
        opener = sealed_opener(self.store.database, config.secrets, blueprint.environment, blueprint.clock)
        self.keeper.use(vault_of(config, blueprint.environment, blueprint.base, opener), config.secrets)

    async def _learn(self, config: Config) -> None:
        keys, documents = await asyncio.to_thread(self._credentials.wanted, config)
        await self.keeper.learn(keys, documents)

    async def _forget(self) -> None:
        """Read no secret any more that the configuration does not name."""
        keys, documents = await asyncio.to_thread(self._credentials.wanted, self._config)
        self._credentials.forget_but(await asyncio.to_thread(self._credentials.places, self._config))
        self.keeper.forget_but(keys | documents)

    async def declare(self, config: Config) -> None:
        """Let what `config` declares beside providers count.

        Raises:
            StoreError: it cannot be written.
        """
        if await declare(config, self.store, self.blueprint.clock.unix_us() // SECOND_US):
            await self.refresh()

    async def ask_for_models(self) -> Mapping[str, tuple[str, ...]]:
        """The models of the providers that no catalogue lists."""
        return await list_models(self._snapshot.routes.sources, self.pool)

    def _routes(self) -> Routes:
        blueprint = self.blueprint
        return build_routes(
            self._config,
            self._credentials,
            self._breakers,
            self._listed,
            blueprint.base,
            blueprint.environment,
            self._prices,
        ).without(self.custody.disabled)

    def _app(self) -> App:
        blueprint = self.blueprint
        retry = blueprint.config.retry
        desk = Desk(
            snapshot=lambda: self._snapshot,
            books=Books(self.ledger, self.escrow, self.meters, blueprint.clock),
            line=Line(
                upstreams=self.pool,
                retry=RetrySettings(
                    attempts_max=retry.attempts,
                    first_s=retry.backoff_s,
                    delay_s_max=retry.backoff_max_s,
                    retry_after_s_max=retry.retry_after_max_s,
                ),
                clock=blueprint.clock,
                random=random.SystemRandom().random,
                pause=asyncio.sleep,
            ),
            clock=blueprint.clock,
        )
        server = blueprint.config.server
        edge = Edge(desk, Ids(secrets.token_hex(NODE_BYTES)), server.body_bytes_max, server.calls_max)
        control = open_control(
            self.store,
            lambda: self._snapshot,
            blueprint.clock,
            edge.new_id,
            self.refresh,
            self.meters.unknown,
            self.running,
        )
        return App(edge=edge, meters=self.meters, ready=self._not_ready, state=self._state, control=control)

    def _not_ready(self) -> str:
        return "shutting down" if self.stopping else ""

    def _state(self) -> State:
        ledger = self.ledger
        stale, missing = troubles_of(self.keeper)
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
            reads=self.keeper.reads,
            stale=stale,
            missing=missing,
        )


async def _close_books(store: Store, ledger: Ledger, escrow: Escrow) -> None:
    """Write down what is still to be written, give back what is leased, and close the store, whatever fails."""
    try:
        await ledger.close()
    finally:
        try:
            await escrow.close(is_settled=not ledger.waiting and not ledger.reserved)
        finally:
            await store.close()


def spool_folder(blueprint: Blueprint) -> Path:
    """Where the spool lies: where the configuration says, else beside an SQLite database, else in the base folder."""
    store = blueprint.config.store
    if store.spool is not None:
        return blueprint.base / store.spool
    scheme, _, path = store.url.partition(":///")
    if scheme.startswith("sqlite") and path:
        return (blueprint.base / path).with_suffix(".spool")
    return blueprint.base / "keywright.spool"
