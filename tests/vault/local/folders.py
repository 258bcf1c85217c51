"""Files and folders as these tests need them: private, full, mounted, not to be written."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

NOBODY: Final = 65_534
MOUNT_S: Final = 10.0


def private(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """All files of `folder` by their names: what a failed write must not change."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fill(folder: Path) -> None:
    """Let the disk of `folder` have no byte left."""
    with (folder / "filling").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def read_only(mount: Path) -> None:
    """Let the disk that is mounted there not be written any more."""
    subprocess.run(["mount", "-o", "remount,ro", mount], timeout=MOUNT_S, check=True)


@contextlib.contextmanager
def closed_folder() -> Iterator[Path]:
    """A folder whose files may be read and written by this process, and in which it may make none.

    Yields while the process is nobody, where it was root: to root no folder is closed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("key", ".env"):
            private(folder / file, "A=old\n")
        if os.geteuid() == 0:
            for path in folder.iterdir():
                os.chown(path, NOBODY, NOBODY)
            folder.chmod(0o755)
            os.seteuid(NOBODY)
        else:
            folder.chmod(0o500)
        try:
            yield folder
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            folder.chmod(0o700)


@contextlib.contextmanager
def mounted_file(path: Path) -> Iterator[None]:
    """`path` as a mount of its own, as containers are given single files; skips the test where none can be made."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or unmount is None:
        pytest.skip("only root can mount a file")
    done = subprocess.run([mount, "--bind", path, path], timeout=MOUNT_S, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run([unmount, "-l", path], timeout=MOUNT_S, check=True)
