"""A credential whose key is kept in a store of secrets, and may be another from one call to the next.

It has one or several references to one and the same key. The first whose store gave a good value counts; the others are
for when that cannot be had. When the provider refuses a key, all of them are read at once (`mended`): if there is
another key now, because somebody has just replaced it, the call is made again with that. Where the first place still
has the key that was refused and another place has a different one, that is taken: one of them is behind.

Giving the credential for a call is one look at a slot. Stores are asked by the keeper's tasks.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Literal

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.credential import Credential, Unwritable
from keywright.vault.keeper import Keeper
from keywright.vault.renewal import RenewingCredential

LOOK_PAUSE_S: Final = 2.0
"""Between two looks because of refusals: a provider that refuses everything must not make us storm a store."""

LOOK_S: Final = 5.0
"""How long a call that was refused waits for the look."""


class HeldCredential(Unwritable):
    """Gives the credential that counts now. `make` makes it of a key, and raises SecretError when the key is none.

    `fingerprint` and `version` are those of the key that counts, "" without one; `failure` says why there is none.
    """

    __slots__ = (
        "_clock",
        "_held",
        "_keeper",
        "_looking",
        "_make",
        "_next_look_s",
        "_refused",
        "failure",
        "fingerprint",
        "name",
        "references",
        "version",
    )
    renews: Literal[True] = True

    def __init__(
        self,
        name: str,
        references: tuple[str, ...],
        keeper: Keeper,
        make: Callable[[Secret], Credential | RenewingCredential],
        clock: Clock,
    ) -> None:
        self.name = name
        self.references = references
        self.fingerprint = ""
        self.version = ""
        self._keeper = keeper
        self._make = make
        self._clock = clock
        self._held: Credential | RenewingCredential | None = None
        self.failure = "its key has not been read yet"
        self._refused = ""
        self._looking: asyncio.Task[None] | None = None
        self._next_look_s = 0.0
        self.update()

    @property
    def is_ready(self) -> bool:
        """Whether there is a key."""
        return self._held is not None

    def update(self) -> bool:
        """Take from the keeper what counts now. Whether it is another key than before."""
        values, failures = [], []
        for reference in self.references:
            try:
                values.append(self._keeper.value(reference))
            except SecretError as error:
                failures.append(str(error))
        value = next((value for value in values if value.secret.fingerprint != self._refused), None)
        value = value or next(iter(values), None)
        if value is None:
            self.failure = "; ".join(failures)
            self._held, self.fingerprint, self.version = None, "", ""
            return False
        if self._held is not None and value.secret.fingerprint == self.fingerprint:
            self.version = value.version  # the same key may have been written anew
            return False
        try:
            self._held = self._make(value.secret)
        except SecretError as error:
            self.failure = str(error)
            return False
        before, self.fingerprint = self.fingerprint, value.secret.fingerprint
        self.version = value.version
        return bool(before)

    async def current(self) -> Credential:
        """The credential to use for the next request. Suspends only where the key itself is one that runs out.

        Raises:
            SecretError: there is none: why.
        """
        held = self._held
        if held is None:
            raise SecretError(f"{self.name}: {self.failure}")
        return await held.current() if held.renews else held

    async def mended(self, used: object) -> bool:
        """The provider has refused `used`. Whether there is another one now; asks the stores if that is not known."""
        if used is not self._held and self._held is not None and not self._held.renews:
            return True
        refused = self.fingerprint
        if self._looking is None:
            if self._now_s() < self._next_look_s:
                return False
            self._next_look_s = self._now_s() + LOOK_PAUSE_S
            self._looking = asyncio.create_task(self._look(), name=f"look for the key of {self.name}")
        try:
            async with asyncio.timeout(LOOK_S):
                await asyncio.shield(self._looking)
        except TimeoutError:
            return False
        return self.fingerprint not in {"", refused}

    async def _look(self) -> None:
        try:
            self._refused = self.fingerprint
            await asyncio.gather(*(self._keeper.look(reference) for reference in self.references))
            self.update()
        finally:
            self._looking = None

    def __repr__(self) -> str:
        return f"<held credential {self.name} {self.fingerprint}>"

    def _now_s(self) -> float:
        return self._clock.ticks_us() / SECOND_US
