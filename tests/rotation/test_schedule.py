"""A key is due at its age or before it runs out; what failed is not tried without end; people are told once a day."""

from msgspec.structs import replace

from keywright.core.rotation import CredentialFacts, Rotation
from keywright.rotation.schedule import DAY_S, Aged, Due, Schedule, aged, due

NOW_S = 1_800_000_000
OLD = CredentialFacts("openai", "aa", since_s=NOW_S - 31 * DAY_S)
MONTHLY = Schedule("openai", every_s=30 * DAY_S)
FAILED = Rotation("rot_1", "openai", "openai", "api", "delete", 0, 0, outcome="failed", ended_s=NOW_S - 3600)


def is_due(known: CredentialFacts, schedule: Schedule = MONTHLY, last: Rotation | None = None) -> bool:
    return bool(due([schedule], {"openai": known}, {} if last is None else {"openai": last}, NOW_S))


def test_a_key_is_due_at_its_age_and_not_before_or_without_a_schedule() -> None:
    assert due([MONTHLY], {"openai": OLD}, {}, NOW_S) == (Due("openai", NOW_S - DAY_S, "every"),)
    assert not is_due(replace(OLD, since_s=NOW_S - 29 * DAY_S))
    assert not is_due(replace(OLD, since_s=0))
    assert not is_due(OLD, Schedule("openai"))
    assert not is_due(replace(OLD, disabled=True))
    assert not due([MONTHLY], {}, {}, NOW_S)


def test_a_key_that_runs_out_is_due_while_there_is_time() -> None:
    young = replace(OLD, since_s=NOW_S - 20 * DAY_S)
    assert due([MONTHLY], {"openai": replace(young, expires_s=NOW_S + 6 * DAY_S)}, {}, NOW_S)[0].reason == "expiry"
    assert not is_due(replace(young, expires_s=NOW_S + 8 * DAY_S))
    hourly = replace(OLD, since_s=NOW_S - 2400, expires_s=NOW_S + 1200)
    assert is_due(hourly)
    assert not is_due(replace(hourly, since_s=NOW_S - 2000, expires_s=NOW_S + 1600))


def test_what_goes_on_is_not_begun_and_what_failed_waits_for_a_day_or_as_there_is_time() -> None:
    assert not is_due(OLD, last=replace(FAILED, outcome="", ended_s=0))
    assert not is_due(OLD, last=FAILED)
    assert is_due(OLD, last=replace(FAILED, ended_s=NOW_S - DAY_S))
    assert is_due(OLD, last=replace(FAILED, outcome="done"))
    assert is_due(replace(OLD, expires_s=NOW_S + 3600), last=FAILED)


def test_the_longest_overdue_comes_first() -> None:
    schedules = [replace(MONTHLY, credential=name) for name in ("a", "b", "c")]
    facts = {name: replace(OLD, name=name, since_s=OLD.since_s - age) for name, age in (("a", 1), ("b", 3), ("c", 2))}
    assert [one.credential for one in due(schedules, facts, {}, NOW_S)] == ["b", "c", "a"]


def test_people_are_told_of_old_keys_once_a_day() -> None:
    strict = Schedule("openai", max_age_s=31 * DAY_S)
    assert aged([strict], {"openai": OLD}, NOW_S) == (Aged("openai", 31 * DAY_S, 0),)
    assert not aged([strict], {"openai": replace(OLD, reminded_s=NOW_S - 3600)}, NOW_S)
    assert aged([strict], {"openai": replace(OLD, reminded_s=NOW_S - DAY_S)}, NOW_S)
    assert not aged([strict], {"openai": OLD}, NOW_S - 1)
    assert aged([Schedule("openai")], {"openai": replace(OLD, expires_s=NOW_S + DAY_S)}, NOW_S)
    assert not aged([strict], {"openai": replace(OLD, disabled=True)}, NOW_S)
