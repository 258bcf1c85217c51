"""How long a provider asks to be left alone: `retry-after-ms`, and `retry-after` in seconds or as a date."""

import math
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import Final

from keywright.core.http import Header

VALUE_BYTES_MAX: Final = 64


def retry_after_s(headers: Iterable[Header], now: float) -> float | None:
    """Seconds from `now` (POSIX time, for dates), never negative; None where nothing usable is said.

    `retry-after-ms` wins: it is the more exact of the two where a provider sends both.
    """
    seconds: float | None = None
    for name, value in headers:
        if name == b"retry-after-ms":
            milliseconds = _number(value)
            if milliseconds is not None:
                return milliseconds / 1000
        elif name == b"retry-after" and seconds is None:
            seconds = _number(value)
            if seconds is None:
                seconds = _until(value, now)
    return seconds


def _number(value: bytes) -> float | None:
    if len(value) > VALUE_BYTES_MAX or not value[:1].isdigit():
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(value: bytes, now: float) -> float | None:
    if len(value) > VALUE_BYTES_MAX:
        return None
    try:
        return max(0.0, parsedate_to_datetime(value.decode("ascii")).timestamp() - now)
    except (ValueError, OverflowError):
        return None
