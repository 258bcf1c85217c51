"""How long until an exhausted limit is lifted: providers' rate-limit headers, where no `retry-after` says it.

Providers agree on little but the words: a header with `remaining` has one with `reset` in its place, of the same name
otherwise (`x-ratelimit-remaining-tokens`, `anthropic-ratelimit-requests-remaining`, `ratelimitbysize-remaining`). What
it says is a duration (`6m0s`, `17.5s`, `130ms`), seconds, a moment (RFC 3339), or one in seconds or milliseconds of
Unix time. Where nothing is to be reset, the name may say the window (`…-minute`). Hugging Face sends the structured
header of the IETF's draft instead (`"api";r=0;t=55`).
"""

import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from keywright.core.http import Header

WAIT_S_MAX: Final = 86_400.0
"""A longer wait is a limit of the month, or nonsense: not one to wait for."""
VALUE_BYTES_MAX: Final = 64
HEADERS_LOOKED_AT_MAX: Final = 64

_UNIX_S: Final = 10**9
_UNIX_MS: Final = 10**12
_WINDOWS_S: Final = {"minute": 60.0, "10-second": 10.0, "second": 1.0, "hour": 3600.0}
_PARTS: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DRAFT: Final = re.compile(r";\s*r=(\d+)\s*;\s*t=(\d+)")


def exhausted_s(headers: Iterable[Header], now: float) -> float | None:
    """Seconds from `now` (Unix) until the last limit of which nothing remains is lifted; None where none is told.

    Names are lower case.
    """
    told = {
        name.decode("latin-1"): value
        for name, value in headers
        if b"ratelimit" in name and len(value) <= VALUE_BYTES_MAX
    }
    waits = [_wait(name, told, now) for name in list(told)[:HEADERS_LOOKED_AT_MAX]]
    return max((wait for wait in waits if wait is not None and 0 <= wait <= WAIT_S_MAX), default=None)


def _wait(name: str, told: dict[str, bytes], now: float) -> float | None:
    value = told[name].decode("latin-1").strip()
    if name == "ratelimit":
        draft = _DRAFT.search(value)
        return float(draft[2]) if draft and int(draft[1]) == 0 else None
    if "remaining" not in name or value not in ("0", "0.0"):
        return None
    reset = told.get(name.replace("remaining", "reset"))
    if reset is not None:
        return until_s(reset.decode("latin-1").strip(), now)
    return next((window for ending, window in _WINDOWS_S.items() if name.endswith(ending)), None)


def until_s(value: str, now: float) -> float | None:
    """Seconds from `now` that `value` says, in any of its forms."""
    try:
        number = float(value)
    except ValueError:
        return _duration(value) if _PARTS.match(value) else _moment(value, now)
    if not math.isfinite(number):
        return None
    if number >= _UNIX_MS:
        return max(0.0, number / 1000 - now)
    return max(0.0, number - now) if number >= _UNIX_S else number


def _duration(value: str) -> float | None:
    parts = _PARTS.findall(value)
    if "".join(number + unit for number, unit in parts) != value:
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def _moment(value: str, now: float) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo is None else max(0.0, moment.timestamp() - now)
