"""Threads in which one store is asked: so many questions at a time, and the others wait for their turn.

A pool of the standard library would do, were it not that a process which ends waits for its threads: a store that does
not answer would then hold up the end as well.
"""

import asyncio
import contextlib
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Lane:
    """At most `threads_max` threads at a time, named `name`. Belongs to the running event loop."""

    def __init__(self, name: str, threads_max: int) -> None:
        self._name = name
        self._free = asyncio.Semaphore(threads_max)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, in a thread. Whoever waits no longer leaves it running, in its place."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, error: BaseException | None) -> None:
            self._free.release()
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)  # type: ignore[arg-type]  # of `work`, where there is no error

        def think() -> None:
            value, error = None, None
            try:
                value = work()
            except BaseException as raised:  # noqa: BLE001  # it is raised where the answer is waited for
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, value, error)

        try:
            Thread(target=think, name=self._name, daemon=True).start()
        except RuntimeError:  # this machine gives no more threads now
            self._free.release()
            raise
        return await answer
