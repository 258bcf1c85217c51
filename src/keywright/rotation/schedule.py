"""Which credentials' keys are to be replaced now, and which are too old: decided from what is known, nothing is asked.

A key is due when it is as old as `every`, or when it will run out soon: within a third of its life, at most
`EXPIRY_MARGIN_S`, so that there is time for several tries, and for a person. How old a key is, is known since it was
first seen here. One whose last rotation did not succeed is not tried again by itself for `AFTER_FAILURE_S`, but for one
that runs out, which is tried as often as there is time for.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.core.rotation import CredentialFacts, Rotation

DAY_S: Final = 86_400
EXPIRY_MARGIN_S: Final = 7 * DAY_S
EXPIRY_PART: Final = 3
AFTER_FAILURE_S: Final = DAY_S
AFTER_FAILURE_PART: Final = 8
"""Of the time that is left before a key runs out."""

AFTER_FAILURE_S_MIN: Final = 300
REMIND_S: Final = DAY_S

DueReason: TypeAlias = Literal["every", "expiry"]


class Schedule(Struct, frozen=True):
    """Of one credential: `every` and `max_age` of its configuration, in seconds, 0 where they are not set."""

    credential: str
    every_s: int = 0
    max_age_s: int = 0


class Due(Struct, frozen=True):
    """A credential whose key is to be replaced, since `since_s`, and why."""

    credential: str
    since_s: int
    reason: DueReason


class Aged(Struct, frozen=True):
    """A credential whose key is older than it may be, or that is about to run out: to be told to people."""

    credential: str
    age_s: int
    expires_s: int


def due(
    schedules: Iterable[Schedule],
    facts: Mapping[str, CredentialFacts],
    last: Mapping[str, Rotation],
    now_s: int,
) -> tuple[Due, ...]:
    """The credentials that are due, the longest overdue first. `last`: the newest rotation of each that had one."""
    found = []
    for schedule in schedules:
        known = facts.get(schedule.credential)
        one = None if known is None or known.disabled else _due(schedule, known)
        if one is not None and max(one.since_s, _not_before_s(last.get(schedule.credential), known, now_s)) <= now_s:
            found.append(one)
    return tuple(sorted(found, key=lambda one: (one.since_s, one.credential)))


def aged(schedules: Iterable[Schedule], facts: Mapping[str, CredentialFacts], now_s: int) -> tuple[Aged, ...]:
    """Those of which people are to be told now: too old, or about to run out; of each once in `REMIND_S`."""
    found = []
    for schedule in schedules:
        known = facts.get(schedule.credential)
        if known is None or known.disabled or now_s < known.reminded_s + REMIND_S:
            continue
        is_old = bool(schedule.max_age_s and known.since_s) and now_s >= known.since_s + schedule.max_age_s
        if is_old or (known.expires_s and now_s >= _expiry_due_s(known)):
            found.append(Aged(known.name, now_s - known.since_s if known.since_s else 0, known.expires_s))
    return tuple(found)


def _due(schedule: Schedule, known: CredentialFacts) -> Due | None:
    """When the credential is due, and why; None for never. Only what has a schedule is replaced by itself."""
    if not schedule.every_s:
        return None
    times: list[tuple[int, DueReason]] = []
    if known.since_s:
        times.append((known.since_s + schedule.every_s, "every"))
    if known.expires_s:
        times.append((_expiry_due_s(known), "expiry"))
    if not times:
        return None
    since_s, reason = min(times)
    return Due(schedule.credential, since_s, reason)


def _expiry_due_s(known: CredentialFacts) -> int:
    life_s = known.expires_s - known.since_s if known.since_s else EXPIRY_MARGIN_S * EXPIRY_PART
    return known.expires_s - min(max(life_s, 0) // EXPIRY_PART, EXPIRY_MARGIN_S)


def _not_before_s(last: Rotation | None, known: CredentialFacts | None, now_s: int) -> int:
    """When the credential may be tried again, after its last rotation; never while that goes on."""
    if last is None or last.outcome == "done":
        return 0
    if not last.outcome:
        return now_s + 1
    pause_s = AFTER_FAILURE_S
    if known is not None and known.expires_s:
        left_s = max(known.expires_s - last.ended_s, 0)
        pause_s = min(pause_s, max(left_s // AFTER_FAILURE_PART, AFTER_FAILURE_S_MIN))
    return last.ended_s + pause_s
