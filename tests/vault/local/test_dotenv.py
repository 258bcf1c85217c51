"""Writing variables of `.env` files."""

import os
import stat
from pathlib import Path

import pytest

from keywright.core.errors import SecretAbsentError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backends.dotenv import DOTENV_BYTES_MAX, DotenvBackend
from keywright.vault.backends.replacing import UNFINISHED
from keywright.vault.reference import Reference
from tests.vault.local.folders import contents, private

CANARY = "sk-canary-3b90d1"
A = Reference("dotenv", "A")
B = Reference("dotenv", "B")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return private(tmp_path / ".env", "# ours\nexport A=old # since May\nB=b\n")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_write_changes_one_line_and_keeps_what_was_there_in_a_private_file_beside(path: Path) -> None:
    backend = DotenvBackend(path)
    assert backend.write(A, Secret("new")) == ""
    assert path.read_text() == "# ours\nexport A='new' # since May\nB=b\n"
    previous = path.with_name(".env.previous")
    assert previous.read_text() == "A='old'\n"
    assert (mode(path), mode(previous)) == (0o600, 0o600)
    assert contents(path.parent).keys() == {".env", ".env.previous"}


def test_each_variable_has_its_own_value_before(path: Path) -> None:
    backend = DotenvBackend(path)
    backend.write(A, Secret("new"))
    backend.write(B, Secret("newer"))
    backend.forget(A)
    with pytest.raises(SecretAbsentError, match="dotenv:A is not in"):
        backend.previous(A)
    assert backend.previous(B).secret.reveal() == "b"
    backend.forget(B)
    assert not path.with_name(".env.previous").exists()


def test_a_write_that_is_repeated_keeps_the_value_before_it(path: Path) -> None:
    backend = DotenvBackend(path)
    for _ in range(2):
        backend.write(A, Secret("new"))
    assert backend.previous(A).secret.reveal() == "old"


def test_a_variable_that_was_not_there_has_nothing_before_it_even_if_it_once_had(path: Path) -> None:
    backend = DotenvBackend(path)
    backend.write(A, Secret("new"))
    private(path, "B=b\n")
    backend.write(A, Secret("newer"))
    assert path.read_text() == "B=b\nA='newer'\n"
    with pytest.raises(SecretAbsentError):
        backend.previous(A)


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o644])
def test_the_mode_of_the_file_is_kept_and_that_of_the_one_before_is_private(kept: int, path: Path) -> None:
    path.chmod(kept)
    DotenvBackend(path).write(A, Secret("new"))
    assert (mode(path), mode(path.with_name(".env.previous"))) == (kept, 0o600)


def test_a_file_that_is_made_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        DotenvBackend(tmp_path / ".env").write(A, Secret("new"))
    finally:
        os.umask(before)
    assert mode(tmp_path / ".env") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a file for others")
def test_the_owner_of_the_file_is_kept(path: Path) -> None:
    os.chown(path, 1234, 4321)
    path.chmod(0o640)
    DotenvBackend(path).write(A, Secret("new"))
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode(path)) == (1234, 4321, 0o640)


def test_a_link_is_not_written_and_what_it_points_to_stays(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.env"
    link.symlink_to(path)
    before = contents(tmp_path)
    with pytest.raises(SecretReadOnlyError, match=r"dotenv:A cannot be written: .*link.env is a symbolic link"):
        DotenvBackend(link).write(A, Secret("new"))
    assert contents(tmp_path) == before
    assert link.is_symlink()


@pytest.mark.parametrize(
    ("content", "value", "said"),
    [
        ("B='open\n", CANARY, "is a quote left open"),
        ("B=b\n", CANARY + "\udc80", "would be read otherwise"),
        ("B=b\n", CANARY + "a" * DOTENV_BYTES_MAX, "would be larger than"),
        ("B=b\n", " \n", "is empty"),
        (b"B=\xff\n", CANARY, "not UTF-8"),
    ],
)
def test_what_cannot_be_written_changes_nothing(content: str | bytes, value: str, said: str, path: Path) -> None:
    private(path, content)
    before = contents(path.parent)
    with pytest.raises(SecretError, match=said) as caught:
        DotenvBackend(path).write(A, Secret(value))
    assert "dotenv:A" in str(caught.value)
    assert CANARY not in str(caught.value)
    assert contents(path.parent) == before


def test_a_write_that_a_crash_left_unfinished_is_taken_over(path: Path) -> None:
    private(path.with_name(".env" + UNFINISHED), "A='hal")
    private(path.with_name(".env.previous" + UNFINISHED), "")
    backend = DotenvBackend(path)
    backend.write(A, Secret("new"))
    assert (backend.read(A).secret.reveal(), backend.previous(A).secret.reveal()) == ("new", "old")
    assert contents(path.parent).keys() == {".env", ".env.previous"}


def test_the_variables_that_have_a_value_are_named_in_order(path: Path) -> None:
    private(path, "Z=z\nEMPTY=\nBARE\nA=a\n")
    assert DotenvBackend(path).names() == (A, Reference("dotenv", "Z"))
    assert DotenvBackend(path.with_name("none")).names() == ()


def test_git_is_warned_of_for_every_file_that_holds_a_secret_under_whatever_name(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("keys.env\n")
    path = private(tmp_path / "keys.env", "A=old\n")
    backend = DotenvBackend(path)
    assert backend.warnings() == ()
    backend.write(A, Secret("new"))
    private(path.with_name("keys.env" + UNFINISHED), "A='hal", 0o644)
    unfinished = path.with_name("keys.env" + UNFINISHED)
    assert backend.warnings() == (
        f"git would track {path}.previous: add keys.env.previous to .gitignore",
        f"git would track {unfinished}: add {unfinished.name} to .gitignore",
        f"{unfinished} may be touched by others than its owner: run chmod 600 {unfinished}",
    )
    (tmp_path / ".gitignore").write_text("*.env*\n")
    unfinished.unlink()
    assert backend.warnings() == ()
