"""Ctrl-C in work that is done step by step: the step ends, and no other is begun."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def heeding_interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed within it, on the running event loop. The second one ends the program as usual."""
    loop, pressed = asyncio.get_running_loop(), False

    def press() -> None:
        nonlocal pressed
        pressed = True
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        loop.remove_signal_handler(signal.SIGINT)
