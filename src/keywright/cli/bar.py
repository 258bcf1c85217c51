"""A bar on a terminal that shows how far something is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from keywright.cli.screen import console

Far: TypeAlias = Callable[[int, int], None]
"""Told how many are done, and of how many."""


@contextmanager
def bar(what: str) -> Iterator[Far]:
    """What to tell how far `what` is; standard error shows it, where that is a terminal, until the end."""
    from rich.progress import Progress

    screen = console(stderr=True)
    with Progress(
        console=screen, transient=True, disable=not screen.is_terminal, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
