"""`keyring:service/name`: the keyring of the operating system, by the library `keyring`.

Which keyring that is, the library decides as its own tools do: `PYTHON_KEYRING_BACKEND`, `keyringrc.cfg`, else what the
desktop has (Secret Service, KWallet, macOS, Windows). It keeps one value under a name; what a write replaces goes first
under `name.previous`.

A desktop may ask its user before it answers, and wait for ever. So each question runs in a thread of its own, one at a
time, and who asks waits for `timeout_s`. The thread is not waited for at exit. What it still does afterwards is not
known, and the message says so.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value, held
from keywright.vault.reference import Reference

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend as Keyring

Answer = TypeVar("Answer")

PREVIOUS: Final = ".previous"
_DENIALS: Final = frozenset({"KeychainDenied", "SecAuthFailure", "PromptDismissedException", "PermissionError"})
"""How a keyring says that its user, or the system, said no. By name: each class exists on its own system only."""


class KeyringBackend:
    """Asks the keyring each time. `timeout_s`: how long one question may take."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._turn = threading.Lock()

    def read(self, reference: Reference) -> Value:
        """The value under this name. Raises SecretError."""
        return self._value(reference, "")

    def write(self, reference: Reference, secret: Secret) -> str:
        """Let `secret` be under this name. What is there already is not written again, so that a write which is
        repeated keeps what was before it.
        """
        service, name = _place(reference)
        held(reference, secret.reveal())

        def change(keyring: "Keyring") -> None:
            found = keyring.get_password(service, name)
            if found == secret.reveal():
                return
            if found:
                keyring.set_password(service, name + PREVIOUS, found)
            else:
                _delete(keyring, service, name + PREVIOUS)
            keyring.set_password(service, name, secret.reveal())

        self._ask(reference, change)
        return ""

    def previous(self, reference: Reference) -> Value:
        """The value before the last write. Raises SecretAbsentError."""
        return self._value(reference, PREVIOUS)

    def forget(self, reference: Reference) -> None:
        """Delete the value before the last write."""
        service, name = _place(reference)
        self._ask(reference, lambda keyring: _delete(keyring, service, name + PREVIOUS))

    def read_only(self, _: Reference) -> str:
        """Never, as far as is known."""
        return ""

    def names(self) -> tuple[Reference, ...]:
        """Never: keyrings have no common way to list. Raises SecretReadOnlyError."""
        raise SecretReadOnlyError("a keyring cannot be listed: look into it with the system's own tool")

    def close(self) -> None:
        """Nothing is open."""

    def _value(self, reference: Reference, suffix: str) -> Value:
        service, name = _place(reference)
        text = self._ask(reference, lambda keyring: keyring.get_password(service, name + suffix))
        if text is None:
            raise SecretAbsentError(f"{reference} is not in the keyring" + (" from before a write" if suffix else ""))
        return Value(held(reference, text))

    def _ask(self, reference: Reference, question: Callable[["Keyring"], Answer]) -> Answer:
        """What `question` of the keyring gives.

        Raises:
            SecretError: why it gives nothing; or there is no answer within the time-out.
        """
        try:
            # Here, because it is an extra.
            import keyring  # noqa: PLC0415
        except ModuleNotFoundError:
            raise SecretError(f"{reference}: keyring: needs the extra: pip install 'keywright[keyring]'") from None
        end = monotonic() + self._timeout_s
        if not self._turn.acquire(timeout=self._timeout_s):
            raise SecretError(f"{reference}: the keyring has still not answered an earlier question")
        answer: Future[Answer] = Future()

        def run() -> None:
            # Looking for a keyring asks the desktop's bus: that may take its time too.
            try:
                found = question(keyring.get_keyring())
            except Exception as error:  # noqa: BLE001 - it belongs to who asked
                self._turn.release()
                answer.set_exception(error)
            else:
                self._turn.release()
                answer.set_result(found)

        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            return answer.result(max(0.0, end - monotonic()))
        except TimeoutError:
            raise SecretError(
                f"{reference}: the keyring has not answered within {self._timeout_s:g} s; does it wait for its user? "
                "What was to be written may still be"
            ) from None
        except Exception as error:  # noqa: BLE001 - each system's keyring has errors of its own
            # From None: nobody knows what they carry.
            raise _refusal(reference, error) from None


def _place(reference: Reference) -> tuple[str, str]:
    service, _, name = reference.name.partition("/")
    return service, name


def _delete(keyring: "Keyring", service: str, name: str) -> None:
    """Deleting what is not there is an error to the library."""
    if keyring.get_password(service, name) is not None:
        keyring.delete_password(service, name)


def _refusal(reference: Reference, error: Exception) -> SecretError:
    from keyring import errors  # noqa: PLC0415

    named = {type(one).__name__ for one in (error, error.__cause__) if one is not None}
    if named & _DENIALS:
        return SecretDeniedError(f"{reference}: the keyring does not let us: its user, or the system, said no")
    if isinstance(error, errors.KeyringLocked):
        return SecretError(f"{reference}: the keyring is locked: unlock it, or let it be unlocked at login")
    if isinstance(error, errors.NoKeyringError | errors.InitError):
        return SecretError(
            f"{reference}: there is no usable keyring here; a service without a desktop uses another store"
        )
    return SecretError(f"{reference}: the keyring failed with {type(error).__name__}")
