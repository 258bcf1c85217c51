"""Calls without a pause, of several models at once, counted by what came of them."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException

from tests.acceptance.program import until
from tests.client import Answer, ask
from tests.gateway import ADMIN_KEY, CHAT, chat_body

SPARING_S = 0.02
"""Between two calls of a caller, once there were enough."""

SAID_MAX = 5
"""How many answers to calls that failed are kept."""

HEADERS = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}


class Traffic:
    """What came of calls: by model and status. A call whose connection ends without an answer is made again, as
    clients do: `cut` counts those.
    """

    def __init__(self, url: str) -> None:
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.cut = 0
        self.said: list[bytes] = []
        self._url = url
        self._lock = threading.Lock()

    def call(self, model: str) -> None:
        """Make one call."""
        answer = self._answered(model)
        with self._lock:
            self.statuses[model, answer.status] += 1
            if answer.status != 200 and len(self.said) < SAID_MAX:
                self.said.append(answer.body)

    def _answered(self, model: str) -> Answer:
        while True:
            try:
                return ask(self._url, "POST", CHAT, json.dumps(chat_body(model)).encode(), HEADERS)
            except (OSError, HTTPException):
                with self._lock:
                    self.cut += 1

    def so_far(self) -> "Counter[tuple[str, int]]":
        """A copy of `statuses`."""
        with self._lock:
            return self.statuses.copy()

    def made(self, model: str) -> int:
        """How many calls of that model were answered."""
        return sum(count for (of, _), count in self.so_far().items() if of == model)

    @property
    def failed(self) -> int:
        """How many calls were answered with a failure."""
        return sum(count for (_, status), count in self.so_far().items() if status != 200)


@contextmanager
def traffic(url: str, models: Sequence[str], callers: int, calls_min: int, within_s: float) -> Iterator[Traffic]:
    """Calls while one is here, and until there were `calls_min` of each model."""
    seen, over = Traffic(url), threading.Event()
    enough = calls_min * len(models) // callers + callers

    def call(number: int) -> None:
        while not over.is_set():
            number += 1
            seen.call(models[number % len(models)])
            if number > enough:
                over.wait(SPARING_S)

    threads = [threading.Thread(target=call, args=(number,), name=f"caller {number}") for number in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield seen
        until(lambda: all(seen.made(model) >= calls_min for model in models), within_s, "there were too few calls")
    finally:
        over.set()
        for thread in threads:
            thread.join()
