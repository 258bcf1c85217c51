"""What is left of a credential's limits? The newest that its provider's headers told, and a rest when nothing is.

Every answer's headers are kept as they came, which costs nothing; they are read when somebody wants to know. Only where
another credential could take the next call is each answer looked at: one whose limit has nothing left rests until the
provider fills it again. A rest is advice, not a breaker: where all rest they are used all the same.
"""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.http import Header
from keywright.transport.rate_limit import HEADERS_LOOKED_AT_MAX, VALUE_BYTES_MAX, exhausted_s, until_s

Word: TypeAlias = Literal["limit", "remaining", "reset"]

UNNAMED: Final = "calls"
"""The kind of a limit whose headers name none."""
KIND_CHARACTERS_MAX: Final = 40
DIGITS_MAX: Final = 15

_WORDS: Final[tuple[Word, ...]] = ("limit", "remaining", "reset")
_MARK: Final = b"ratelimit"
_NOTHING: Final = (b"0", b"0.0")
_DRAFT: Final = b"ratelimit"
"""The structured header of the IETF's draft, which says all in one value."""
_NEVER: Final = float("-inf")


class LimitTold(Struct, frozen=True):
    """One limit, of what the provider calls `kind` (`tokens`). None: it did not say. `reset_s`: seconds until it is as
    it was, 0 once that has passed.
    """

    kind: str
    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None


class Gauge:
    """What one credential's provider told last, and whether it rests. Ticks are seconds of the clock's `ticks_us`."""

    __slots__ = ("_headers", "_rests_until", "_told_us")

    def __init__(self) -> None:
        self._headers: tuple[Header, ...] = ()
        self._told_us = 0
        self._rests_until = _NEVER

    def told(self, headers: tuple[Header, ...], ticks_us: int) -> None:
        """An answer came with these `headers`, to what was asked at `ticks_us`."""
        self._headers = headers
        self._told_us = ticks_us

    def rest_if_spent(self, clock: Clock) -> None:
        """Rest, when by the newest answer nothing is left, until there is again."""
        if not _may_be_spent(self._headers):
            return
        wait_s = exhausted_s(self._headers, self._told_unix_s(clock))
        if wait_s is not None:
            self._rests_until = self._told_us / SECOND_US + wait_s

    def reset(self) -> None:
        """Nothing is known of the credential any more: it has another key."""
        self._headers = ()
        self._rests_until = _NEVER

    def rests(self, now_s: float) -> bool:
        """Whether another credential is to be tried first. `now_s` is of ticks."""
        return now_s < self._rests_until

    def limits(self, clock: Clock) -> tuple[LimitTold, ...]:
        """What the newest answer said of limits, in its order; nothing where it said nothing."""
        age_s = (clock.ticks_us() - self._told_us) / SECOND_US
        told: dict[str, dict[Word, bytes]] = {}
        for name, value in self._headers[:HEADERS_LOOKED_AT_MAX]:
            if _MARK in name and len(value) <= VALUE_BYTES_MAX:
                kind, word = _kind_and_word(name)
                if word is not None:
                    told.setdefault(kind, {})[word] = value.strip()
        unix_s = self._told_unix_s(clock)
        return tuple(_limit(kind, words, unix_s, age_s) for kind, words in told.items())

    def _told_unix_s(self, clock: Clock) -> float:
        return (clock.unix_us() - clock.ticks_us() + self._told_us) / SECOND_US


def _may_be_spent(headers: Iterable[Header]) -> bool:
    """Whether it is worth a closer look. Cheap: it is asked of every answer of a credential that has siblings."""
    return bool([name for name, value in headers if (value in _NOTHING or name == _DRAFT) and _MARK in name])


def _kind_and_word(name: bytes) -> tuple[str, Word | None]:
    """`x-ratelimit-remaining-tokens` is what remains of `tokens`; None where a header says something else."""
    parts = name.partition(_MARK)[2].decode("latin-1").strip("-")[:KIND_CHARACTERS_MAX].split("-")
    word = next((word for word in _WORDS if word in parts), None)
    kind = "-".join(part for part in parts if part and part != word)
    return (kind if kind.isascii() and kind.isprintable() and kind else UNNAMED), word


def _limit(kind: str, words: dict[Word, bytes], told_unix_s: float, age_s: float) -> LimitTold:
    """No value is repeated as it came, for it may hold anything: numbers only."""
    reset = words.get("reset")
    until = None if reset is None else until_s(reset.decode("latin-1"), told_unix_s)
    return LimitTold(
        kind=kind,
        limit=_number(words.get("limit")),
        remaining=_number(words.get("remaining")),
        reset_s=None if until is None else max(0.0, until - age_s),
    )


def _number(value: bytes | None) -> int | None:
    whole = (value or b"").partition(b".")[0]
    return int(whole) if whole.isdigit() and len(whole) <= DIGITS_MAX else None
