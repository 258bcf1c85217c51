"""The date of a price list: `2026-11-24`, or `2026-11-24.2` for a second list of that day.

It is a part of every price's id, so no two lists of one gateway have the same.
"""

from datetime import date

from keywright.catalog.snapshot import Snapshot


def order(as_of: str) -> tuple[date, int]:
    """What sorts dates of lists.

    Raises:
        ValueError: it is none.
    """
    day, dot, number = as_of.partition(".")
    count = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
    if dot and (count < 2 or number != str(count)):
        raise ValueError(f"{as_of!r} is no date of a price list: they look like 2026-11-24 or 2026-11-24.2")
    try:
        found = date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"{as_of!r} is no date of a price list: they look like 2026-11-24 or 2026-11-24.2") from None
    if day != found.isoformat():
        raise ValueError(f"{as_of!r} is no date of a price list: write {found.isoformat()}")
    return found, count or 1


def date_after(day: date, newest: str) -> str:
    """The date of a list that is taken over on `day` and is to be newer than the list of `newest`."""
    last, number = order(newest)
    return day.isoformat() if day > last else f"{last.isoformat()}.{number + 1}"


def newest_of(dates: list[str]) -> str:
    """The newest of `dates`, of which there is one at least."""
    return max(dates, key=order)


def is_newer(one: Snapshot, other: Snapshot) -> bool:
    """Whether `one` is of a later date than `other`."""
    return order(one.as_of) > order(other.as_of)
