"""An event loop whose timers are exact to some tens of microseconds.

The loops of asyncio and uvloop round timers to milliseconds, so that everything due within one comes out as a burst,
and the delay of a burst's last frame says more about the burst than about the relay. `select` takes microseconds but
only 1,024 descriptors, `epoll` takes any number but only milliseconds; an epoll descriptor can itself be selected on,
which gives both. Single-threaded, callbacks, nothing else.
"""

import heapq
import itertools
import select
import time
from collections.abc import Callable
from typing import Final

NS_PER_S: Final = 1_000_000_000
now_ns = time.monotonic_ns


class Clockwork:
    """The loop. Times are nanoseconds of the monotonic clock."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._stopped = False

    def at(self, due_ns: int, call: Callable[[], None]) -> None:
        """Call `call` when it is `due_ns`, or as soon as possible after."""
        heapq.heappush(self._timers, (due_ns, next(self._order), call))

    def on_readable(self, descriptor: int, call: Callable[[], None]) -> None:
        """Call `call` whenever `descriptor` has something to read."""
        self._readers[descriptor] = call
        self._epoll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """No longer watch `descriptor`. Call it before closing."""
        del self._readers[descriptor]
        self._epoll.unregister(descriptor)

    def stop(self) -> None:
        """Let `run` return."""
        self._stopped = True

    def run(self) -> None:
        """Wait and call, until `stop`."""
        watched = [self._epoll.fileno()]
        while not self._stopped:
            wait_s = None
            if self._timers:
                wait_s = max(0, self._timers[0][0] - now_ns()) / NS_PER_S
            if select.select(watched, (), (), wait_s)[0]:
                for descriptor, _ in self._epoll.poll(0):
                    reader = self._readers.get(descriptor)
                    if reader is not None:
                        reader()
            while self._timers and self._timers[0][0] <= now_ns() and not self._stopped:
                heapq.heappop(self._timers)[2]()
