"""Which keys this process calls its providers with: kept up to date, and told to whoever replaces one."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import StoreError
from keywright.house.credentials import Credentials
from keywright.house.rotations import Rotating
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
        self.disabled: frozenset[str] = frozenset()

    def complain(self) -> None:
        """Tell of credentials that have no key yet."""
        for credential in self._credentials.held():
            if not credential.is_ready:
                _log.error("%s cannot be used until its key can be read: %s", credential.name, credential.failure)

    async def keep(self) -> None:
        """Read again what is due, or what another process asks to be read; what has changed counts from the next
        request on, and is told to the others.

        Raises:
            StoreError: that cannot be told.
        """
        asked, self._asked = self._asked, set()
        held = self._credentials.held()
        references = {text for credential in held if credential.name in asked for text in credential.references}
        await asyncio.gather(self._keeper.refresh(), *(self._keeper.look(text) for text in references))
        changed = [credential for credential in held if credential.update()]
        for credential in changed:
            self._breakers.reset(credential.name)
            _log.info("%s has another key now: %s", credential.name, credential.fingerprint)
        try:
            await self.tell({credential.name for credential in changed} | asked)
        except StoreError:
            self._asked |= asked | {credential.name for credential in changed}
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
