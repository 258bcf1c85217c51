"""Ctrl-C: in work that is done step by step the step ends, and no other is begun; a question it ends at once."""

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


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends what waits for a person within it, in the main thread, also where an event loop runs: that takes the
    first one for itself, and acts on it only when it comes to run again.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
