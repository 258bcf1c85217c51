"""`dotenv:NAME`: a variable of the `.env` file that lies beside the configuration.

The file is read for its values only: nothing is put into the process's environment, and `${OTHER}` is not expanded,
so that what a secret is does not depend on where the gateway was started.

What a write replaces goes first into a second file of the same form, `.env.previous`: a crash between the two leaves
the value that counts where it was. A variable of its own in the first file would be one rename less, and would reach
every program that is started with that file.
"""

import errno
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import Value, held
from keywright.vault.backends import dotenv_text
from keywright.vault.backends.file import read_regular
from keywright.vault.backends.gitignore import would_track
from keywright.vault.backends.replacing import PRIVATE_MODE, UNFINISHED, read_only, remove, replace, writing
from keywright.vault.reference import Reference

DOTENV_BYTES_MAX: Final = 1_048_576
PREVIOUS: Final = ".previous"


class DotenvBackend:
    """Reads `path` anew each time, so that a changed file is seen at the next look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._previous = path.parent / (path.name + PREVIOUS)

    def read(self, reference: Reference) -> Value:
        """The variable's value. Raises SecretError when the file or the variable is missing or is not fit."""
        return self._value(self.path, reference)

    def write(self, reference: Reference, secret: Secret) -> str:
        """Change the variable's line and nothing else; a new variable becomes the last line, a new file is private.
        What is there already is not written again, so that a write which is repeated keeps what was before it.
        """
        value = secret.reveal()
        held(reference, value)
        with writing(reference, self.path):
            text = _text(self.path, f"{reference}: {self.path}") or ""
            found = dotenv_text.variables(text).get(reference.name)
            if found == value:
                return ""
            # Made before anything is written: it may be refused.
            changed = _assigned(reference, self.path, text, value)
            self._keep(reference, found)
            replace(self.path, changed, _mode(self.path))
        return ""

    def previous(self, reference: Reference) -> Value:
        """What the variable was before the last write. Raises SecretAbsentError."""
        return self._value(self._previous, reference)

    def forget(self, reference: Reference) -> None:
        """Take the variable out of the second file, and remove that with its last one."""
        if _text(self._previous, f"{reference}: {self._previous}") is None:
            return
        with writing(reference, self._previous):
            self._keep(reference, None)

    def read_only(self, reference: Reference) -> str:
        """The file is a link, or its folder not ours to write."""
        return read_only(reference, self.path)

    def names(self) -> tuple[Reference, ...]:
        """The variables that have a value."""
        return tuple(Reference("dotenv", name) for name in sorted(self.values()))

    def values(self) -> Mapping[str, str]:
        """Every variable that has a value; none where there is no file. The values are secrets: do not keep them.

        Raises:
            SecretError: the file is a symbolic link, not a regular file, too large, or cannot be read.
        """
        return dotenv_text.variables(_text(self.path, str(self.path)) or "")

    def warnings(self) -> tuple[str, ...]:
        """What the operator should put right, one line each: git would take a file, or others may read it."""
        beside = (self._previous, self.path.parent / (self.path.name + UNFINISHED))
        return tuple(warning for path in (self.path, *beside) for warning in _warnings(path))

    def close(self) -> None:
        """Nothing is open."""

    def _value(self, path: Path, reference: Reference) -> Value:
        text = _text(path, f"{reference}: {path}")
        if text is None:
            raise SecretAbsentError(f"{reference}: there is no file {path}")
        value = dotenv_text.variables(text).get(reference.name)
        if value is None:
            raise SecretAbsentError(f"{reference} is not in {path}")
        return Value(held(reference, value))

    def _keep(self, reference: Reference, value: str | None) -> None:
        """Let `value` be what can be had back."""
        text = _text(self._previous, f"{reference}: {self._previous}") or ""
        if value is not None:
            replace(self._previous, _assigned(reference, self._previous, text, value))
            return
        left = dotenv_text.without(text, reference.name)
        if not dotenv_text.variables(left):
            remove(self._previous)
        elif left != text:
            replace(self._previous, left.encode())


def _text(path: Path, about: str) -> str | None:
    """What stands in `path`; None where it is not there.

    Raises:
        SecretError: it cannot be read; the message begins with `about`.
    """
    try:
        return read_regular(path, DOTENV_BYTES_MAX, _any_mode, follow=False)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise SecretDeniedError(f"{about} is not read: {error.strerror}") from None
    except OSError as error:
        link = error.errno == errno.ELOOP and path.is_symlink()
        raise SecretError(f"{about} is not read: {'it is a symbolic link' if link else error.strerror}") from None
    except ValueError as error:
        raise SecretError(f"{about} {error}") from None


def _assigned(reference: Reference, path: Path, text: str, value: str) -> bytes:
    """What `path` is to hold, which is `text` now. Raises SecretError."""
    try:
        content = dotenv_text.assigned(text, reference.name, value).encode()
    except ValueError:
        # From None: an error of the codec carries the text.
        raise SecretError(
            f"{reference} is not written: {path} would be read otherwise than it should be; is a quote left open in it?"
        ) from None
    if len(content) > DOTENV_BYTES_MAX:
        raise SecretError(f"{reference} is not written: {path} would be larger than {DOTENV_BYTES_MAX} bytes")
    return content


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        return PRIVATE_MODE


def _warnings(path: Path) -> list[str]:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return []
    warnings = []
    if would_track(path):
        warnings.append(f"git would track {path}: add {path.name} to .gitignore")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.append(f"{path} may be touched by others than its owner: run chmod 600 {path}")
    return warnings


def _any_mode(_: int) -> bool:
    """A `.env` file that others may read is common in development: it is warned about, not refused."""
    return True
