"""Files that programs of this machine's user keep, by the environment's word."""

from collections.abc import Callable, Mapping
from pathlib import Path

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.vault.backends.file import read_regular


def home_path(environment: Mapping[str, str], text: str) -> Path:
    """`text` as a path, with `~/` as the environment's `HOME`; where there is none, a path that does not exist."""
    if not text.startswith("~/"):
        return Path(text)
    home = environment.get("HOME", "")
    return Path(home or "/nonexistent") / text[2:]


def read_handed(who: str, path: Path, bytes_max: int, may_be_shared: Callable[[int], bool]) -> str:
    """The text of a file that `who` handed to this machine.

    Raises:
        SecretAbsentError: it is not there.
        SecretError: it cannot be read, or not trusted.
    """
    try:
        return read_regular(path, bytes_max, may_be_shared)
    except FileNotFoundError as error:
        raise SecretAbsentError(f"{who}: {path} cannot be read: {error.strerror}") from None
    except OSError as error:
        raise SecretError(f"{who}: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SecretError(f"{who}: {path} {error}") from None


def anyone(_: int) -> bool:
    """For `may_be_shared`: the file may be open to others, because its platform lays it so and it soon runs out."""
    return True
