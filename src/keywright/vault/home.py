"""Files that programs of this machine's user keep, by the environment's word."""

from collections.abc import Callable, Mapping
from pathlib import Path

from keywright.vault.backends.file import read_regular, reading


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
        SecretError: it cannot be read, or is not trusted.
    """
    with reading(f"{who}: {path}"):
        return read_regular(path, bytes_max, may_be_shared)


def anyone(_: int) -> bool:
    """For `may_be_shared`: the file may be open to others, because its platform lays it so and it soon runs out."""
    return True
