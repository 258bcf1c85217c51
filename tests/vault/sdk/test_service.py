"""A question to a vendor's service is repeated while that may help, ends in time, and shows nothing that was said."""

import time
from collections.abc import Callable
from threading import Event

import pytest

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError
from keywright.vault.sdk.service import ATTEMPTS_MAX, Fault, FaultKind, Service, fault_of_status, for_another
from keywright.vault.settings import StoreSettings

CANARY = "sk-canary-2b7e0d"
KINDS: dict[FaultKind, tuple[type[SecretError], str]] = {
    "absent": (SecretAbsentError, "aws-sm://a is not there: the service answered its.word"),
    "denied": (SecretDeniedError, "aws-sm://a: the service does not let us Get (its.word)"),
    "throttled": (SecretError, "aws-sm://a: the service says that we ask too often (its.word)"),
    "slow": (SecretError, "aws-sm://a: the service gave no answer within 5 s"),
    "down": (SecretError, "aws-sm://a: the service cannot be reached, or cannot serve (its.word)"),
    "refused": (SecretError, "aws-sm://a: the service refused Get (its.word)"),
}


class Sdk:
    """A vendor's, and the clock, which goes on with each pause. `faults`: what its next requests fail with."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = list(faults)
        self.left_s: list[float] = []
        self.now_s = 100.0
        self.request_s = 0.0
        self.service = Service("the service", 5.0, self.fault_of, lambda: self.now_s, self.pause)

    def pause(self, pause_s: float) -> None:
        self.now_s += pause_s

    def fault_of(self, error: Exception) -> Fault:
        assert isinstance(error, ConnectionError)
        fault: Fault = error.args[1]
        return fault

    def get(self, left_s: float) -> str:
        self.left_s.append(left_s)
        self.now_s += self.request_s
        if self.faults:
            raise ConnectionError(f"the answer was {CANARY}", self.faults.pop(0))
        return "found"

    def ask(self, get: Callable[[float], str] | None = None, attempts_max: int = ATTEMPTS_MAX) -> str:
        def work(question: object) -> str:
            found: str = question.request("Get", get or self.get, attempts_max=attempts_max)  # type: ignore[attr-defined]
            return found

        return self.service.ask("aws-sm://a", work)


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_told_as_what_it_is(kind: FaultKind) -> None:
    error, said = KINDS[kind]
    with pytest.raises(error) as failed:
        Sdk(*[Fault(kind, "its.word")] * ATTEMPTS_MAX).ask()
    assert (type(failed.value), str(failed.value)) == (error, said)
    assert CANARY not in repr(failed.value.__context__)


@pytest.mark.parametrize("code", ["", "two words", "x" * 81, f"{CANARY}\n"])
def test_a_word_that_is_no_code_is_not_repeated(code: str) -> None:
    with pytest.raises(SecretError, match=r"refused Get \(no code\)$"):
        Sdk(Fault("refused", code)).ask()


@pytest.mark.parametrize("kind", ["throttled", "down"])
def test_what_may_pass_is_tried_again_after_longer_and_longer_pauses(kind: FaultKind) -> None:
    sdk = Sdk(Fault(kind, "c"), Fault(kind, "c"))
    assert sdk.ask() == "found"
    assert [round(left_s, 3) for left_s in sdk.left_s] == [5.0, 4.9, 4.7]


@pytest.mark.parametrize("kind", ["absent", "denied", "slow", "refused"])
def test_what_lasts_is_asked_once(kind: FaultKind) -> None:
    sdk = Sdk(Fault(kind, "c"))
    with pytest.raises(SecretError):
        sdk.ask()
    assert len(sdk.left_s) == 1


def test_what_must_not_be_done_twice_is_tried_once() -> None:
    sdk = Sdk(Fault("down", "c"))
    with pytest.raises(SecretError, match="cannot be reached"):
        sdk.ask(attempts_max=1)
    assert len(sdk.left_s) == 1


def test_it_is_not_tried_again_when_no_time_is_left() -> None:
    sdk = Sdk(*[Fault("down", "c")] * ATTEMPTS_MAX)
    sdk.request_s = 2.4
    with pytest.raises(SecretError, match="cannot be reached"):
        sdk.ask()
    assert len(sdk.left_s) == 2


def test_a_failure_of_ours_keeps_its_kind_and_is_not_tried_again() -> None:
    asked: list[float] = []

    def get(left_s: float) -> str:
        asked.append(left_s)
        raise SecretDeniedError("there is no identity")

    with pytest.raises(SecretDeniedError, match=r"^aws-sm://a: there is no identity$"):
        Sdk().ask(get)
    assert len(asked) == 1


def test_who_asks_is_let_go_in_time_though_the_sdk_hangs_and_it_asks_no_more() -> None:
    is_let_go, ended = Event(), Event()
    service = Service("the service", 0.05, lambda _: Fault("down", "c"))

    def hang(_: float) -> str:
        is_let_go.wait(30)
        raise ConnectionError

    def work(question: object) -> str:
        try:
            return question.request("Get", hang)  # type: ignore[attr-defined, no-any-return]
        finally:
            ended.set()

    began_s = time.monotonic()
    with pytest.raises(SecretError, match=r"gave no answer within 0\.05 s"):
        service.ask("aws-sm://a", work)
    assert time.monotonic() - began_s < 20
    assert not ended.is_set()
    is_let_go.set()
    assert ended.wait(30)


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (404, "", Fault("absent", "404")),
        (404, "NOT_FOUND", Fault("absent", "404.NOT_FOUND")),
        (401, "", Fault("denied", "401")),
        (403, "x", Fault("denied", "403.x")),
        (429, "", Fault("throttled", "429")),
        (408, "", Fault("down", "408")),
        (503, "", Fault("down", "503")),
        (400, "", Fault("refused", "400")),
    ],
)
def test_a_status_says_what_the_code_does_not(status: int, code: str, fault: Fault) -> None:
    assert fault_of_status(status, code) == fault


@pytest.mark.parametrize(
    ("endpoint", "kept"),
    [
        (None, None),
        ("https://secretsmanager.eu-west-1.amazonaws.com", None),
        ("https://amazonaws.com.example.org", "https://amazonaws.com.example.org"),
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
    ],
)
def test_an_address_of_one_service_is_not_another_s(endpoint: str | None, kept: str | None) -> None:
    assert for_another(StoreSettings(endpoint=endpoint), "amazonaws.com").endpoint == kept
