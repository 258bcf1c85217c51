"""`file:/path`: one secret per file, as Docker, Kubernetes and systemd deliver them.

What is refused, and why. A file that its group or others may touch (`chmod 600` is asked for), unless it lies on a
mount that is read-only for us: Docker and Kubernetes publish secrets as mode 0444 or 0644 on such mounts, where nobody
can change the mode and the container is the boundary. Symbolic links are followed, because Kubernetes swaps its
secrets by one; the checks are made on the opened file, so a link that moves between check and read gains nothing.

For writing no link is followed: what it points to belongs to whoever made the link. What a write replaces goes first
into a private file beside it, `.NAME.previous`: a crash between the two leaves the secret that counts where it was.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value, held
from keywright.vault.backends.replacing import read_only, remove, replace, writing
from keywright.vault.reference import Reference

FILE_BYTES_MAX: Final = 16_384


class FileBackend:
    """Reads the file anew each time, so that a secret which its mount has replaced is seen.

    `may_be_shared` says, of a descriptor, whether that file may be open to others than its owner.
    """

    def __init__(self, may_be_shared: Callable[[int], bool]) -> None:
        self._may_be_shared = may_be_shared

    def read(self, reference: Reference) -> Value:
        """The file's one line, without its line end. Raises SecretError."""
        return Value(held(reference, self._text(reference, Path(reference.name), follow=True)))

    def write(self, reference: Reference, secret: Secret) -> str:
        """Let the file hold `secret`, readable by its owner only. What is there already is not written again, so that
        a write which is repeated keeps what was before it.
        """
        path, content = Path(reference.name), _content(reference, secret)
        with writing(reference, path):
            found = self._found(reference, path)
            if found == secret.reveal():
                return ""
            if found:
                replace(_previous(path), _content(reference, Secret(found)))
            else:
                remove(_previous(path))
            replace(path, content)
        return ""

    def previous(self, reference: Reference) -> Value:
        """What the file held before the last write. Raises SecretAbsentError."""
        return Value(held(reference, self._text(reference, _previous(Path(reference.name)), follow=False)))

    def forget(self, reference: Reference) -> None:
        """Remove the file beside it."""
        previous = _previous(Path(reference.name))
        if self._found(reference, previous) is not None:
            with writing(reference, previous):
                remove(previous)

    def read_only(self, reference: Reference) -> str:
        """The file is a link, or its folder not ours to write."""
        return read_only(reference, Path(reference.name))

    def names(self) -> tuple[Reference, ...]:
        """Never: which files are secrets, nobody can know. Raises SecretReadOnlyError."""
        raise SecretReadOnlyError("files cannot be listed: which of them are secrets is not known")

    def close(self) -> None:
        """Nothing is open."""

    def _found(self, reference: Reference, path: Path) -> str | None:
        """The text of `path`, "" where it is empty, None where there is no such file."""
        try:
            return self._text(reference, path, follow=False)
        except SecretAbsentError:
            return None

    def _text(self, reference: Reference, path: Path, *, follow: bool) -> str:
        with reading(str(reference), f"there is no such file as {path}"):
            text = read_regular(path, FILE_BYTES_MAX, self._may_be_shared, follow=follow)
        return text.removesuffix("\n").removesuffix("\r")


@contextmanager
def reading(what: str, absent: str = "") -> Iterator[None]:
    """Within it, what keeps the file `what` from being read is a SecretError. `absent`: said where there is none."""
    try:
        yield
    except FileNotFoundError as error:
        raise SecretAbsentError(f"{what} cannot be read: {absent or error.strerror}") from None
    except PermissionError as error:
        raise SecretDeniedError(f"{what} cannot be read: {error.strerror}") from None
    except OSError as error:
        raise SecretError(f"{what} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SecretError(f"{what} {error}") from None


def read_regular(path: Path, bytes_max: int, may_be_shared: Callable[[int], bool], *, follow: bool = True) -> str:
    """The text of a regular file, as `read_bytes` reads it.

    Raises:
        OSError: as `read_bytes` does.
        ValueError: as `read_bytes` does; or it is not UTF-8.
    """
    try:
        return read_bytes(path, bytes_max, may_be_shared, follow=follow).decode()
    except UnicodeDecodeError:
        # From None: the codec's error carries the bytes.
        raise ValueError("is not UTF-8 text") from None


def read_bytes(path: Path, bytes_max: int, may_be_shared: Callable[[int], bool], *, follow: bool = True) -> bytes:
    """What a regular file holds.

    `may_be_shared` is asked, with the descriptor, about a file that its group or others may touch. `follow`: whether
    `path` itself may be a symbolic link.

    Raises:
        OSError: it cannot be opened or read.
        ValueError: it is not a regular file, too large, or not private; the message is a predicate
            ("is larger than …").
    """
    # Without O_NONBLOCK the open of a FIFO would wait for a writer for ever.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        _check_opened(descriptor, path, may_be_shared)
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(content) > bytes_max:
        raise ValueError(f"is larger than {bytes_max} bytes")
    return content


def _check_opened(descriptor: int, path: Path, may_be_shared: Callable[[int], bool]) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("is not a regular file")
    if status.st_mode & 0o077 and not may_be_shared(descriptor):
        mode = stat.S_IMODE(status.st_mode)
        raise ValueError(f"may be touched by others than its owner (mode {mode:04o}): run chmod 600 {path}")


def on_read_only_mount(descriptor: int) -> bool:
    """Whether the open file lies on a mount that is read-only for this process."""
    return bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)


def _content(reference: Reference, secret: Secret) -> bytes:
    """What is written for `secret`: without a line end, unless reading would take one away that is its own."""
    text = secret.reveal()
    held(reference, text)
    try:
        content = f"{text}\r\n".encode() if text.endswith(("\n", "\r")) else text.encode()
    except UnicodeEncodeError:
        # From None: the codec's error carries the text.
        raise SecretError(f"{reference} is not written: it is not text") from None
    if len(content) > FILE_BYTES_MAX:
        raise SecretError(f"{reference} is not written: it is larger than {FILE_BYTES_MAX} bytes")
    return content


def _previous(path: Path) -> Path:
    return path.parent / f".{path.name}.previous"
