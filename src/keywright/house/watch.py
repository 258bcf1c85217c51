"""What a running gateway follows: keys that other processes change, the configuration file, and its own ledger."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keywright.config import Config, load
from keywright.core.errors import ConfigError, SecretError, StoreError
from keywright.house.house import House
from keywright.house.upkeep import upkeep
from keywright.store.bell import Bell

CHANGES_POLL_S: Final = 0.5
"""What another process changed counts here after this long at most, and the time to read it."""
FILE_POLL_S: Final = 0.5
"""A file counts when two looks in a row saw the same: half of one that is being written may be sound by itself."""
LEDGER_POLL_S: Final = 1.0
MODELS_POLL_S: Final = 60.0

_log = logging.getLogger("keywright")


class Watch:
    """The tasks that keep a house up to date. `start` them, `stop` them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._config = house.blueprint.config
        self._listed: Mapping[str, tuple[str, ...]] = {}
        self._changed = asyncio.Event()
        self._configuring = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow."""
        follow = [self._changes(), self._models(), self._ledger(), *upkeep(self._house)]
        if self._house.blueprint.config_path is not None:
            follow.append(self._file(self._house.blueprint.config_path))
        self._tasks = [asyncio.ensure_future(task) for task in follow]
        for task in self._tasks:
            task.add_done_callback(_tell_if_broken)

    async def stop(self) -> None:
        """Follow no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _changes(self) -> None:
        """Know what other processes change: at once where the bell rings, and within `CHANGES_POLL_S` in any case."""
        house, said = self._house, ""
        bell: Bell | None = None
        try:
            while True:
                try:
                    bell = bell or await Bell.open(house.store.database)
                    if await house.store.version() != house.version:
                        await house.refresh()
                    said = ""
                except StoreError as error:
                    if str(error) != said:
                        said = str(error)
                        _log.warning("changes cannot be read; what was known before still counts: %s", error)
                if bell is None:
                    await asyncio.sleep(CHANGES_POLL_S)
                elif "recall" in await bell.wait(CHANGES_POLL_S):
                    house.escrow.look()
        finally:
            if bell is not None:
                await bell.close()

    async def _ledger(self) -> None:
        """Tell when the store begins to fail, and when it works again. The ledger itself goes on meanwhile."""
        ledger, failing = self._house.ledger, False
        while True:
            if ledger.trouble and not failing:
                _log.error("calls are recorded in the spool only, as far as it has room: %s", ledger.trouble)
            elif failing and not ledger.trouble:
                _log.info("calls are recorded in the store again")
            failing = bool(ledger.trouble)
            await asyncio.sleep(LEDGER_POLL_S)

    async def _file(self, path: Path) -> None:
        """Read it whenever it has changed, and once at first: it may have changed while the house was built."""
        seen = _stamp(path)
        read: tuple[int, int, int] | None = None
        while True:
            await asyncio.sleep(FILE_POLL_S)
            last, seen = seen, _stamp(path)
            if seen != read and seen == last:
                async with self._configuring:
                    await self._read(path, is_first=read is None)
                read = seen

    async def _read(self, path: Path, *, is_first: bool) -> None:
        try:
            config = load(path)
            if is_first and _followed(config) == _followed(self._config):
                self._config = config  # what the command line said besides is no change of the file
                return
            await self._house.configure(config, self._listed)
        except (ConfigError, SecretError) as error:
            _log.error("the changed configuration is refused, the old one stays: %s", error)
            return
        if not is_first and _fixed(config) != _fixed(self._config):
            _log.warning("[server], [store], [retry] and [ledger] of %s count from the next start on", path)
        self._config = config
        self._changed.set()
        try:
            await self._house.custody.tell_surely(self._house.sources())
            await self._house.declare(config)
        except StoreError as error:
            _log.error(
                "%s has changed and counts now, but for its projects, budgets and limits, which cannot be written: "
                "touch it when the store serves again: %s",
                path,
                error,
            )
            return
        _log.info("%s has changed and counts now", path)

    async def _models(self) -> None:
        """Ask for models now and then, and when the file has changed. Who does not answer keeps those it had."""
        while True:
            self._changed.clear()
            listed = {**self._listed, **await self._house.ask_for_models()}
            if listed != self._listed:
                self._listed = listed
                await self._list(listed)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), MODELS_POLL_S)

    async def _list(self, listed: Mapping[str, tuple[str, ...]]) -> None:
        try:
            async with self._configuring:  # else an older configuration could be taken up after the file's
                await self._house.configure(self._config, listed)
        except (ConfigError, SecretError) as error:
            _log.warning("the models that providers list cannot be taken up: %s", error)


def _tell_if_broken(task: asyncio.Task[None]) -> None:
    """A task that ended by a fault of ours is told of at once: from then on the gateway does not follow."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the gateway no longer follows what changes: restart it", exc_info=error)


def _followed(config: Config) -> tuple[object, ...]:
    """What of a configuration counts at once."""
    return (
        config.secrets,
        config.providers,
        config.models,
        config.prices,
        config.projects,
        config.budgets,
        config.limits,
    )


def _fixed(config: Config) -> tuple[object, ...]:
    """What of it counts from the start on."""
    return config.server, config.store, config.retry, config.ledger


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file does; None while it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
