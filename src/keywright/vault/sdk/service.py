"""A question to a vendor's service: bounded in time, repeated while that may help, its failures told apart.

An SDK's own time-outs bound each wait on a socket, and neither the resolver's nor the sum of all; so the question is
put in a thread of its own, which is left behind when the time is over. It ends by itself: its next request finds that
there is no time left, and the one that hangs is ended by its socket. The SDK's own repetitions are turned off, for they
know nothing of the time that is left.

Of what a vendor answers, only its code goes into a message: its text may repeat what it was sent.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Final, Literal, TypeAlias, TypeVar, assert_never
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError
from keywright.vault.settings import StoreSettings

ATTEMPTS_MAX: Final = 3
FIRST_PAUSE_S: Final = 0.1

FaultKind: TypeAlias = Literal["absent", "denied", "throttled", "slow", "down", "refused"]
"""`down`: not reached, or it says that it cannot serve. `refused`: it does not want what it was asked."""

PASSING: Final[frozenset[FaultKind]] = frozenset({"throttled", "down"})
_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,80}")

T = TypeVar("T")


class Fault(Struct, frozen=True):
    """What went wrong. `code`: the service's own word for it, or the SDK's; never a text."""

    kind: FaultKind
    code: str


class Service:
    """One service of a vendor's. `name` is what messages call it; `fault_of` reads what its SDK raises, and is asked
    about anything; `timeout_s` bounds a question, however many requests it takes.
    """

    def __init__(
        self,
        name: str,
        timeout_s: float,
        fault_of: Callable[[Exception], Fault],
        monotonic_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self.fault_of = fault_of
        self.monotonic_s = monotonic_s
        self.pause = pause

    def ask(self, about: str, work: Callable[["Question"], T]) -> T:
        """What `work` returns, which makes its requests by the question it is given. `about`: a secret's reference.

        Raises:
            SecretError: as `work` does, or the time is over: then what it asked for may still happen.
        """
        question = Question(self, about)
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work(question))
            except BaseException as error:  # noqa: BLE001  # it is raised where the answer is waited for
                answer.set_exception(error)

        Thread(target=run, name="keywright-secret", daemon=True).start()
        try:
            return answer.result(self.timeout_s)
        except TimeoutError:
            raise question.slow() from None


class Question:
    """One question that is being asked."""

    def __init__(self, service: Service, about: str) -> None:
        self._service = service
        self._about = about
        self._until_s = service.monotonic_s() + service.timeout_s

    def request(self, action: str, attempt: Callable[[float], T], *, attempts_max: int = ATTEMPTS_MAX) -> T:
        """What `attempt` returns, which is given the seconds that are left. Made again while its failure may pass.

        `action`: what it does, as the vendor calls that and its access rules do. `attempts_max` 1: where it must not be
        done twice.

        Raises:
            SecretError: it failed; which kind says how.
        """
        for number in range(1, attempts_max + 1):
            try:
                return attempt(self.left_s())
            except SecretError as error:
                raise type(error)(f"{self._about}: {error}") from None
            except Exception as error:  # noqa: BLE001  # SDKs raise many kinds, whose texts may hold what was sent
                fault = self._service.fault_of(error)
            pause_s = FIRST_PAUSE_S * 2 ** (number - 1)
            if number == attempts_max or fault.kind not in PASSING or self.left_s() <= pause_s:
                raise self._failure(action, fault)
            self._service.pause(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def left_s(self) -> float:
        """How many seconds are left.

        Raises:
            SecretError: none.
        """
        left_s = self._until_s - self._service.monotonic_s()
        if left_s <= 0:
            raise self.slow()
        return left_s

    def slow(self) -> SecretError:
        """The failure of a question whose time is over."""
        return SecretError(f"{self._about}: {self._service.name} gave no answer within {self._service.timeout_s:g} s")

    def _failure(self, action: str, fault: Fault) -> SecretError:
        who = self._service.name
        code = fault.code if _CODE.fullmatch(fault.code) else "no code"
        match fault.kind:
            case "absent":
                return SecretAbsentError(f"{self._about} is not there: {who} answered {code}")
            case "denied":
                return SecretDeniedError(f"{self._about}: {who} does not let us {action} ({code})")
            case "throttled":
                return SecretError(f"{self._about}: {who} says that we ask too often ({code})")
            case "slow":
                return self.slow()
            case "down":
                return SecretError(f"{self._about}: {who} cannot be reached, or cannot serve ({code})")
            case "refused":
                return SecretError(f"{self._about}: {who} refused {action} ({code})")
            case _:
                assert_never(fault.kind)


def for_another(settings: StoreSettings, domain: str) -> StoreSettings:
    """`settings` of a store, for another service of its vendor's: an endpoint within the vendor's `domain` is one
    service's own, and is left out; any other stands for all of them.
    """
    host = urlsplit(settings.endpoint or "").hostname or ""
    return replace(settings, endpoint=None) if host.endswith(f".{domain}") else settings


def fault_of_status(status: int, code: str) -> Fault:
    """What an HTTP status says when the service's own code says no more."""
    said = f"{status}.{code}" if code else f"{status}"
    if status == 404:
        return Fault("absent", said)
    if status in {401, 403}:
        return Fault("denied", said)
    if status == 429:
        return Fault("throttled", said)
    if status == 408 or status >= 500:
        return Fault("down", said)
    return Fault("refused", said)
