"""A gateway, built: everything but the sockets that clients connect to. Two of them share nothing."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import Snapshot as PriceSnapshot
from keywright.catalog.snapshot import bundled
from keywright.config import Config
from keywright.core.clock import SECOND_US
from keywright.core.identity import Key
from keywright.guard.address import is_public
from keywright.house.admin import Admin, open_admin
from keywright.house.blueprint import Blueprint
from keywright.house.bookkeeping import Bookkeeping, open_books
from keywright.house.control import Running
from keywright.house.custody.credentials import Credentials
from keywright.house.custody.custodian import Custodian
from keywright.house.custody.custody import Custody
from keywright.house.custody.inventory import Inventory
from keywright.house.custody.rotations import Rotating
from keywright.house.custody.targets import Gateway, Present
from keywright.house.declared import declare
from keywright.house.front import Rooms, open_app
from keywright.house.listing import list_models
from keywright.house.secrets.reading import Holdings
from keywright.house.secrets.remote import RemoteSecrets
from keywright.house.sources import Breakers, build_routes, own_prices
from keywright.house.stores.keeping import keeper_of, vault_of, warn
from keywright.house.stores.sealing import sealed_opener
from keywright.pipeline.routes import Routes, Source
from keywright.pipeline.snapshot import Snapshot
from keywright.server.app import App
from keywright.server.families import CHANGES
from keywright.server.metrics import Meters
from keywright.store.content import read_content
from keywright.store.price_lists import PriceLists
from keywright.transport.breaker import Breaker, BreakerSettings
from keywright.transport.pool import Pool
from keywright.vault.keeper import Keeper

_log = logging.getLogger("keywright")


class House:
    """A built gateway. `open` builds one, `app` serves it, `close` takes it down. `admin` is told once."""

    def __init__(self, blueprint: Blueprint, books: Bookkeeping, keeper: Keeper) -> None:
        self.blueprint = blueprint
        self._books = books
        self.store = books.store
        self.ledger = books.ledger
        self.escrow = books.escrow
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
        gateway = Gateway(self._present, self._credentials, keeper, self.pool, blueprint)
        self.rotating = Rotating(gateway, books.store.database, books.ledger.holder)
        self.custody = Custody(
            keeper, self._credentials, self._breakers, self.rotating, self.sources, books.ledger.holder, blueprint.clock
        )
        inventory = Inventory(
            self.rotating, lambda: self._credentials.homes(self._config), books.store.database, blueprint.clock
        )
        self._secrets = RemoteSecrets(self._holdings, blueprint, books.store.database)
        self.running = Running(Custodian(self.rotating, inventory, blueprint.clock), self._secrets)
        self.app = self._app()

    @classmethod
    async def open(cls, blueprint: Blueprint) -> "House":
        """Build everything and read the keys. What was opened is closed again when something fails.

        Raises:
            ConfigError, SecretError, StoreError: what is wrong, where, and what to do.
        """
        await asyncio.to_thread(warn, blueprint.config, blueprint.base)
        async with AsyncExitStack() as undoing:
            books = await open_books(blueprint)
            undoing.push_async_callback(books.close)
            given, environment = blueprint.config.secrets, blueprint.environment
            keeper = keeper_of(blueprint, sealed_opener(books.store.database, given, environment, blueprint.clock))
            undoing.push_async_callback(keeper.close)
            house = cls(blueprint, books, keeper)
            await house.know_secrets()
            await house.know_admin()
            await house.refresh()
            await house.custody.tell()
            undoing.pop_all()
        return house

    async def close(self) -> None:
        """Close the connections, then write down what is still to be written."""
        async with AsyncExitStack() as last:
            last.push_async_callback(self._books.close)
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
        self._snapshot = msgspec.structs.replace(self._snapshot, routes=self._routes(self._config, self._listed))
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
                catalogue = Catalogue(self._prices or bundled(), own_prices(self._config.prices))
                self._snapshot = msgspec.structs.replace(self._snapshot, routes=self._snapshot.routes.priced(catalogue))
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
        is_elsewhere = config.secrets != self._config.secrets
        if is_elsewhere:
            self._use_stores(config)
        try:
            await self._learn(config)
            # From here on nothing is waited for: what was disabled or priced anew while secrets were read has to count.
            routes = self._routes(config, listed)
            self._config, self._listed = config, listed
            self._snapshot = msgspec.structs.replace(self._snapshot, routes=routes)
        except BaseException:
            if is_elsewhere:
                self._use_stores(self._config)
            raise
        finally:
            await self._forget()
        if is_elsewhere:
            await asyncio.to_thread(warn, config, self.blueprint.base)

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

    def _routes(self, config: Config, listed: Mapping[str, tuple[str, ...]]) -> Routes:
        blueprint = self.blueprint
        return build_routes(
            config,
            self._credentials,
            self._breakers,
            listed,
            blueprint.base,
            blueprint.environment,
            self._prices,
        ).without(self.custody.disabled)

    def _app(self) -> App:
        rooms = Rooms(
            books=self._books,
            keeper=self.keeper,
            pool=self.pool,
            meters=self.meters,
            running=self.running,
            snapshot=lambda: self._snapshot,
            refresh=self.refresh,
            not_ready=lambda: "shutting down" if self.stopping else "",
        )
        return open_app(self.blueprint.config, self.blueprint.clock, rooms)
