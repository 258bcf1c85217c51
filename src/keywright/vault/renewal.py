"""A credential that runs out, kept valid: what it holds, when it is renewed, and what happens when that fails.

A renewing credential gives a fixed one for each request. There is no timer and no task that lives on: the first
request after 80 % of a credential's life starts the renewal beside it and is served with the old one, which counts
until it has run out. So an unused provider is never asked for a token, nothing has to be shut down, and only a request
that finds nothing valid waits, at most `RENEWAL_S`. However many requests come, one renewal runs at a time. After a
failed one the next is not begun for `PAUSE_S`; until then a request that finds nothing valid is told the same failure
at once, so that a token service in trouble is not stormed.

A provider that refuses a credential, because it was revoked or its source was changed, makes it be renewed as well.

When a credential runs out is told by the wall clock, since a machine that slept has not counted the time; when it is
renewed, by the ticks, since a wall clock may be set back.

Rejected: renewing by timer (tokens for providers that nobody uses, tasks to own and stop across reloads); one object
whose key changes under an answer that is being read (it would be cleared of the new key, not of the one it was sent).
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import SecretError
from keywright.vault.credential import Credential, Unwritable

RENEWED_AT: Final = 0.8
"""The part of its life after which a credential is renewed."""

RENEWAL_S: Final = 30.0
PAUSE_S: Final = 5.0
DOUBTED_S_MIN: Final = 60.0
MENDED_S: Final = 5.0
"""How long a call that was refused waits for a new credential."""

MARGIN_S: Final = 15.0
"""A credential is not used in the last of its seconds: a request needs time to arrive."""

MARGIN_PART_MAX: Final = 0.1
"""The margin of a short life, as a part of it."""

_log = logging.getLogger("keywright.vault")


class Renewed(Struct, frozen=True):
    """A credential and when it runs out: Unix seconds, None when it does not."""

    credential: Credential
    expires_s: float | None


class RenewingCredential(Unwritable):
    """Gives the credential that is valid now. `obtain` gets a new one and raises SecretError when it cannot.

    `fingerprint` is that of what stays: the key or the settings by which tokens are had. `expires_s`: when what is held
    now runs out (Unix seconds); None while nothing is held, or where it does not.
    """

    __slots__ = (
        "_again_ticks_s",
        "_clock",
        "_failure",
        "_held",
        "_held_ticks_s",
        "_obtain",
        "_renew_ticks_s",
        "_task",
        "_until_s",
        "expires_s",
        "fingerprint",
        "name",
    )
    renews: Literal[True] = True

    def __init__(self, name: str, fingerprint: str, obtain: Callable[[], Awaitable[Renewed]], clock: Clock) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.expires_s: float | None = None
        self._obtain = obtain
        self._clock = clock
        self._held: Credential | None = None
        self._held_ticks_s = 0.0
        self._renew_ticks_s = 0.0
        self._until_s = 0.0
        self._again_ticks_s = 0.0
        self._failure = ""
        self._task: asyncio.Task[None] | None = None

    async def current(self) -> Credential:
        """The credential to use for the next request. Suspends only when none is valid.

        Raises:
            SecretError: there is none, and none can be had: from where, and why.
        """
        ticks_s = self._ticks_s()
        if self._held is not None and self._now_s() < self._until_s:
            if ticks_s >= self._renew_ticks_s and ticks_s >= self._again_ticks_s and self._task is None:
                self._begin()
            return self._held
        if ticks_s < self._again_ticks_s and self._task is None:
            raise SecretError(self._failure)
        await asyncio.shield(self._task or self._begin())  # one waiter that leaves does not end it for the others
        if self._held is None or self._now_s() >= self._until_s:
            raise SecretError(self._failure or f"{self.name}: the new credential has run out already")
        return self._held

    async def renew(self) -> None:
        """Get a new one now, whatever is left of the old.

        Raises:
            SecretError: none can be had; the old one counts until it has run out.
        """
        self._failure = ""
        await asyncio.shield(self._task or self._begin())
        if self._failure:
            raise SecretError(self._failure)

    async def mended(self, used: object) -> bool:
        """The provider has refused `used`. Whether there is another one now: it is renewed before its time. One that is
        new is not: it would be asked for over and over while the provider refuses all of them.
        """
        if used is not self._held:
            return self._held is not None
        if self._ticks_s() - self._held_ticks_s < DOUBTED_S_MIN:
            return False
        try:
            async with asyncio.timeout(MENDED_S):
                await asyncio.shield(self._task or self._begin())
        except TimeoutError:
            return False
        return self._held is not used

    def __repr__(self) -> str:
        return f"<renewing credential {self.name} {self.fingerprint}>"

    def _begin(self) -> "asyncio.Task[None]":
        self._task = asyncio.create_task(self._renew(), name=f"renewal of {self.name}")
        return self._task

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(RENEWAL_S):
                renewed = await self._obtain()
            self._hold(renewed)
        except SecretError as error:
            self._fail(str(error))
        except TimeoutError:
            self._fail(f"no new credential within {RENEWAL_S:g} s")
        finally:
            self._task = None

    def _hold(self, renewed: Renewed) -> None:
        now_s = self._now_s()
        life_s = math.inf if renewed.expires_s is None else renewed.expires_s - now_s
        if life_s <= 0:
            raise SecretError("the new credential had run out when it came; is this machine's clock right?")
        self._held_ticks_s = self._ticks_s()
        self._renew_ticks_s = self._held_ticks_s + life_s * RENEWED_AT
        self._until_s = now_s + life_s - min(MARGIN_S, life_s * MARGIN_PART_MAX)
        self._held, self.expires_s = renewed.credential, renewed.expires_s
        self._failure = ""

    def _fail(self, why: str) -> None:
        self._failure = f"{self.name}: {why}"
        self._again_ticks_s = self._ticks_s() + PAUSE_S
        _log.warning("a provider's credential was not renewed: %s", self._failure)

    def _now_s(self) -> float:
        return self._clock.unix_us() / SECOND_US

    def _ticks_s(self) -> float:
        return self._clock.ticks_us() / SECOND_US
