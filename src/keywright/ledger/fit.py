"""Entries and reservations made to fit a record: what a call of the strangest kind loses.

Room for one record is set aside when a call is reserved, so its entry may not be longer, nor may it fail to be encoded.
In this order, until it fits: losses are replaced by their number, tags by theirs, attempts by the first and the last;
then every text is cut to `TEXT_CHARS_MAX` characters. Whatever no database holds is replaced: numbers beyond 64 bits by
the largest, half characters by a question mark. (Ids are ours and short: none is ever changed.)
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from msgspec.structs import fields, replace

from keywright.core.entry import Attempt, Entry, Reservation
from keywright.ledger.frame import PAYLOAD_BYTES_MAX

TEXT_CHARS_MAX: Final = 64
INT64_MAX: Final = 2**63 - 1

encode: Final = msgspec.msgpack.Encoder().encode


def packed_entry(entry: Entry) -> tuple[Entry, bytes]:
    """`entry`, shortened if need be, and its payload of at most `PAYLOAD_BYTES_MAX` bytes."""
    try:
        payload = encode(entry)
        if len(payload) <= PAYLOAD_BYTES_MAX:
            return entry, payload
    except (OverflowError, UnicodeEncodeError):
        pass
    entry = fitting_entry(entry)
    return entry, encode(entry)


def packed_reservation(reservation: Reservation) -> bytes:
    """The payload of `reservation`, shortened if need be, of at most `PAYLOAD_BYTES_MAX` bytes."""
    try:
        payload = encode(reservation)
        if len(payload) <= PAYLOAD_BYTES_MAX:
            return payload
    except (OverflowError, UnicodeEncodeError):
        pass
    return encode(fitting_reservation(reservation))


def fitting_entry(entry: Entry) -> Entry:
    """`entry`, shortened as little as needed for one record."""
    return next(shorter for shorter in _shortened(_mapped(entry, _sound)) if _fits(shorter))


def fitting_reservation(reservation: Reservation) -> Reservation:
    """`reservation`, its texts cut if it is too long for one record."""
    sound: Reservation = _mapped(reservation, _sound)
    return sound if _fits(sound) else _mapped(sound, _cut)


def _fits(noun: Entry | Reservation) -> bool:
    return len(encode(noun)) <= PAYLOAD_BYTES_MAX


def _shortened(entry: Entry) -> Iterator[Entry]:
    yield entry
    yield (entry := replace(entry, losses=_count(entry.losses, "losses")))
    yield (entry := replace(entry, tags=tuple(("keywright", note) for note in _count(entry.tags, "tags"))))
    yield (entry := replace(entry, attempts=_ends(entry.attempts)))
    yield _mapped(entry, _cut)


def _count(items: tuple[object, ...], name: str) -> tuple[str, ...]:
    return (f"{len(items)} {name}, too long to keep",) if items else ()


def _ends(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    return (attempts[0], attempts[-1]) if len(attempts) > 2 else attempts


def _mapped(value: Any, text: Callable[[str], str]) -> Any:
    """`value` with `text` applied to each text in it, and each number within 64 bits."""
    match value:
        case str():
            return text(value)
        case int():
            return max(-INT64_MAX, min(value, INT64_MAX))
        case tuple():
            return tuple(_mapped(item, text) for item in value)
        case _:
            return replace(value, **{field.name: _mapped(getattr(value, field.name), text) for field in fields(value)})


def _sound(text: str) -> str:
    return text.encode(errors="replace").decode()


def _cut(text: str) -> str:
    return text[:TEXT_CHARS_MAX]
