"""Times of this wire (RFC 3339), to and from Unix seconds."""

from datetime import UTC, datetime
from typing import Final

_DIGITS_MAX: Final = 23
_SECONDS_MAX: Final = 253_402_300_799  # the end of the year 9999, the last that the form can say


def seconds_of(text: str | None) -> int | None:
    """The Unix seconds of a time; None when it is none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def moment_of(seconds: int | None) -> str:
    """The time of Unix `seconds`; the epoch where nobody said one."""
    seconds = seconds if seconds is not None and 0 <= seconds <= _SECONDS_MAX else 0
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def call_prefix(created_at: str | None) -> str:
    """What ids of calls begin with that came without one: unlike those of the same conversation's other answers."""
    digits = "".join(sign for sign in created_at or "" if sign.isascii() and sign.isdigit())
    return f"call_{digits[:_DIGITS_MAX]}_" if digits else "call_"
