"""The keyring of a desktop, in a file: the library's own `PlaintextKeyring`, chosen here and never the machine's."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import keyring
import pytest
from keyring.backend import KeyringBackend as Keyring
from keyring.core import load_keyring
from keyring.errors import KeyringLocked

from keywright.vault.backends.keyring import KeyringBackend
from keywright.vault.reference import Reference
from tests.vault.conformance.place import Ability, Fault

SERVICE: Final = "keywright-conformance"
NO_KEYRING: Final = load_keyring("keyring.backends.fail.Keyring")
"""What the library takes where it finds none."""


class KeychainDenied(Exception):  # noqa: N818 - not our name
    """What macOS raises when its user says no; its own class exists there only."""


class Prompting(Keyring):
    """A keyring that asks its user first: `user` returns when it may answer, or raises."""

    priority = 0.0

    def __init__(self, inner: Keyring, user: Callable[[], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # it has no annotations
        self._inner = inner
        self._user = user

    def get_password(self, service: str, username: str) -> str | None:
        self._user()
        return self._inner.get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._user()
        self._inner.set_password(service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        self._user()
        self._inner.delete_password(service, username)


class KeyringPlace:
    timeout_s = 1.5
    abilities: frozenset[Ability] = frozenset({"writes"})
    faults: frozenset[Fault] = frozenset({"kill", "slow", "seal", "deny"})
    canaries = ()
    version_absent = ""

    def __init__(self, path: Path) -> None:
        self._keyring = load_keyring("keyrings.alt.file.PlaintextKeyring").with_properties(file_path=str(path))
        self._answered = threading.Event()
        self.backend = KeyringBackend(self.timeout_s)
        keyring.set_keyring(self._keyring)

    def reference(self, name: str, _: str = "") -> Reference:
        return Reference("keyring", f"{SERVICE}/{name}")

    def put(self, name: str, value: str, _: str = "") -> None:
        self._keyring.set_password(SERVICE, name, value)

    def remove(self, name: str) -> None:
        self._keyring.delete_password(SERVICE, name)

    def strike(self, fault: Fault) -> None:
        self._answered.clear()
        users: dict[Fault, Callable[[], None]] = {"slow": self._wait, "seal": _locked, "deny": _denied}
        user = users.get(fault)
        keyring.set_keyring(Prompting(self._keyring, user) if user else NO_KEYRING)

    def heal(self, _: Fault) -> None:
        keyring.set_keyring(self._keyring)
        self._answered.set()

    def _wait(self) -> None:
        self._answered.wait()


def _locked() -> None:
    raise KeyringLocked("Failed to unlock the collection!")


def _denied() -> None:
    raise KeyringLocked("Can't get password from keychain") from KeychainDenied(-128)


@pytest.fixture(scope="session")
def keyring_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyringPlace]:
    yield KeyringPlace(tmp_path_factory.mktemp("keyring") / "keyring.cfg")
    keyring.set_keyring(NO_KEYRING)
