"""A price list as it comes from elsewhere: a file of ours, which is dated and may be signed, or genai-prices' data."""

from datetime import date
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from keywright.catalog import importer
from keywright.catalog.dating import date_after, order
from keywright.catalog.snapshot import Snapshot, decode, encode

BYTES_MAX: Final = 16 * 1024 * 1024
DIGEST_SHOWN: Final = 16


class Received(Struct, frozen=True):
    """`document` is what is kept: the file of ours byte for byte, else ours of that data. `digest` is its SHA-256 in
    hexadecimal, `received` that of the bytes that came. `is_ours`: the file brought its own date.
    """

    snapshot: Snapshot
    document: bytes
    digest: str
    received: str
    is_ours: bool


def read(data: bytes, day: date, newest: str) -> Received:
    """The list that `data` holds. Data that has no date gets `day`'s, or the next after `newest`.

    Raises:
        ValueError: it is no list, or cut off; says where.
    """
    if len(data) > BYTES_MAX:
        raise ValueError(f"larger than {BYTES_MAX} bytes")
    received = sha256(data).hexdigest()
    is_ours = data.lstrip()[:1] == b"{"
    try:
        if is_ours:
            snapshot = decode(data)
            order(snapshot.as_of)
            document = data
        else:
            source = f"genai-prices data, SHA-256 {received[:DIGEST_SHOWN]}"
            snapshot = importer.snapshot(importer.decode(data), source, date_after(day, newest))
            document = encode(snapshot)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise ValueError(f"neither a price list of ours nor genai-prices' data: {error}") from None
    return Received(snapshot, document, sha256(document).hexdigest(), received, is_ours)
