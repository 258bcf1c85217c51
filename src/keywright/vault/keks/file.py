"""`file:/path`: a key encryption key in a file that nobody but its owner may touch, mode 0600 or 0400.

The file holds what `new_kek` makes, or 32 bytes: as they are, as base64 or as hexadecimal digits.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from keywright.vault.backends.file import read_bytes, reading
from keywright.vault.keks.local import LocalKek
from keywright.vault.sealed.envelope import Random
from keywright.vault.sealed.keys import ADVICE

FILE_BYTES_MAX: Final = 1024


def file_kek(path: Path, may_be_shared: Callable[[int], bool], random: Random) -> LocalKek:
    """The key in the file at `path`, which is read when it is first needed. `may_be_shared`: as of `FileBackend`."""
    return LocalKek(f"file:{path}", lambda: _content(path, may_be_shared), random)


def _content(path: Path, may_be_shared: Callable[[int], bool]) -> bytes:
    """What the file holds. Raises SecretError."""
    with reading(f"the key encryption key file:{path}", f"there is no such file; {ADVICE}"):
        return read_bytes(path, FILE_BYTES_MAX, may_be_shared)
