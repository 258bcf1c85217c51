"""Questions to stores of secrets, which may block: asked in threads of their own, so many at a time, not for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from keywright.core.errors import SecretError

AT_ONCE: Final = 4
"""So many questions run in one store at a time, whoever asks: one that is slow holds up nobody who asks another, and
takes no thread that calls need.
"""

AnswerT = TypeVar("AnswerT")


class Questions:
    """Asks, and waits at most `within_s` for an answer, the time included that a question waits for its turn."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._threads: dict[str, ThreadPoolExecutor] = {}

    async def ask(self, store: str, question: Callable[[], AnswerT]) -> AnswerT:
        """What `question` gives. `store`: the name of the one that is asked, as the configuration has it.

        Raises:
            SecretError: there is no answer in time; besides what `question` raises.
        """
        threads = self._threads.get(store)
        if threads is None:
            threads = self._threads[store] = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"keywright-ask-{store}")
        asked = threads.submit(question)
        try:
            async with asyncio.timeout(self._within_s):
                return await asyncio.wrap_future(asked)
        except TimeoutError:
            if asked.cancelled():
                raise SecretError(f"it was not asked for: {store} has been busy for {self._within_s:g} s") from None
            raise SecretError(f"there is no answer within {self._within_s:g} s: it may still be done") from None

    def close(self) -> None:
        """Ask nothing more. What runs in a store ends by itself."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
