"""`dotenv:NAME`: a variable of the `.env` file that lies beside the configuration.

The file is read for its values only: nothing is put into the process's environment, and `${OTHER}` is not expanded,
so that what a secret is does not depend on where the gateway was started.
"""

import errno
import io
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.vault.backend import Value, held
from keywright.vault.backends.file import read_regular
from keywright.vault.backends.gitignore import would_track
from keywright.vault.reference import Reference

DOTENV_BYTES_MAX: Final = 1_048_576


class DotenvBackend:
    """Reads `path` anew each time, so that a changed file is seen at the next look."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, reference: Reference) -> Value:
        """The variable's value. Raises SecretError when the file or the variable is missing or is not fit."""
        if not self.path.exists():
            raise SecretAbsentError(f"{reference}: there is no file {self.path}")
        text = self.values().get(reference.name)
        if text is None:
            raise SecretAbsentError(f"{reference} is not in {self.path}")
        return Value(held(reference, text))

    def values(self) -> Mapping[str, str]:
        """Every variable that has a value; none where there is no file. The values are secrets: do not keep them.

        Raises:
            SecretError: the file is a symbolic link, not a regular file, too large, or cannot be read.
        """
        try:
            text = read_regular(self.path, DOTENV_BYTES_MAX, _any_mode, follow=False)
        except FileNotFoundError:
            return {}
        except OSError as error:
            why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise SecretError(f"{self.path} is not read: {why}") from None
        except ValueError as error:
            raise SecretError(f"{self.path} {error}") from None
        found = dotenv_values(stream=io.StringIO(text), interpolate=False)
        return {name: value for name, value in found.items() if value}

    def warnings(self) -> tuple[str, ...]:
        """What the operator should put right, one line each: git would take the file, or others may read it."""
        try:
            mode = self.path.lstat().st_mode
        except OSError:
            return ()
        warnings = []
        if would_track(self.path):
            warnings.append(f"git would track {self.path}: add .env to .gitignore")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            warnings.append(f"{self.path} may be touched by others than its owner: run chmod 600 {self.path}")
        return tuple(warnings)


def _any_mode(_: int) -> bool:
    """A `.env` file that others may read is common in development: it is warned about, not refused."""
    return True
