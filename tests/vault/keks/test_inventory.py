"""Each kind of key encryption key is opened by how it is written, asks nobody before it is used, says what fails."""

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes

import pytest

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.secret import Secret, SecretLeakError
from keywright.vault.kek import CONTEXT_BYTES, DATA_KEY_BYTES, Kek
from keywright.vault.keks.inventory import KEK_KINDS, check_kek, open_kek
from keywright.vault.sealed.keys import new_kek
from keywright.vault.settings import StoreSettings
from tests.vault.sealed.samples import key_of

LINE = new_kek(lambda size: key_of("these tests")[:size])
"""Always the same, since tests are named by it."""
CONTEXT = bytes(CONTEXT_BYTES)
DATA_KEY = bytes(range(DATA_KEY_BYTES))

WRITTEN = {
    "file": "file:/etc/keywright/kek",
    "keyring": "keyring:keywright/kek",
    "aws-kms": "aws-kms://arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "gcp-kms": "gcp-kms://projects/p/locations/global/keyRings/r/cryptoKeys/k",
    "azure-key": "azure-key://myvault/mykey",
    "vault-transit": "vault-transit://transit/keywright",
}
ALSO = (
    "aws-kms://1234abcd-12ab-34cd-56ef-1234567890ab",
    "aws-kms://mrk-1234abcd12ab34cd56ef1234567890ab",
    "aws-kms://alias/keywright/prod_1",
    "aws-kms://arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/keywright",
    "azure-key://myvault/mykey/0123456789abcdef0123456789abcdef",
    "vault-transit://team/one/transit/keywright",
)
MALFORMED = (
    "",
    LINE,
    "AAAA" * 11,
    "file:relative",
    "file:",
    "file:/a\nb",
    "keyring:alone",
    "aws-kms:KEY",
    "aws-kms://a b",
    "gcp-kms://projects/p/cryptoKeys/k",
    "azure-key://vault",
    "azure-key://vault/key/",
    "azure-key://vault/key/v1/more",
    "aws-kms://",
    "vault-transit://alone",
    "vault://secret/kek#key",
)


def resolve(text: str) -> Secret:
    """A keyring that has one entry, and no other secret."""
    if text != "keyring:keywright/kek":
        raise SecretAbsentError(f"{text}: there is no such secret")
    return Secret(LINE)


def kek_at(text: str) -> Kek:
    settings = StoreSettings(address="http://127.0.0.1:1", region="eu-west-1", token="keyring:keywright/kek")
    return open_kek(text, {"vault": settings, "aws-sm": settings}, {}, resolve)


def key_file(folder: Path, content: str | bytes = LINE + "\n") -> Path:
    path = folder / "kek"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def test_every_kind_is_written_somehow() -> None:
    assert tuple(WRITTEN) == KEK_KINDS


@pytest.mark.parametrize("text", [*WRITTEN.values(), *ALSO])
def test_what_is_written_well_is_opened_without_asking_anybody(text: str) -> None:
    check_kek(text)
    assert kek_at(text).algorithm


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_malformed_is_refused_without_being_shown(text: str) -> None:
    for question in (check_kek, kek_at):
        with pytest.raises(SecretError, match=r"key encryption key.* is written") as caught:
            question(text)
        assert len(text) < 20 or text not in str(caught.value)


def test_a_key_in_a_file_unwraps_what_it_wrapped_for_the_same_context(tmp_path: Path) -> None:
    kek = kek_at(f"file:{key_file(tmp_path)}")
    wrapped = kek.wrap(DATA_KEY, CONTEXT)
    assert DATA_KEY not in wrapped
    assert kek.unwrap(wrapped, CONTEXT) == DATA_KEY
    with pytest.raises(SecretError, match="wrapped for another row or not by file:/"):
        kek.unwrap(wrapped, b"\x01" * CONTEXT_BYTES)
    with pytest.raises(SecretError, match="damaged"):
        kek.unwrap(wrapped[:20], CONTEXT)


def test_the_same_key_is_the_same_in_a_file_and_in_the_keyring(tmp_path: Path) -> None:
    file, keyring = kek_at(f"file:{key_file(tmp_path)}"), kek_at("keyring:keywright/kek")
    assert file.id == keyring.id
    assert keyring.unwrap(file.wrap(DATA_KEY, CONTEXT), CONTEXT) == DATA_KEY
    assert kek_at(f"file:{key_file(tmp_path, new_kek(token_bytes))}").id != file.id


@pytest.mark.parametrize("spell", [bytes, b64encode, lambda key: key.hex().encode() + b"\n"])
def test_a_file_holds_the_key_s_bytes_as_they_are_or_as_text(tmp_path: Path, spell: Callable[[bytes], bytes]) -> None:
    key = key_of("these tests")
    assert kek_at(f"file:{key_file(tmp_path, spell(key))}").id == kek_at("keyring:keywright/kek").id


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (key_of("these tests") + b"\n", "holds a key of 33 bytes, 32 are needed: make one with `keywright secret"),
        (key_of("these tests")[:31], "holds a key of 31 bytes, 32 are needed"),
        (b64encode(key_of("these tests")[:24]), "holds a key of 24 bytes, 32 are needed"),
        (b"a passphrase that somebody typed", "holds text that is no key of 32 bytes, neither as base64 nor"),
        (b"\xff" * 32, "holds a key that repeats itself, so it can be guessed"),
    ],
)
def test_a_file_that_holds_no_key_says_what_it_holds_instead(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(SecretError, match=said) as caught:
        _ = kek_at(f"file:{key_file(tmp_path, content)}").id
    assert str(caught.value).startswith(f"the key encryption key file:{tmp_path}/kek holds ")


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    kek = kek_at(f"file:{path}")
    wrapped = kek.wrap(DATA_KEY, CONTEXT)
    path.unlink()
    assert kek.unwrap(wrapped, CONTEXT) == DATA_KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path)
    path.chmod(mode)
    with pytest.raises(SecretError, match=f"run chmod 600 {path}"):
        _ = kek_at(f"file:{path}").id


def test_a_file_that_is_absent_or_is_none_or_holds_no_key_is_refused_and_can_be_mended(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    kek = kek_at(f"file:{path}")
    with pytest.raises(SecretAbsentError, match=f"file:{path} cannot be read: there is no such file"):
        _ = kek.id
    os.mkfifo(path)
    with pytest.raises(SecretError, match="is not a regular file"):
        _ = kek.id
    path.unlink()
    for content in ("", "hunter2", "0" * 64, "x" * 2000):
        key_file(tmp_path, content)
        with pytest.raises(SecretError, match=f"the key encryption key file:{path} ") as caught:
            _ = kek.id
        assert not content or content not in str(caught.value)
    key_file(tmp_path)
    assert kek.id.startswith("local:")


def test_a_key_is_shown_nowhere(tmp_path: Path) -> None:
    kek = kek_at(f"file:{key_file(tmp_path)}")
    assert kek.id not in LINE
    assert repr(kek) == str(kek) == f"<key encryption key file:{tmp_path}/kek>"
    with pytest.raises(SecretLeakError):
        kek.__reduce__()
