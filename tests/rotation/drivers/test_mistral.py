"""Mistral: two ways of signing in, keys of a workspace, days instead of times."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.drivers.mistral import DAY_S, MistralDriver, MistralSettings
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.cases import always
from tests.rotation.standins.mistral import USER, WORKSPACE, Mistral
from tests.vault.hands import Hands


@pytest.fixture
def mistral(hands: Hands) -> Iterator[Mistral]:
    hands.wall_s = 1_795_608_000.0  # 2026-11-25, noon
    with Mistral(lambda: hands.wall_s).open() as it:
        yield it


def driver_of(mistral: Mistral, fetch: Fetch, settings: MistralSettings | None = None) -> MistralDriver:
    return MistralDriver(fetch, mistral.admin_url, always(mistral.admin_key), settings or MistralSettings(USER))


@pytest.mark.parametrize("way", ["x-api-key", "authorization"])
async def test_both_ways_of_signing_in_work(
    mistral: Mistral, fetch: Fetch, way: Literal["x-api-key", "authorization"]
) -> None:
    mistral.signed_by = way
    driver = driver_of(mistral, fetch)
    old = await driver.find(Secret(mistral.add("old").value))
    created = await driver.create("keywright-1", old)
    assert mistral.works(created.secret.reveal()) is not None
    await driver.delete(old)
    assert [key.name for key in mistral.keys.values()] == ["keywright-1"]


async def test_a_key_is_found_on_any_page_also_without_a_name(mistral: Mistral, fetch: Fetch) -> None:
    mistral.pages_of = 2
    keys = [mistral.add(None) for _ in range(5)]
    driver = driver_of(mistral, fetch)
    marks = [await driver.find(Secret(key.value)) for key in keys]
    assert [(mark.id, mark.name) for mark in marks] == [(key.id, "") for key in keys]


async def test_a_new_key_is_in_the_old_one_s_workspace_unless_another_is_set(mistral: Mistral, fetch: Fetch) -> None:
    old = KeyMark(mistral.add("old").id)
    created = await driver_of(mistral, fetch).create("a", old)
    assert mistral.keys[created.mark.id].workspace == WORKSPACE
    assert created.expires_s is None
    created = await driver_of(mistral, fetch, MistralSettings(USER, "w2")).create("b", old)
    assert mistral.keys[created.mark.id].workspace == "w2"


async def test_a_key_that_is_gone_needs_the_workspace(mistral: Mistral, fetch: Fetch) -> None:
    gone = KeyMark("00000000-0000-0000-0000-00000000dead")
    assert "set rotation.workspace" in await driver_of(mistral, fetch).obstacle(gone)
    assert await driver_of(mistral, fetch, MistralSettings(USER, WORKSPACE)).obstacle(gone) == ""
    assert await driver_of(mistral, fetch).last_used_s(gone) is None
    with pytest.raises(RotationError, match="Mistral's id of the key is not known"):
        await driver_of(mistral, fetch).delete(KeyMark())


@pytest.mark.parametrize(("lifetime_s", "day"), [(3600, date(2026, 11, 26)), (30 * DAY_S, date(2026, 12, 26))])
async def test_a_key_lives_no_shorter_than_it_should(
    mistral: Mistral, fetch: Fetch, hands: Hands, lifetime_s: int, day: date
) -> None:
    old = KeyMark(mistral.add("old").id)
    created = await driver_of(mistral, fetch, MistralSettings(USER, lifetime_s=lifetime_s)).create("a", old)
    assert mistral.keys[created.mark.id].expiration == day
    assert created.expires_s is not None
    assert lifetime_s <= created.expires_s - hands.wall_s < lifetime_s + DAY_S


async def test_a_key_that_runs_out_is_replaced_by_one_that_does(mistral: Mistral, fetch: Fetch, hands: Hands) -> None:
    today = datetime.fromtimestamp(hands.wall_s, UTC).date()
    old = mistral.add("old", expiration=today + timedelta(days=30))
    hands.pass_by(29 * DAY_S)
    created = await driver_of(mistral, fetch).create("a", KeyMark(old.id))
    assert mistral.keys[created.mark.id].expiration == today + timedelta(days=59)


async def test_a_day_of_use_proves_no_more_than_its_beginning(mistral: Mistral, fetch: Fetch) -> None:
    key = mistral.add("a")
    driver = driver_of(mistral, fetch)
    assert await driver.last_used_s(KeyMark(key.id)) is None
    key.last_used = date(2026, 11, 25)
    assert await driver.last_used_s(KeyMark(key.id)) == 1_795_608_000 - DAY_S // 2


async def test_a_refusal_is_told_in_mistral_s_words(mistral: Mistral, fetch: Fetch) -> None:
    old = KeyMark(mistral.add("old").id)
    with pytest.raises(RotationError, match=r"Mistral, asked to make a key, answered 422 \(expiration must be"):
        await driver_of(mistral, fetch, MistralSettings(USER, lifetime_s=-10 * DAY_S)).create("a", old)
