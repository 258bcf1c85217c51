"""The key string: round trip, typos, garbage, cost."""

import hashlib
import pickle
import re
import secrets
import string
import zlib
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.identity import KeyKind
from keywright.core.secret import SecretLeakError
from keywright.identity.keystring import KEY_CHARACTERS, digest, issue, read_id

KINDS: tuple[KeyKind, ...] = get_args(KeyKind)
ALPHABET = string.digits + string.ascii_letters
FIXED = issue("user", lambda size: bytes(range(size))).secret.reveal()


def number(digits: str) -> int:
    """The value of base62 digits, computed the slow way."""
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    return sum(alphabet.index(digit) * 62**power for power, digit in enumerate(reversed(digits)))


kinds = st.sampled_from(KINDS)
randoms = st.binary(min_size=32, max_size=32)


@given(kinds, randoms)
def test_an_issued_key_reads_back_as_its_id(kind: KeyKind, noise: bytes) -> None:
    key = issue(kind, lambda size: noise[:size])
    text = key.secret.reveal()
    assert re.fullmatch(r"sk-kw-[usta][0-9A-Za-z]{16}-[0-9A-Za-z]{49}", text)
    assert len(text) == KEY_CHARACTERS == 73
    assert read_id(text) == read_id(text.encode()) == key.id
    assert text[7:23] == key.id
    assert key.sha256 == hashlib.sha256(text.encode()).digest() == digest(text) == digest(text.encode())


@given(randoms, st.integers(0, KEY_CHARACTERS - 1), st.characters())
def test_one_wrong_character_is_refused(noise: bytes, place: int, other: str) -> None:
    text = issue("service", lambda size: noise[:size]).secret.reveal()
    changed = text[:place] + other + text[place + 1 :]
    assert (read_id(changed) is None) == (changed != text)


@pytest.mark.parametrize("place", range(KEY_CHARACTERS))
def test_no_letter_of_the_alphabet_passes_for_another(place: int) -> None:
    passing = [letter for letter in ALPHABET + "-" if read_id(FIXED[:place] + letter + FIXED[place + 1 :])]
    assert passing == [FIXED[place]]


def test_two_swapped_neighbours_are_refused() -> None:
    for place in range(KEY_CHARACTERS - 1):
        swapped = FIXED[:place] + FIXED[place + 1] + FIXED[place] + FIXED[place + 2 :]
        assert swapped == FIXED or read_id(swapped) is None


def test_each_kind_has_its_own_letter() -> None:
    letters = {kind: issue(kind, bytes).secret.reveal()[6] for kind in KINDS}
    assert letters == {"user": "u", "service": "s", "temporary": "t", "admin": "a"}


def test_the_format_does_not_change_between_versions() -> None:
    assert FIXED == "sk-kw-u7RiJxkEgOGusQGwp-003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3e6Xud"


@given(randoms)
def test_the_check_is_the_crc_of_all_before_it_in_base62(noise: bytes) -> None:
    text = issue("admin", lambda size: noise[:size]).secret.reveal()
    assert number(text[-6:]) == zlib.crc32(text[:-6].encode())
    assert number(text[24:-6]) == int.from_bytes(noise)


def test_the_least_and_the_greatest_secret_have_the_same_width() -> None:
    least = issue("user", bytes).secret.reveal()
    greatest = issue("user", lambda size: b"\xff" * size).secret.reveal()
    assert len(least) == len(greatest) == KEY_CHARACTERS
    assert read_id(least) is not None
    assert read_id(greatest) is not None


def test_keys_differ() -> None:
    issued = [issue("temporary", secrets.token_bytes) for _ in range(200)]
    assert len({key.id for key in issued}) == len({key.sha256 for key in issued}) == 200


@given(st.one_of(st.text(), st.binary(), st.text(min_size=73, max_size=73), st.binary(min_size=73, max_size=73)))
def test_garbage_is_refused_and_never_raises(garbage: str | bytes) -> None:
    assert read_id(garbage) is None
    assert len(digest(garbage)) == 32


@given(st.text(alphabet=ALPHABET + "-\ud800é\x00", min_size=66, max_size=66))
def test_what_only_starts_like_a_key_is_refused(rest: str) -> None:
    assert read_id("sk-kw-u" + rest) is None


@pytest.mark.parametrize("text", [FIXED + "\n", " " + FIXED, FIXED.upper(), FIXED[:-1], "Bearer " + FIXED, ""])
def test_a_key_with_something_around_it_is_refused(text: str) -> None:
    assert read_id(text) is None


def test_an_issued_key_does_not_show_its_secret() -> None:
    key = issue("user", secrets.token_bytes)
    assert key.secret.reveal() not in repr(key)
    assert key.secret.reveal()[24:] not in repr(key)
    with pytest.raises(SecretLeakError):
        pickle.dumps(key)
