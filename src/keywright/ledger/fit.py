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
from keywright.core.errors import StoreError
from keywright.ledger.frame import PAYLOAD_BYTES_MAX

TEXT_CHARS_MAX: Final = 64
ACCOUNTS_BYTES_MAX: Final = 6144
"""Of a record, so much may be names of budgets' accounts, about 80 budgets; the rest is for all else of the entry."""
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
    """The payload of `reservation`, shortened if need be, of at most `PAYLOAD_BYTES_MAX` bytes.

    Raises:
        StoreError: more budgets count for the call than a record holds.
    """
    try:
        payload = encode(reservation)
        if len(payload) <= ACCOUNTS_BYTES_MAX:
            return payload
    except (OverflowError, UnicodeEncodeError):
        pass
    return encode(fitting_reservation(reservation))


def fitting_entry(entry: Entry) -> Entry:
    """`entry`, shortened as little as needed for one record."""
    return next(shorter for shorter in _shortened(_mapped(entry, _sound)) if _fits(shorter))


def fitting_reservation(reservation: Reservation) -> Reservation:
    """`reservation`, its texts cut if it is too long for one record, its tags replaced by their number if it still is.

    Raises:
        StoreError: more budgets count for the call than a record holds; none of them may be forgotten.
    """
    accounts = len(encode((reservation.reserved, reservation.charged)))
    if accounts > ACCOUNTS_BYTES_MAX:
        raise StoreError(
            f"{len(reservation.charged)} budgets count for one call: their names are {accounts} bytes, "
            f"and a record of the ledger holds {ACCOUNTS_BYTES_MAX}"
        )
    sound: Reservation = _mapped(reservation, _sound)
    if _fits(sound):
        return sound
    cut: Reservation = _mapped(sound, _cut)
    return cut if _fits(cut) else replace(cut, tags=_counted(cut.tags))


def _fits(noun: Entry | Reservation) -> bool:
    return len(encode(noun)) <= PAYLOAD_BYTES_MAX


def _shortened(entry: Entry) -> Iterator[Entry]:
    yield entry
    yield (entry := replace(entry, losses=_count(entry.losses, "losses")))
    yield (entry := replace(entry, tags=_counted(entry.tags)))
    yield (entry := replace(entry, attempts=_ends(entry.attempts)))
    yield _mapped(entry, _cut)


def _count(items: tuple[object, ...], name: str) -> tuple[str, ...]:
    return (f"{len(items)} {name}, too long to keep",) if items else ()


def _counted(tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(("keywright", note) for note in _count(tags, "tags"))


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
