"""A vector's numbers say the same in each writing, exactly, or are not written so."""

import struct
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.embedding import Vector
from keywright.dialects.embeddings.vectors import as_type, base64_of, floats_of, read_numbers
from keywright.dialects.fields import WrongFieldError
from tests.laws.strategies import law

floats = st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=9)
int8s = st.lists(st.integers(-128, 127), min_size=1, max_size=9)


@law
@given(floats)
def test_floats_survive_base64(numbers: list[float]) -> None:
    text = base64_of(numbers)
    assert text is not None
    assert struct.unpack(f"<{len(numbers)}f", b64decode(text)) == tuple(numbers)
    assert floats_of(text) == numbers
    assert as_type(Vector({"float": list(numbers)}), "base64") == text
    assert as_type(Vector({"base64": text}), "float") == numbers


@law
@given(floats)
def test_base64_of_floats_is_read_as_such(numbers: list[float]) -> None:
    text = base64_of(numbers)
    assert text is not None
    assert read_numbers(text, "x") == Vector({"base64": text})


@law
@given(int8s)
def test_whole_numbers_survive_each_other(numbers: list[int]) -> None:
    signed = Vector({"int8": list(numbers)})
    unsigned = as_type(signed, "uint8")
    assert unsigned == [number + 128 for number in numbers]
    assert isinstance(unsigned, list)
    assert as_type(Vector({"uint8": unsigned}), "int8") == numbers
    assert as_type(Vector({"uint8": unsigned}), "float") == numbers
    assert as_type(signed, "float") == numbers
    bits = Vector({"binary": list(numbers)})
    packed = as_type(bits, "ubinary")
    assert isinstance(packed, list)
    assert as_type(Vector({"ubinary": packed}), "binary") == numbers


@pytest.mark.parametrize("wanted", ["int8", "uint8", "binary", "ubinary"])
def test_floats_are_not_quantised(wanted: str) -> None:
    assert as_type(Vector({"float": [0.5, -0.5]}), wanted) is None  # type: ignore[arg-type]
    assert as_type(Vector({"base64": base64_of([0.5]) or ""}), wanted) is None  # type: ignore[arg-type]


def test_bits_are_no_floats() -> None:
    assert as_type(Vector({"ubinary": [1]}), "float") is None
    assert as_type(Vector({"ubinary": [1]}), "base64") is None


def test_a_number_that_float32_cannot_hold_is_not_written_in_base64() -> None:
    assert as_type(Vector({"float": [1.0, 1e300]}), "base64") is None
    assert as_type(Vector({"float": [10**400]}), "base64") is None


def test_base64_whose_floats_make_no_sense_is_of_int8() -> None:
    """As recorded from Perplexity, which answers so when it is not asked for floats."""
    numbers = [-41, -1, 0, -13, 78, -44, -48, 75, -80, -59, -6, 57, 38, 0, -24, -93]
    assert read_numbers(b64encode(struct.pack("16b", *numbers)).decode(), "x") == Vector({"int8": list(numbers)})
    assert read_numbers(b64encode(b"abc").decode(), "x") == Vector({"int8": [97, 98, 99]})


@pytest.mark.parametrize("value", [None, 3, {}, ["x"], [True], [[0.5]], "no base64!", [None]])
def test_what_is_no_vector_is_refused(value: object) -> None:
    with pytest.raises(WrongFieldError):
        read_numbers(value, "x")  # type: ignore[arg-type]
