"""A timer whose time is moved with every piece of every answer, and which the event loop hardly hears of."""

import asyncio
from collections.abc import Callable
from typing import Final

NEVER: Final = float("inf")


class LazyTimer:
    """Calls `expired` with the time, once the time last given to `set` has passed.

    Later is free: the loop's own timer stays as it is, and is set again when it fires too early. Only sooner costs a
    timer of the loop.
    """

    __slots__ = ("_due", "_expired", "_handle", "_loop", "_rings_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[float], None]) -> None:
        self._loop = loop
        self._expired = expired
        self._handle: asyncio.TimerHandle | None = None
        self._rings_at = NEVER
        self._due = NEVER

    def set(self, at: float) -> None:
        """Expire at `at`, by the loop's clock, and not before."""
        self._due = at
        if at < self._rings_at:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop.call_at(at, self._ring)
            self._rings_at = at

    def cancel(self) -> None:
        """Never expire."""
        self._due = NEVER
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ring(self) -> None:
        self._handle = None
        self._rings_at = NEVER
        now = self._loop.time()
        if now < self._due:
            self.set(self._due)
        else:
            self._expired(now)
