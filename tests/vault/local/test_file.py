"""Writing files of one secret each."""

import os
import stat
from pathlib import Path

import pytest

from keywright.core.errors import SecretAbsentError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backends.file import FILE_BYTES_MAX, FileBackend, on_read_only_mount
from keywright.vault.reference import Reference
from tests.vault.local.folders import contents, private

CANARY = "sk-canary-77ac02"
BACKEND = FileBackend(on_read_only_mount)


def place(path: Path) -> Reference:
    return Reference("file", str(path))


def test_a_write_replaces_the_file_and_keeps_what_was_there_in_a_private_file_beside(tmp_path: Path) -> None:
    key = private(tmp_path / "key", "old\n", 0o400)
    assert BACKEND.write(place(key), Secret("new")) == ""
    assert contents(tmp_path) == {"key": b"new", ".key.previous": b"old"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    BACKEND.forget(place(key))
    assert contents(tmp_path) == {"key": b"new"}


def test_a_write_that_is_repeated_keeps_the_value_before_it(tmp_path: Path) -> None:
    key = private(tmp_path / "key", "old\n")
    for _ in range(2):
        BACKEND.write(place(key), Secret("new"))
    assert BACKEND.previous(place(key)).secret.reveal() == "old"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_that_held_nothing_has_nothing_before_it_even_if_it_once_had(
    content: str | None, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    BACKEND.write(place(key), Secret("oldest"))
    BACKEND.write(place(key), Secret("older"))
    key.unlink()
    if content is not None:
        private(key, content)
    BACKEND.write(place(key), Secret("new"))
    assert contents(tmp_path) == {"key": b"new"}
    with pytest.raises(SecretAbsentError):
        BACKEND.previous(place(key))


@pytest.mark.parametrize("text", ["a\n", "a\r", "a\r\n", "a\n\n", "a", "{\n}", "é"])
def test_a_text_is_read_as_it_was_written_with_its_own_line_end(text: str, tmp_path: Path) -> None:
    reference = place(tmp_path / "document")
    BACKEND.write(reference, Secret(text))
    assert BACKEND.read(reference).secret.reveal() == text
    BACKEND.write(reference, Secret("new"))
    assert BACKEND.previous(reference).secret.reveal() == text


def test_a_link_is_followed_for_reading_and_never_for_writing(tmp_path: Path) -> None:
    private(tmp_path / "target", "old")
    (tmp_path / "key").symlink_to("target")
    assert BACKEND.read(place(tmp_path / "key")).secret.reveal() == "old"
    with pytest.raises(SecretReadOnlyError, match=r"file:.*key cannot be written: .* is a symbolic link"):
        BACKEND.write(place(tmp_path / "key"), Secret("new"))
    assert contents(tmp_path) == {"target": b"old", "key": b"old"}
    assert (tmp_path / "key").is_symlink()


def test_a_link_in_the_place_of_what_was_before_is_not_followed(tmp_path: Path) -> None:
    key = private(tmp_path / "key", "old")
    private(tmp_path / "target", "theirs")
    (tmp_path / ".key.previous").symlink_to("target")
    with pytest.raises(SecretError):
        BACKEND.previous(place(key))
    BACKEND.write(place(key), Secret("new"))
    assert contents(tmp_path) == {"key": b"new", "target": b"theirs", ".key.previous": b"old"}


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    key = private(tmp_path / "key", "old")
    values = {
        CANARY + "\udc80": "is not text",
        CANARY + "a" * FILE_BYTES_MAX: "is larger than",
        "\n": "is empty",
    }
    for value, said in values.items():
        with pytest.raises(SecretError, match=said) as caught:
            BACKEND.write(place(key), Secret(value))
        assert CANARY not in str(caught.value)
    key.chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        BACKEND.write(place(key), Secret("new"))
    with pytest.raises(SecretError, match="not a regular file"):
        BACKEND.write(place(tmp_path), Secret("new"))
    with pytest.raises(SecretError, match=r"is not written: .*No such file or directory"):
        BACKEND.write(place(tmp_path / "none" / "key"), Secret("new"))
    assert contents(tmp_path) == {"key": b"old"}


def test_a_pipe_that_nobody_writes_into_is_neither_waited_for_nor_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    with pytest.raises(SecretError, match="not a regular file"):
        BACKEND.write(place(tmp_path / "key"), Secret("new"))
    assert (tmp_path / "key").is_fifo()


def test_files_cannot_be_listed() -> None:
    with pytest.raises(SecretReadOnlyError):
        BACKEND.names()
