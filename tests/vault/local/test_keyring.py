"""The OS keyring: what it can suffer is told apart."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import keyring
import pytest
from keyring.backend import KeyringBackend as Keyring
from keyring.core import load_keyring
from keyring.errors import InitError, KeyringError, KeyringLocked, PasswordSetError

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backends.keyring import KeyringBackend
from keywright.vault.reference import Reference
from tests.vault.conformance.places.desktop import NO_KEYRING, KeychainDenied, Prompting

CANARY = "sk-canary-0d2e55"
SOON_S = 10.0
KEY = Reference("keyring", "keywright/team/openai")


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Keyring]:
    """The keyring that is used, in a file of its own."""
    chosen = load_keyring("keyrings.alt.file.PlaintextKeyring").with_properties(file_path=str(tmp_path / "keyring"))
    keyring.set_keyring(chosen)
    yield chosen
    keyring.set_keyring(NO_KEYRING)


def raising(error: BaseException, cause: BaseException | None = None) -> Callable[[], None]:
    def user() -> None:
        raise error from cause

    return user


@pytest.mark.parametrize(
    ("user", "kind", "said"),
    [
        (raising(KeyringLocked(CANARY)), SecretError, "the keyring is locked"),
        (raising(KeyringLocked(CANARY), KeychainDenied(CANARY)), SecretDeniedError, "said no"),
        (raising(PermissionError(13, CANARY)), SecretDeniedError, "said no"),
        (raising(InitError(CANARY)), SecretError, "there is no usable keyring"),
        (raising(PasswordSetError(CANARY)), SecretError, "failed with PasswordSetError"),
        (raising(KeyringError(CANARY)), SecretError, "failed with KeyringError"),
        (raising(ValueError(CANARY)), SecretError, "failed with ValueError"),
    ],
)
def test_what_stands_in_the_way_is_told_apart(
    user: Callable[[], None], kind: type[SecretError], said: str, desktop: Keyring
) -> None:
    keyring.set_keyring(Prompting(desktop, user))
    backend = KeyringBackend(1.0)
    for question in (
        lambda: backend.read(KEY),
        lambda: backend.write(KEY, Secret(CANARY)),
        lambda: backend.forget(KEY),
    ):
        with pytest.raises(SecretError, match=said) as caught:
            question()
        assert type(caught.value) is kind
        assert str(KEY) in str(caught.value)
        assert CANARY not in str(caught.value)


def test_a_machine_without_a_keyring_says_so() -> None:
    keyring.set_keyring(NO_KEYRING)
    with pytest.raises(SecretError, match="there is no usable keyring here; a service without a desktop uses another"):
        KeyringBackend(1.0).read(KEY)


def test_a_machine_without_the_library_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretError, match=r"keyring:keywright/team/openai.*pip install 'keywright\[keyring\]'"):
        KeyringBackend(1.0).read(KEY)


def test_values_lie_where_the_library_s_own_tool_finds_them(desktop: Keyring) -> None:
    backend = KeyringBackend(1.0)
    backend.write(KEY, Secret("first"))
    assert desktop.get_password("keywright", "team/openai") == "first"
    assert desktop.get_password("keywright", "team/openai.previous") is None
    for _ in range(2):
        backend.write(KEY, Secret("second"))
    assert desktop.get_password("keywright", "team/openai.previous") == "first"
    desktop.delete_password("keywright", "team/openai")
    backend.write(KEY, Secret("third"))
    with pytest.raises(SecretAbsentError, match="is not in the keyring from before a write"):
        backend.previous(KEY)


def test_an_empty_value_is_refused(desktop: Keyring) -> None:
    desktop.set_password("keywright", "team/openai", "")
    with pytest.raises(SecretError, match="is empty"):
        KeyringBackend(1.0).read(KEY)


def read_soon(backend: KeyringBackend) -> str:
    """What is read once the keyring answers in time, on a busy machine."""
    ends = monotonic() + SOON_S
    while True:
        try:
            return backend.read(KEY).secret.reveal()
        except SecretError:
            assert monotonic() < ends


def test_a_prompt_that_nobody_answers_is_left_and_those_who_ask_meanwhile_too(desktop: Keyring) -> None:
    desktop.set_password("keywright", "team/openai", CANARY)
    answered = threading.Event()

    def user() -> None:
        answered.wait()

    keyring.set_keyring(Prompting(desktop, user))
    backend = KeyringBackend(0.1)
    for said in ("does it wait for its user", "has still not answered an earlier question"):
        began = monotonic()
        with pytest.raises(SecretError, match=said):
            backend.read(KEY)
        assert monotonic() - began < SOON_S
    answered.set()
    assert read_soon(backend) == CANARY
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "keyring"] in ([], [True])


def test_a_keyring_cannot_be_listed() -> None:
    with pytest.raises(SecretReadOnlyError, match="cannot be listed"):
        KeyringBackend(1.0).names()
