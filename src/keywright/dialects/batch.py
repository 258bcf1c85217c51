"""Decoding many frames of a stream at once, for taps, which read in batches."""

from typing import TypeVar

import msgspec

_Frame = TypeVar("_Frame")


def decoded(
    frames: list[bytes], each: "msgspec.json.Decoder[_Frame]", every: "msgspec.json.Decoder[list[_Frame]]"
) -> list[_Frame]:
    """The frames that `each` can read; `every` reads them all at once, which nearly always works and costs less.

    One that cannot be read passes through all the same: it is left out.
    """
    try:
        return every.decode(b"[%b]" % b",".join(frames))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [frame for data in frames for frame in _readable(data, each)]


def _readable(data: bytes, each: "msgspec.json.Decoder[_Frame]") -> list[_Frame]:
    try:
        return [each.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
