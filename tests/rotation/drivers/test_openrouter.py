"""OpenRouter: a new key has the old one's limits, and no more to spend than is left."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.drivers.openrouter import OpenRouterDriver, OpenRouterSettings
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.cases import always
from tests.rotation.standins.openrouter import DEFAULT_WORKSPACE, OTHER_WORKSPACE, Key, OpenRouter
from tests.vault.hands import Hands


@pytest.fixture
def openrouter() -> Iterator[OpenRouter]:
    with OpenRouter().open() as it:
        yield it


def driver_of(openrouter: OpenRouter, fetch: Fetch, settings: OpenRouterSettings | None = None) -> OpenRouterDriver:
    return OpenRouterDriver(fetch, openrouter.url, always(openrouter.admin_key), settings or OpenRouterSettings())


async def replaced(openrouter: OpenRouter, driver: OpenRouterDriver, old: Key) -> Key:
    mark = await driver.find(Secret(old.value))
    return openrouter.keys[(await driver.create("keywright-1", mark)).mark.id]


async def test_a_limit_that_resets_is_carried_over_whole(openrouter: OpenRouter, fetch: Fetch) -> None:
    old = openrouter.add("old")
    old.limit, old.limit_reset, old.usage, old.include_byok_in_limit = 100.0, "monthly", 25.5, True
    new = await replaced(openrouter, driver_of(openrouter, fetch), old)
    assert (new.limit, new.limit_reset, new.include_byok_in_limit) == (100.0, "monthly", True)
    assert new.creator == old.creator


@pytest.mark.parametrize(("usage", "left"), [(25.5, 74.5), (100.0, 0.0), (101.0, 0.0)])
async def test_of_a_limit_that_never_resets_only_what_is_left_is_given(
    openrouter: OpenRouter, fetch: Fetch, usage: float, left: float
) -> None:
    old = openrouter.add("old")
    old.limit, old.usage = 100.0, usage
    assert (await replaced(openrouter, driver_of(openrouter, fetch), old)).limit == left


async def test_a_key_without_a_limit_stays_without(openrouter: OpenRouter, fetch: Fetch) -> None:
    assert (await replaced(openrouter, driver_of(openrouter, fetch), openrouter.add("old"))).limit is None


async def test_a_key_runs_out_as_the_settings_say_else_as_the_old_one_did(
    openrouter: OpenRouter, fetch: Fetch, hands: Hands
) -> None:
    old = openrouter.add("old")
    forever = await replaced(openrouter, driver_of(openrouter, fetch), old)
    assert forever.expires_s is None
    old.created_s, old.expires_s = hands.wall_s - 1000, hands.wall_s + 2000
    assert (await replaced(openrouter, driver_of(openrouter, fetch), old)).expires_s == hands.wall_s + 3000
    settings = OpenRouterSettings(lifetime_s=60)
    driver = driver_of(openrouter, fetch, settings)
    created = await driver.create("keywright-1", await driver.find(Secret(old.value)))
    assert created.expires_s == openrouter.keys[created.mark.id].expires_s == hands.wall_s + 60


async def test_a_key_stays_in_its_workspace_and_is_found_there(openrouter: OpenRouter, fetch: Fetch) -> None:
    old = openrouter.add("old", workspace=OTHER_WORKSPACE)
    driver = driver_of(openrouter, fetch)
    new = await replaced(openrouter, driver, old)
    assert new.workspace == OTHER_WORKSPACE
    assert [mark.id for mark in await driver.made("keywright-1", KeyMark(old.hash))] == [new.hash]
    await driver.delete(KeyMark(old.hash))
    named = driver_of(openrouter, fetch, OpenRouterSettings(OTHER_WORKSPACE))
    assert [mark.id for mark in await named.made("keywright-1", KeyMark(old.hash))] == [new.hash]
    assert new.workspace != DEFAULT_WORKSPACE


async def test_a_hash_that_is_not_the_key_s_own_is_found_by_its_label(openrouter: OpenRouter, fetch: Fetch) -> None:
    openrouter.hashes_are_plain = False
    openrouter.pages_of = 2
    keys = [openrouter.add(f"k{number}") for number in range(5)]
    driver = driver_of(openrouter, fetch)
    assert [(await driver.find(Secret(key.value))).id for key in keys] == [openrouter.id(key) for key in keys]


async def test_orphans_that_are_turned_off_are_found_on_any_page(openrouter: OpenRouter, fetch: Fetch) -> None:
    openrouter.pages_of = 2
    keys = [openrouter.add("keywright-1") for _ in range(5)]
    driver = driver_of(openrouter, fetch)
    await driver.disable(KeyMark(keys[3].hash))
    assert {mark.id for mark in await driver.made("keywright-1", KeyMark())} == {key.hash for key in keys}


async def test_a_key_that_is_gone_stands_against_a_new_one(openrouter: OpenRouter, fetch: Fetch) -> None:
    driver = driver_of(openrouter, fetch)
    assert await driver.obstacle(KeyMark("f00d")) == "OpenRouter's key f00d, whose limits a new one is to have, is gone"
    with pytest.raises(RotationError, match="OpenRouter's hash of the key is not known"):
        await driver.create("keywright-1", KeyMark())
    assert await driver.last_used_s(KeyMark("f00d")) is None


async def test_times_are_utc_s(openrouter: OpenRouter, fetch: Fetch, hands: Hands) -> None:
    await replaced(openrouter, driver_of(openrouter, fetch, OpenRouterSettings(lifetime_s=5)), openrouter.add("old"))
    bodies: list[Any] = [body for operation, body, _ in openrouter.spoken if operation == "create"]
    assert bodies[0]["expires_at"] == datetime.fromtimestamp(hands.wall_s + 5, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
