"""What drivers share: how long a new key lives, and what a time is."""

import pytest

from keywright.rotation.administration import renewed_until_s, unix_s


@pytest.mark.parametrize(
    ("lifetime_s", "created_s", "expires_s", "until_s"),
    [
        (60, 1, 2, 1060),
        (60, None, None, 1060),
        (None, None, None, None),
        (None, 100, None, None),
        (None, None, 900, None),
        (None, 100, 900, 1800),
        (None, 900, 100, 1001),
    ],
)
def test_a_new_key_lives_as_long_as_is_said_else_as_the_old_one_was_to(
    lifetime_s: int | None, created_s: int | None, expires_s: int | None, until_s: int | None
) -> None:
    assert renewed_until_s(1000, lifetime_s, created_s, expires_s) == until_s


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T01:01:00+01:00", 60),
        ("1970-01-01T00:01:00", 60),
        ("", None),
        ("soon", None),
    ],
)
def test_a_time_without_an_offset_is_utc_s(text: str, at_s: int | None) -> None:
    assert unix_s(text) == at_s
