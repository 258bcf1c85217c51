"""How a file on this machine is replaced: afterwards it is the old one or the new one, whole, whatever happens between.

The new content is written beside the file, brought to the disk, and renamed over it. Only who holds the folder's lock
does so: two processes that each change one variable of a file would otherwise lose one of the changes, and a provider
shows a new key once. The lock is on the folder, because the file itself is another one afterwards. A crash leaves at
most one unfinished file, under a name that the next write takes over.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from keywright.core.errors import SecretError, SecretReadOnlyError
from keywright.vault.reference import Reference

LOCK_S: Final = 1.0
LOCK_PAUSE_S: Final = 0.01
PRIVATE_MODE: Final = 0o600
UNFINISHED: Final = ".keywright-new"
"""What is added to the name of a file while its next content is written."""

_NOT_OURS: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY})
"""`EBUSY`: the file is a mount of its own, as containers are given single files."""


@contextmanager
def writing(reference: Reference, path: Path) -> Iterator[None]:
    """Within it, nobody else who asks so writes in `path`'s folder; what the system refuses is told by `reference`.

    Raises:
        SecretReadOnlyError: `path` is a symbolic link, or may not be replaced by us.
        SecretError: the disk is full or failing, or another process has not let go of the folder within `LOCK_S`.
    """
    try:
        if why := _link(path):
            raise SecretReadOnlyError(_unwritable(reference, why))
        with _locked(path.parent):
            yield
    except OSError as error:
        why = f"{path}: {error.strerror}"
        if error.errno in _NOT_OURS:
            raise SecretReadOnlyError(_unwritable(reference, why)) from None
        raise SecretError(f"{reference} is not written: {why}") from None


def read_only(reference: Reference, path: Path) -> str:
    """Why `path` cannot be replaced by us, as far as it can be seen; "" if that may be tried."""
    why = _link(path)
    if not why and path.parent.is_dir() and not os.access(path.parent, os.W_OK, effective_ids=True):
        is_mounted_so = os.statvfs(path.parent).f_flag & os.ST_RDONLY
        why = f"{path}: {os.strerror(errno.EROFS if is_mounted_so else errno.EACCES)}"
    return why and _unwritable(reference, why)


def replace(path: Path, content: bytes, mode: int = PRIVATE_MODE) -> None:
    """Let `content` be what `path` is, with `mode`, and with the owner that it has. Call it within `writing`.

    Raises:
        OSError: it is still what it was, unless only the folder could not be brought to the disk.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    unfinished.unlink(missing_ok=True)
    try:
        _create(unfinished, content, mode, _owner(path))
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Let there be no file at `path`. Raises OSError."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _link(path: Path) -> str:
    return f"{path} is a symbolic link: write where it points to" if path.is_symlink() else ""


def _unwritable(reference: Reference, why: str) -> str:
    return (
        f"{reference} cannot be written: {why}; write it where it comes from, or move the secret to a store that can "
        "be written (keywright secret migrate)"
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    end = monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() > end:
                raise OSError(errno.ETIMEDOUT, f"another process has locked its folder for {LOCK_S:g} s") from None
            sleep(LOCK_PAUSE_S)


def _owner(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_uid, status.st_gid


def _create(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, PRIVATE_MODE)
    try:
        status = os.fstat(descriptor)
        if owner is not None and owner != (status.st_uid, status.st_gid):
            os.fchown(descriptor, *owner)
        # After the owner: a change of owner takes bits away.
        os.fchmod(descriptor, mode)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
