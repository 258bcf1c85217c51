"""The sealed secrets of the database, for worker threads: a question crosses to the event loop, the thread waits."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import SecretError, StoreError
from keywright.core.sealed import Purpose, Rewrapping, SealedSecret
from keywright.store.sealed import SealedSecrets

AnswerT = TypeVar("AnswerT")


class LoopShelf:
    """A `vault.sealed.shelf.Shelf`. `loop` is the running one, on which the database is asked; never call from it.

    `timeout_s`: how long one question may take. A write that is not answered in time is finished, or undone whole.
    """

    def __init__(self, kept: SealedSecrets, loop: asyncio.AbstractEventLoop, clock: Clock, timeout_s: float) -> None:
        self._kept = kept
        self._loop = loop
        self._clock = clock
        self._timeout_s = timeout_s

    def newest(self, tenant: str, name: str) -> SealedSecret | None:
        """As of `Shelf`."""
        return self._ask(self._kept.newest(tenant, name))

    def at(self, tenant: str, name: str, version: int) -> SealedSecret | None:
        """As of `Shelf`."""
        return self._ask(self._kept.at(tenant, name, version))

    def put(self, sealed: SealedSecret) -> bool:
        """As of `Shelf`."""
        return self._ask(self._kept.put(sealed, self._clock.unix_us() // SECOND_US))

    def forget_before(self, tenant: str, name: str, version: int) -> None:
        """As of `Shelf`."""
        self._ask(self._kept.forget_before(tenant, name, version))

    def names(self, tenant: str, purpose: Purpose) -> tuple[str, ...]:
        """As of `Shelf`."""
        return self._ask(self._kept.names(tenant, purpose))

    def kek_uses(self, tenant: str) -> Mapping[str, int]:
        """As of `Shelf`."""
        return self._ask(self._kept.kek_uses(tenant))

    def not_under(self, tenant: str, kek: str, after: tuple[str, int], limit: int) -> Sequence[SealedSecret]:
        """As of `Shelf`."""
        return self._ask(self._kept.not_under(tenant, kek, after, limit))

    def rewrap(self, rewrappings: Sequence[Rewrapping]) -> None:
        """As of `Shelf`."""
        self._ask(self._kept.rewrap(rewrappings))

    def _ask(self, question: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        try:
            answer = asyncio.run_coroutine_threadsafe(question, self._loop)
        except RuntimeError:
            question.close()
            raise SecretError("the database of sealed secrets is closed: the gateway is stopping") from None
        try:
            return answer.result(self._timeout_s)
        except TimeoutError:
            answer.cancel()
            raise SecretError(f"the database of sealed secrets did not answer within {self._timeout_s:g} s") from None
        except CancelledError:
            raise SecretError("the database of sealed secrets is closed: the gateway is stopping") from None
        except StoreError as error:
            raise SecretError(str(error)) from None


class BareShelf:
    """A `vault.sealed.shelf.Shelf` where no database is yet: nothing is on it, and nothing is put there."""

    def newest(self, tenant: str, name: str) -> SealedSecret | None:
        """None."""

    def at(self, tenant: str, name: str, version: int) -> SealedSecret | None:
        """None."""

    def put(self, sealed: SealedSecret) -> bool:
        """Never. Raises SecretError."""
        raise SecretError("there is no database yet")

    def forget_before(self, tenant: str, name: str, version: int) -> None:
        """Nothing is there."""

    def names(self, tenant: str, purpose: Purpose) -> tuple[str, ...]:
        """None."""
        return ()

    def kek_uses(self, tenant: str) -> Mapping[str, int]:
        """None."""
        return {}

    def not_under(self, tenant: str, kek: str, after: tuple[str, int], limit: int) -> Sequence[SealedSecret]:
        """None."""
        return ()

    def rewrap(self, rewrappings: Sequence[Rewrapping]) -> None:
        """Nothing is there."""
