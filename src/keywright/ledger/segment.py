"""One file of a spool: allocated whole, mapped into memory, filled from the front."""

import errno
import mmap
import os
from pathlib import Path
from typing import Final

from keywright.core.errors import StoreError
from keywright.ledger.frame import FILE_MAGIC

FILE_MODE: Final = 0o600
SUFFIX: Final = ".spool"
ZEROS: Final = bytes(64 * 1024)


class Segment:
    """A file of `size` bytes, `end` of them written.

    `held`: how many of its records are still needed: reservations of calls that are not settled and stored, and
    entries that are not stored. When it is 0 and nothing more will be written, the file may go.
    """

    __slots__ = ("created_s", "descriptor", "end", "held", "map", "path", "size", "synced_end")

    def __init__(self, path: Path, size: int, created_s: float) -> None:
        """Create the file at `path`, its disk space included.

        Raises:
            StoreError: the disk is full, or refuses.
        """
        self.path = path
        self.size = size
        self.created_s = created_s
        self.held = 0
        self.synced_end = 0
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
            try:
                _allocate(self.descriptor, size)
                self.map = mmap.mmap(self.descriptor, size)
            except BaseException:
                os.close(self.descriptor)
                path.unlink()
                raise
        except OSError as error:
            raise StoreError(_advice(error, path.parent)) from error
        self.end = len(FILE_MAGIC)
        self.map[: self.end] = FILE_MAGIC

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        return self.size - self.end

    def sync(self) -> None:
        """Bring what was written to the disk. Blocks. Raises OSError."""
        end = self.end
        os.fsync(self.descriptor)
        self.synced_end = end

    def close(self) -> None:
        """Let go of the file, which stays."""
        self.map.close()
        os.close(self.descriptor)

    def remove(self) -> None:
        """Let go of the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)


def _allocate(descriptor: int, size: int) -> None:
    """Make the disk set `size` bytes aside, so that a write into the mapping cannot meet a full disk (SIGBUS)."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    written = 0  # macOS has no such call: blocks that were written are allocated
    while written < size:
        written += os.pwrite(descriptor, ZEROS[: size - written], written)


def _advice(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the ledger's spool in {folder} cannot grow ({error.strerror}): free space on its disk"
    return f"the ledger's spool in {folder} cannot be written ({error.strerror}): give Keywright's user write access"
