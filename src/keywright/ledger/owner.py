"""Whose a spool is: its folder is locked for as long as its process lives.

The lock (`flock`) belongs to the open folder: it goes with the process, whichever way that ends, and is not passed on
to programs that the process starts. Two ledgers of one process are two owners.

The folder's name is the owner's name, too, wherever its leases are kept; several machines may share those, and have no
clock or process numbers in common. Hence the random part.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from keywright.core.errors import StoreError

FOLDER_MODE: Final = 0o700
NAMES_TRIED_MAX: Final = 100
MARK_BYTES: Final = 4
"""Of the random part of a spool's name. Names carry the microsecond and the process, too."""


def claim_new(folder: Path, now_s: float, mark: str) -> tuple[Path, int]:
    """A new spool's folder within `folder`, and the descriptor that holds its lock until it is closed.

    Its name tells when, by which process, and `mark`: random hex digits, which make it one of its kind on all machines.

    Raises:
        StoreError: `folder` cannot be made or written.
    """
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        for number in range(NAMES_TRIED_MAX):
            path = folder / f"{int(now_s * 1_000_000):016}-{os.getpid()}-{mark}-{number}"
            try:
                path.mkdir(mode=FOLDER_MODE)
            except FileExistsError:
                continue
            if (lock := claim(path)) is not None:
                return path, lock
    except OSError as error:
        raise StoreError(
            f"the ledger's spool cannot be made in {folder} ({error.strerror}): give Keywright's user write access to "
            "it, and free space on its disk"
        ) from error
    raise StoreError(f"the ledger's spool cannot be made in {folder}: {NAMES_TRIED_MAX} names are taken")


def claim(path: Path) -> int | None:
    """The descriptor that holds the lock of the spool at `path`. None: its process lives, or it has been removed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None
