"""The backends, on real files and a given environment."""

import os
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import SECRET_CHARACTERS_MAX, accept
from keywright.vault.backends.dotenv import DOTENV_BYTES_MAX, DotenvBackend
from keywright.vault.backends.file import FILE_BYTES_MAX, FileBackend, on_read_only_mount
from keywright.vault.reference import Reference
from keywright.vault.vault import local_vault

CANARY = "sk-canary-5f1d0c9e7b"


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def resolve(text: str, folder: Path, environment: dict[str, str] | None = None) -> str:
    return local_vault(environment or {}, folder / ".env").resolve(text).reveal()


def refusal(text: str, folder: Path, environment: dict[str, str] | None = None) -> str:
    """The whole traceback of the refusal, which must not hold the secret; its last line is returned."""
    with pytest.raises(SecretError) as caught:
        resolve(text, folder, environment)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert text in str(caught.value) or str(folder / ".env") in str(caught.value)
    return str(caught.value)


def test_each_kind_of_reference_is_resolved(tmp_path: Path) -> None:
    write(tmp_path / ".env", f"# keys\nexport A=\"{CANARY}\"\nB='b'\n")
    key = write(tmp_path / "key", CANARY + "\n")
    assert resolve("env:A", tmp_path, {"A": CANARY}) == CANARY
    assert resolve("dotenv:A", tmp_path) == CANARY
    assert resolve("dotenv:B", tmp_path) == "b"
    assert resolve(f"file:{key}", tmp_path) == CANARY


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        (CANARY + "\n", "more than one line"),
        (f"{CANARY}\r\nb", "more than one line"),
        (CANARY + " ", "white space"),
        (f"{CANARY}\tb", "white space"),
        (CANARY + "é", "not ASCII"),
        (CANARY + "\N{ZERO WIDTH SPACE}", "not ASCII"),
        (CANARY + "\x00", "control character"),
        (CANARY + "\x7f", "control character"),
        (CANARY + "a" * SECRET_CHARACTERS_MAX, "longer than"),
    ],
)
def test_what_no_header_can_carry_is_refused_by_its_reference(value: str, said: str, tmp_path: Path) -> None:
    assert said in refusal("env:A", tmp_path, {"A": value})


@given(st.text(min_size=1))
def test_any_accepted_text_is_one_word_of_visible_ascii(text: str) -> None:
    try:
        secret = accept(Reference("env", "A"), Secret(text))
    except SecretError:
        return
    assert secret == Secret(text)
    assert text.encode("ascii")
    assert all(0x21 <= ord(character) <= 0x7E for character in text)


def test_what_is_not_there_is_told_apart(tmp_path: Path) -> None:
    assert "not set in the environment" in refusal("env:A", tmp_path)
    assert "there is no file" in refusal("dotenv:A", tmp_path)
    write(tmp_path / ".env", "B=x\nC\nD=\n")
    for name in "ACD":
        assert "is not in" in refusal(f"dotenv:{name}", tmp_path)
    assert "no such file" in refusal(f"file:{tmp_path}/none", tmp_path)


def test_a_dotenv_file_is_never_put_into_the_environment(tmp_path: Path) -> None:
    before = dict(os.environ)
    write(tmp_path / ".env", f"KEYWRIGHT_TEST_ONLY={CANARY}\nPATH={CANARY}\n")
    assert resolve("dotenv:PATH", tmp_path) == CANARY
    assert dict(os.environ) == before


def test_a_dotenv_value_is_taken_as_it_stands(tmp_path: Path) -> None:
    write(tmp_path / ".env", "A=a${HOME}b\n")
    assert resolve("dotenv:A", tmp_path) == "a${HOME}b"


def test_a_dotenv_file_behind_a_link_is_refused(tmp_path: Path) -> None:
    target = write(tmp_path / "elsewhere", f"A={CANARY}\n")
    (tmp_path / ".env").symlink_to(target)
    assert "symbolic link" in refusal("dotenv:A", tmp_path)


def test_a_dotenv_file_that_is_no_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    os.mkfifo(path)
    assert "not a regular file" in refusal("dotenv:A", tmp_path)
    path.unlink()
    write(path, b"A=\xff" + CANARY.encode())
    assert "not UTF-8" in refusal("dotenv:A", tmp_path)
    write(path, "A=" + CANARY + "#" * DOTENV_BYTES_MAX)
    assert "larger than" in refusal("dotenv:A", tmp_path)


@given(st.text())
def test_any_text_is_a_dotenv_file(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.env"
    path.write_text(text.encode("utf-8", "replace").decode(), encoding="utf-8")
    assert all(DotenvBackend(path).values().values())


def test_a_changed_dotenv_file_is_seen_at_the_next_look(tmp_path: Path) -> None:
    vault = local_vault({}, tmp_path / ".env")
    write(tmp_path / ".env", "A=old\n")
    assert vault.resolve("dotenv:A").reveal() == "old"
    write(tmp_path / ".env", "A=new\n")
    assert vault.resolve("dotenv:A").reveal() == "new"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o601, 0o777])
def test_a_secret_file_that_others_may_touch_is_refused_with_the_remedy(mode: int, tmp_path: Path) -> None:
    key = write(tmp_path / "key", CANARY, mode)
    said = refusal(f"file:{key}", tmp_path)
    assert f"chmod 600 {key}" in said
    assert f"{mode:04o}" in said


def test_a_secret_file_on_a_read_only_mount_may_have_any_mode(tmp_path: Path) -> None:
    key = write(tmp_path / "key", CANARY, 0o444)
    asked = []

    def read_only(descriptor: int) -> bool:
        asked.append(os.fstat(descriptor).st_ino)
        return True

    assert FileBackend(read_only).read(Reference("file", str(key))).secret.reveal() == CANARY
    assert asked == [key.stat().st_ino]


@pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="no list of mounts to compare with")
def test_a_read_only_mount_is_known_by_the_kernels_own_word(tmp_path: Path) -> None:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    folders = [(folder, "ro" in options.split(",")) for _, folder, _, options, *_ in mounts if Path(folder).is_dir()]
    for folder, read_only in dict([*folders, (str(tmp_path), False)]).items():
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError:
            continue
        assert on_read_only_mount(descriptor) == read_only, folder
        os.close(descriptor)


def test_a_link_to_a_private_file_is_followed_as_kubernetes_needs(tmp_path: Path) -> None:
    (tmp_path / "..2025").mkdir()
    write(tmp_path / "..2025" / "key", CANARY, 0o400)
    (tmp_path / "..data").symlink_to("..2025")
    (tmp_path / "key").symlink_to("..data/key")
    assert resolve(f"file:{tmp_path}/key", tmp_path) == CANARY
    (tmp_path / "..2025" / "key").chmod(0o644)
    assert "chmod" in refusal(f"file:{tmp_path}/key", tmp_path)


def test_a_secret_file_ends_with_at_most_one_line_end(tmp_path: Path) -> None:
    assert resolve(f"file:{write(tmp_path / 'unix', 'a' + chr(10))}", tmp_path) == "a"
    assert resolve(f"file:{write(tmp_path / 'dos', 'a' + chr(13) + chr(10))}", tmp_path) == "a"
    assert "more than one line" in refusal(f"file:{write(tmp_path / 'two', CANARY + chr(10) * 2)}", tmp_path)
    assert "empty" in refusal(f"file:{write(tmp_path / 'none', chr(10))}", tmp_path)


def test_a_secret_file_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    assert "not a regular file" in refusal(f"file:{tmp_path}/fifo", tmp_path)
    assert "not a regular file" in refusal(f"file:{tmp_path}", tmp_path)
    assert "not UTF-8" in refusal(f"file:{write(tmp_path / 'latin', CANARY.encode() + bytes([255]))}", tmp_path)
    assert "larger than" in refusal(f"file:{write(tmp_path / 'big', CANARY * FILE_BYTES_MAX)}", tmp_path)
    with pytest.raises(SecretError):
        resolve("file:/nul\0byte", tmp_path)


def test_a_document_has_many_lines_where_a_key_has_one(tmp_path: Path) -> None:
    text = '{\n  "private_key": "-----BEGIN PRIVATE KEY-----\\n' + CANARY + '\\n"\n}'
    vault = local_vault({"DOCUMENT": text, "EMPTY": " \n"}, tmp_path / ".env")
    file = write(tmp_path / "key.json", text + "\n")
    assert vault.document("env:DOCUMENT").reveal() == text
    assert vault.document(f"file:{file}").reveal() == text
    assert "more than one line" in refusal("env:DOCUMENT", tmp_path, {"DOCUMENT": text})
    with pytest.raises(SecretError, match="env:EMPTY is empty"):
        vault.document("env:EMPTY")
    with pytest.raises(SecretError, match="env:LONG is longer than 65536 characters"):
        local_vault({"LONG": "x" * 65_537}, tmp_path / ".env").document("env:LONG")
