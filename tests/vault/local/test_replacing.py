"""Disks that are full, closed or mounted, processes that are killed or write at once: nothing of a file is lost."""

import fcntl
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from keywright.core.errors import SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Backend
from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.backends.file import FileBackend, on_read_only_mount
from keywright.vault.backends.replacing import LOCK_S
from keywright.vault.reference import Reference
from tests.store.disks import files_at_most, mounted
from tests.vault.local.folders import closed_folder, contents, fill, mounted_file, private, read_only

FORK = multiprocessing.get_context("fork")
KILLS = 8
SOON_S = 10.0
WRITERS = 4
WRITES = 10
OLD = "A=old\n"
NEW = Secret("sk-canary-e4410b-" + "x" * 9_000)

Make = Callable[[Path], tuple[Backend, Reference]]


def dotenv(folder: Path) -> tuple[Backend, Reference]:
    return DotenvBackend(folder / ".env"), Reference("dotenv", "A")


def file(folder: Path) -> tuple[Backend, Reference]:
    return FileBackend(on_read_only_mount), Reference("file", str(folder / "key"))


def written(folder: Path) -> None:
    for name in ("key", ".env"):
        private(folder / name, OLD)


def refused(make: Make, folder: Path) -> SecretError:
    """How a write in `folder` is refused: nothing there is another afterwards."""
    backend, reference = make(folder)
    before = contents(folder)
    with pytest.raises(SecretError) as caught:
        backend.write(reference, NEW)
    assert str(reference) in str(caught.value)
    assert "canary" not in str(caught.value)
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() <= {".env.previous", ".key.previous"}
    return caught.value


def read_only_at(make: Make, folder: Path) -> str:
    backend, reference = make(folder)
    return backend.read_only(reference)


@pytest.mark.parametrize("make", [dotenv, file])
def test_what_may_be_written_is_not_foreseen_to_be_read_only(make: Make, tmp_path: Path) -> None:
    assert read_only_at(make, tmp_path) == ""
    written(tmp_path)
    assert read_only_at(make, tmp_path) == ""
    path = tmp_path / ("key" if make is file else ".env")
    path.rename(tmp_path / "target")
    path.symlink_to("target")
    assert read_only_at(make, tmp_path) == str(refused(make, tmp_path))


@pytest.mark.parametrize("make", [dotenv, file])
def test_a_full_disk_leaves_the_old_file(make: Make, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k,mode=700") as disk:
        written(disk)
        fill(disk)
        assert "No space left" in str(refused(make, disk))
        (disk / "filling").unlink()
        backend, reference = make(disk)
        backend.write(reference, NEW)
        assert backend.read(reference).secret == NEW


@pytest.mark.parametrize("make", [dotenv, file])
def test_a_disk_that_fills_between_the_two_files_leaves_the_old_file(make: Make, tmp_path: Path) -> None:
    written(tmp_path)
    with files_at_most(4_096):
        assert "File too large" in str(refused(make, tmp_path))
    backend, reference = make(tmp_path)
    assert backend.previous(reference) == backend.read(reference)


@pytest.mark.parametrize("make", [dotenv, file])
def test_a_folder_that_is_closed_to_us_is_told_as_one_that_cannot_be_written(make: Make) -> None:
    with closed_folder() as folder:
        error, foreseen = refused(make, folder), read_only_at(make, folder)
    assert isinstance(error, SecretReadOnlyError)
    assert "Permission denied" in foreseen
    assert "Permission denied" in str(error)
    assert "keywright secret migrate" in str(error)


@pytest.mark.parametrize("make", [dotenv, file])
def test_a_read_only_mount_is_told_as_one_that_cannot_be_written(make: Make, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k,mode=700") as disk:
        written(disk)
        (disk / "key").chmod(0o444)
        read_only(disk)
        error, foreseen = refused(make, disk), read_only_at(make, disk)
    assert isinstance(error, SecretReadOnlyError)
    assert "Read-only file system" in str(error)
    assert "Read-only file system" in foreseen


@pytest.mark.parametrize("make", [dotenv, file])
def test_a_file_that_is_a_mount_of_its_own_is_told_as_one_that_cannot_be_written(make: Make, tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / ("key" if make is file else ".env")
    with mounted_file(path):
        error = refused(make, tmp_path)
    assert isinstance(error, SecretReadOnlyError)
    assert "busy" in str(error)


@pytest.mark.parametrize("make", [dotenv, file])
def test_a_process_that_is_killed_at_any_moment_leaves_the_old_or_the_new_whole(make: Make, tmp_path: Path) -> None:
    written(tmp_path)
    backend, reference = make(tmp_path)
    values = [letter * 9_000 for letter in "ab"]
    for kill in range(KILLS):
        process = FORK.Process(target=_write_for_ever, args=(backend, reference, values))
        process.start()
        sleep(0.002 * (kill + 1))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(5.0)
        assert backend.read(reference).secret.reveal() in [*values, "old", OLD.rstrip()]
    backend.write(reference, NEW)
    assert backend.read(reference).secret == NEW
    assert backend.previous(reference).secret.reveal() in [*values, "old", OLD.rstrip()]
    assert not [name for name in contents(tmp_path) if "new" in name]


def test_processes_that_each_write_a_variable_lose_none_of_them(tmp_path: Path) -> None:
    path = private(tmp_path / ".env", "# ours\n")
    writers = [FORK.Process(target=_write_own, args=(path, f"K{number}")) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(20.0)
        assert writer.exitcode == 0
    assert DotenvBackend(path).values() == {f"K{number}": f"v{WRITES - 1}" for number in range(WRITERS)}


def test_a_folder_that_another_process_keeps_locked_is_not_waited_for_beyond_its_time(tmp_path: Path) -> None:
    backend, reference = dotenv(tmp_path)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        began = monotonic()
        with pytest.raises(SecretError, match=r"dotenv:A is not written: .*another process has locked its folder"):
            backend.write(reference, NEW)
        assert LOCK_S <= monotonic() - began < LOCK_S + SOON_S
    finally:
        os.close(descriptor)
    backend.write(reference, NEW)


def _write_for_ever(backend: Backend, reference: Reference, values: list[str]) -> None:
    while True:
        for value in values:
            backend.write(reference, Secret(value))


def _write_own(path: Path, name: str) -> None:
    for number in range(WRITES):
        _write_surely(DotenvBackend(path), Reference("dotenv", name), Secret(f"v{number}"))


def _write_surely(backend: Backend, reference: Reference, secret: Secret) -> None:
    """On a busy machine the others may take longer than a write waits for them."""
    ends = monotonic() + SOON_S
    while True:
        try:
            backend.write(reference, secret)
            return
        except SecretError as error:
            if "another process has locked its folder" not in str(error) or monotonic() > ends:
                raise
