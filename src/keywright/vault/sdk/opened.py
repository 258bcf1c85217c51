"""A client that is made when it is first asked for, and shared from then on."""

from collections.abc import Callable
from threading import Lock
from typing import Any


class Opened:
    """What `make` makes, once; when it raises, the next who asks tries again."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: Any = None

    def __call__(self) -> Any:
        """The client. Raises what `make` raises."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def close(self, close: Callable[[Any], object]) -> None:
        """`close` it, if it was made."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            close(made)
