"""A key of this machine is 32 random bytes in one of four spellings; what can be guessed is refused."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from secrets import token_bytes
from traceback import format_exception

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.vault.sealed.keys import NAMES, PREFIX, WRAPS, new_kek, read_key, subkey
from tests.vault.sealed.samples import key_of

KEY = key_of("read")
SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda key: key,
    "hexadecimal": lambda key: key.hex().encode(),
    "capitals": lambda key: key.hex().upper().encode() + b"\n",
    "base64": lambda key: b64encode(key) + b"\n",
    "base64 without padding": lambda key: b64encode(key).rstrip(b"="),
    "base64 of URLs": lambda key: urlsafe_b64encode(key) + b"\r\n",
    "ours": lambda key: PREFIX.encode() + b64encode(key) + b"\n",
}
spelled = pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)


@spelled
def test_a_key_is_read_however_it_is_spelled(spell: Callable[[bytes], bytes]) -> None:
    for number in range(50):
        key = key_of(f"spelled {number}")
        assert read_key(spell(key)) == key


def test_a_new_key_is_a_line_that_is_read_and_no_two_are_the_same() -> None:
    lines = {new_kek(token_bytes) for _ in range(20)}
    assert len({read_key(line.encode()) for line in lines}) == 20
    assert all(line.isprintable() and " " not in line for line in lines)
    assert read_key(new_kek(lambda _: KEY).encode()) == KEY


WEAK = {
    "is all zeros": bytes(32),
    "repeats itself": b"\xa5" * 32,
    "counts": bytes(range(32)),
    "is text": b"correct horse battery staple 32!",
    "is the hash of a common word": sha256(b"changeme").digest(),
}


@spelled
@pytest.mark.parametrize(("why", "key"), WEAK.items(), ids=WEAK)
def test_a_key_that_can_be_guessed_is_refused(spell: Callable[[bytes], bytes], why: str, key: bytes) -> None:
    with pytest.raises(ValueError, match="keywright secret create-kek") as caught:
        read_key(spell(key))
    if not (key.isascii() and spell(key) == key):  # 32 bytes of ASCII are not taken for a key at all
        assert why in str(caught.value)


@given(period=st.integers(1, 16), part=st.binary(min_size=16, max_size=16), step=st.integers(0, 255))
def test_a_key_that_repeats_or_counts_is_refused(period: int, part: bytes, step: int) -> None:
    for key in ((part[:period] * 32)[:32], bytes((part[0] + step * n) % 256 for n in range(32))):
        with pytest.raises(ValueError, match=r"repeats itself|is all zeros|counts|is text"):
            read_key(key.hex().encode())


@pytest.mark.parametrize("size", [0, 1, 16, 24, 31, 33, 48, 64])
@spelled
def test_a_key_that_is_too_short_or_too_long_is_refused(spell: Callable[[bytes], bytes], size: int) -> None:
    content = spell((KEY * 2)[:size])
    with pytest.raises(ValueError, match="keywright secret create-kek"):
        read_key(content)


@given(content=st.binary(max_size=100))
def test_any_bytes_are_a_key_of_32_bytes_or_are_refused_without_being_shown(content: bytes) -> None:
    shown = ""
    try:
        assert len(read_key(content)) == 32
    except ValueError as error:
        shown = "".join(format_exception(error))
    if len(content) > 4:
        assert content.hex() not in shown
        assert repr(content)[2:-1] not in shown


def test_what_is_derived_for_one_use_is_not_what_is_derived_for_another() -> None:
    derived = {subkey(key, label) for key in (KEY, key_of("other")) for label in (WRAPS, NAMES)}
    assert len(derived | {KEY}) == 5
    assert all(len(key) == 32 for key in derived)
