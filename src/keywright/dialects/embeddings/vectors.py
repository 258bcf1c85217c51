"""How a vector's numbers are written, and what one writing says in another.

Exact, and therefore done: floats to base64 of float32 and back (a float32 is a float); int8 and uint8 to each other
(128 apart) and to floats (the same numbers); binary and ubinary to each other. To quantise floats is not exact: each
model has its own ranges, and a vector quantised by others is not comparable with the provider's own.

A base64 vector is of float32, by OpenAI's rule. Some servers answer with base64 of int8 instead. They are told by their
floats, which make no sense: bytes that were not meant as floats are astronomically large as such.
"""

import sys
from array import array
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from math import inf
from typing import Final

from keywright.core.embedding import Numbers, Vector, VectorType
from keywright.core.json import Json
from keywright.dialects.fields import WrongFieldError

SENSIBLE_MAX: Final = 1e9
"""A larger number in a vector means that it was not a float."""

_OFFSET: Final = 128
_FLOAT_BYTES: Final = 4


def as_type(vector: Vector, wanted: VectorType) -> Numbers | None:
    """The numbers of `vector` written as `wanted`; None when no writing of it says them exactly."""
    written = vector.written
    if (found := written.get(wanted)) is not None:
        return found
    match wanted:
        case "float":
            return _floats(vector)
        case "base64":
            return base64_of(_floats(vector) or ())
        case "int8":
            return _shifted(written.get("uint8"), -_OFFSET)
        case "uint8":
            return _shifted(written.get("int8"), _OFFSET)
        case "binary":
            return _shifted(written.get("ubinary"), -_OFFSET)
        case "ubinary":
            return _shifted(written.get("binary"), _OFFSET)


def _floats(vector: Vector) -> list[float] | None:
    written = vector.written
    base64 = written.get("base64")
    if isinstance(base64, str):
        return floats_of(base64)
    for whole in ("float", "int8"):
        numbers = written.get(whole)
        if isinstance(numbers, list):
            return numbers
    return _shifted(written.get("uint8"), -_OFFSET)


def _shifted(numbers: Numbers | None, by: int) -> list[float] | None:
    return [number + by for number in numbers] if isinstance(numbers, list) else None


def base64_of(floats: Iterable[float]) -> str | None:
    """Base64 of `floats` as little-endian float32; None when one is larger than those can be, or there are none."""
    try:
        numbers = array("f", floats)
    except OverflowError:  # a whole number
        return None
    if not numbers or max(numbers) == inf or min(numbers) == -inf:
        return None
    if sys.byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()


def floats_of(base64: str) -> list[float]:
    """The floats that `base64` holds as little-endian float32."""
    return _array("f", b64decode(base64)).tolist()


def _array(kind: str, data: bytes) -> "array[float]":
    numbers: array[float] = array(kind)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def read_numbers(value: Json, path: str, kind: VectorType = "float") -> Vector:
    """The vector that an upstream wrote: a list of numbers of `kind`, or base64.

    Raises:
        WrongFieldError: it is neither.
    """
    if isinstance(value, str):
        return Vector(_from_base64(value, path))
    if not isinstance(value, list) or not all(type(number) in (float, int) for number in value):
        raise WrongFieldError(path, "an array of numbers, or base64")
    return Vector({kind: value})  # type: ignore[dict-item]  # numbers, as just checked


def _from_base64(text: str, path: str) -> dict[VectorType, Numbers]:
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise WrongFieldError(path, "base64") from error
    if len(data) % _FLOAT_BYTES == 0:
        numbers = _array("f", data)
        if not numbers or (max(numbers) < SENSIBLE_MAX and min(numbers) > -SENSIBLE_MAX):
            return {"base64": text}
    return {"int8": _array("b", data).tolist()}
