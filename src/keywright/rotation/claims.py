"""Who is at a rotation: one process at a time, by a claim in the database, and in that process one task."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from typing import Final

from keywright.core.errors import ChangeRefusedError
from keywright.core.rotation import Rotation
from keywright.rotation.surroundings import RotationRecords

TAKE_S: Final = 10.0
TAKE_LOOK_S: Final = 0.5


class Claims:
    """The claims of the process `holder`, each for `claim_s`. `held`: the rotations of which this process alone has the
    new key. `now_s` gives Unix seconds; `pause` sleeps.

    Every method raises StoreError when the database cannot be asked.
    """

    def __init__(
        self,
        rotations: RotationRecords,
        holder: str,
        claim_s: int,
        held: Container[str],
        now_s: Callable[[], int],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._rotations = rotations
        self._holder = holder
        self._claim_s = claim_s
        self._held = held
        self._now_s = now_s
        self._pause = pause
        self._busy: set[str] = set()

    def is_busy(self, rotation_id: str) -> bool:
        """Whether a task of this process is at it."""
        return rotation_id in self._busy

    async def get(self, rotation_id: str) -> Rotation:
        """The rotation.

        Raises:
            ChangeRefusedError: not_found.
        """
        rotation = await self._rotations.get(rotation_id)
        if rotation is None:
            raise ChangeRefusedError("not_found", f"there is no rotation {rotation_id!r}")
        return rotation

    async def claim(self, rotation_id: str) -> Rotation | None:
        """The rotation, claimed, or claimed for longer; None when it has ended or somebody else is at it."""
        return await self._rotations.claim(rotation_id, self._holder, self._now_s(), self._claim_s)

    async def save(self, rotation: Rotation) -> bool:
        """Write it down. False, and nothing is written, when somebody else has gone on with it meanwhile."""
        return await self._rotations.save(rotation, self._holder)

    async def release(self, rotation_id: str) -> None:
        """Let others go on with it at once."""
        await self._rotations.release(rotation_id, self._holder)

    @contextlib.asynccontextmanager
    async def at(self, rotation_id: str) -> AsyncIterator[None]:
        """At a rotation, alone in this process; a claim that was made meanwhile is given up afterwards, unless this
        process has the new key: then nobody else could go on.
        """
        self._busy.add(rotation_id)
        try:
            yield
        finally:
            try:
                if rotation_id not in self._held:
                    await self.release(rotation_id)
            finally:
                self._busy.discard(rotation_id)

    @contextlib.asynccontextmanager
    async def taken(self, rotation_id: str) -> AsyncIterator[Rotation]:
        """The rotation, claimed. Whoever else is at it is waited for.

        Raises:
            ChangeRefusedError: not_found; conflict.
        """
        for _ in range(int(TAKE_S / TAKE_LOOK_S)):
            if rotation_id not in self._busy:
                async with self.at(rotation_id):
                    claimed = await self.claim(rotation_id)
                    if claimed is not None:
                        yield claimed
                        return
            if (await self.get(rotation_id)).outcome:
                raise ChangeRefusedError("conflict", f"the rotation {rotation_id} has ended")
            await self._pause(TAKE_LOOK_S)
        raise ChangeRefusedError("conflict", f"another process is at the rotation {rotation_id}: try again in a moment")
