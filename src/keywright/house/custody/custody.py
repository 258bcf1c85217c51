"""Which keys this process calls its providers with: kept up to date, and told to whoever replaces one."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import StoreError
from keywright.house.custody.credentials import Credentials
from keywright.house.custody.rotations import Rotating
from keywright.house.sources import Breakers
from keywright.pipeline.routes import Source
from keywright.vault.keeper import Keeper

_log = logging.getLogger("keywright")


class Custody:
    """The keys of one process. `sources` gives them by the names of their credentials; `holder` names the process."""

    def __init__(
        self,
        keeper: Keeper,
        credentials: Credentials,
        breakers: Breakers,
        rotating: Rotating,
        sources: Callable[[], Mapping[str, Source]],
        holder: str,
        clock: Clock,
    ) -> None:
        self._keeper = keeper
        self._credentials = credentials
        self._breakers = breakers
        self._rotating = rotating
        self._states = rotating.states
        self._sources = sources
        self._holder = holder
        self._clock = clock
        self._asked: set[str] = set()
        self._counting: dict[str, str] = {}
        self.disabled: frozenset[str] = frozenset()

    def take_up(self) -> set[str]:
        """Let what is known of keys now count from the next request on, and log what has changed: the names of the
        credentials whose key is another than before.
        """
        changed = set()
        before, self._counting = self._counting, {}
        for credential in self._credentials.held():
            credential.update()
            name, now = credential.name, credential.fingerprint
            self._counting[name] = now
            if before.get(name) == now:
                continue
            if not now:
                _log.error("%s cannot be used until its key can be read: %s", name, credential.failure)
                continue
            changed.add(name)
            if name in before:
                self._breakers.reset(name)
                _log.info("%s has %s key now: %s", name, "another" if before[name] else "a", now)
        return changed

    async def keep(self) -> None:
        """Read again what is due; what has changed counts from the next request on, and is told to the others.

        Raises:
            StoreError: that cannot be told.
        """
        await self._keeper.refresh()
        await self.tell_surely(self.take_up())

    async def oblige(self) -> None:
        """Read again what another process asks to be read, however long that takes, and say which key it is.

        Raises:
            StoreError: that cannot be told.
        """
        asked, self._asked = self._asked, set()
        held = [credential for credential in self._credentials.held() if credential.name in asked]
        await asyncio.gather(*(self._keeper.look(text) for credential in held for text in credential.references))
        await self.tell_surely(self.take_up() | asked)

    async def tell_surely(self, names: Iterable[str]) -> None:
        """`tell` it now, or else again and again until it can be told.

        Raises:
            StoreError: not yet.
        """
        told = set(names)
        try:
            await self.tell(told)
        except StoreError:
            self._asked |= told
            raise

    async def tell(self, names: Iterable[str] | None = None) -> None:
        """Say with which keys this process calls (None: all): whoever replaces one waits until nobody uses it.

        Raises:
            StoreError: that cannot be told.
        """
        sources = self._sources()
        for name in sources if names is None else names:
            source = sources.get(name)
            if source is not None and source.credential.fingerprint:
                await self._rotating.note(source)
                await self._states.say(name, self._holder, source.credential.fingerprint, self._now_s())

    async def live(self) -> None:
        """Say that this process still lives.

        Raises:
            StoreError: that cannot be told.
        """
        await self._states.live(self._holder, self._now_s())

    async def follow(self, since: int) -> bool:
        """Know what others have changed after the version `since` (-1: all): which credentials are to be read anew, and
        which are disabled. Whether these are others than before.

        Raises:
            StoreError: it cannot be read.
        """
        if since >= 0:
            self._asked |= set(await self._states.changed(since))
        before, all_of_them = self.disabled, await self._states.all()
        self.disabled = frozenset(known.name for known in all_of_them if known.disabled)
        return self.disabled != before

    async def leave(self) -> None:
        """Say that this process calls nobody any more."""
        await self._rotating.engine.close()
        with contextlib.suppress(StoreError):
            await self._states.leave(self._holder)

    def _now_s(self) -> int:
        return self._clock.unix_us() // SECOND_US
