"""Anthropic's keys are found, turned off and on, and archived; none is made."""

from collections.abc import Iterator

import pytest

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.driver import Driver
from keywright.rotation.drivers.anthropic import AnthropicDriver, AnthropicSettings
from keywright.vault.fetch import Fetch
from tests.rotation.standins.anthropic import ADMIN_KEY, Anthropic
from tests.rotation.standins.base import Misdeed

NAME = "keywright-r1"


async def admin_key() -> Secret:
    return Secret(ADMIN_KEY)


@pytest.fixture
def anthropic() -> Iterator[Anthropic]:
    with Anthropic().open() as running:
        yield running


@pytest.fixture
def driver(anthropic: Anthropic, fetch: Fetch) -> Driver:
    return AnthropicDriver(fetch, anthropic.url, admin_key, AnthropicSettings())


async def test_a_key_is_found_by_its_ends_on_whatever_page_it_stands(anthropic: Anthropic, driver: Driver) -> None:
    keys = [anthropic.make(f"key {number}") for number in range(7)]
    anthropic.page_max = 2
    for key in (keys[0], keys[3], keys[6]):
        assert await driver.find(Secret(key.key)) == KeyMark(key.id, Secret(key.key).fingerprint, key.name)
    with pytest.raises(RotationError, match="none of the 7 keys"):
        await driver.find(Secret("sk-ant-api03-another-key-altogether-0123456789"))


async def test_only_keys_of_the_workspace_are_looked_at(anthropic: Anthropic, fetch: Fetch) -> None:
    here, there = anthropic.make("a", "wrkspc_1"), anthropic.make("b", "wrkspc_2")
    driver = AnthropicDriver(fetch, anthropic.url, admin_key, AnthropicSettings(workspace="wrkspc_1"))
    assert (await driver.find(Secret(here.key))).id == here.id
    with pytest.raises(RotationError, match="none of the 1 keys"):
        await driver.find(Secret(there.key))


async def test_two_keys_with_the_same_ends_are_told_apart_by_the_configuration(
    anthropic: Anthropic, driver: Driver, fetch: Fetch
) -> None:
    first, second = anthropic.make("a"), anthropic.make("b")
    first.hint = second.hint = f"sk-ant-api03-...{second.key[-4:]}"
    with pytest.raises(RotationError, match="several keys"):
        await driver.find(Secret(second.key))
    settings = AnthropicSettings(key_ids={second.id: Secret(second.key).fingerprint})
    known = AnthropicDriver(fetch, anthropic.url, admin_key, settings)
    assert (await known.find(Secret(second.key))).id == second.id


async def test_the_old_key_is_turned_off_on_and_archived(anthropic: Anthropic, driver: Driver) -> None:
    key = anthropic.make("old")
    mark = await driver.find(Secret(key.key))
    steps = [(driver.disable, "inactive"), (driver.enable, "active"), (driver.disable, "inactive")]
    for step, status in [*steps, (driver.delete, "archived")]:
        for _ in range(2):
            await step(mark)
            assert key.status == status
    posts = [asked for asked in anthropic.door.asked if asked.startswith("POST")]
    assert len(posts) == 4
    await driver.disable(mark)
    assert key.status == "archived"
    with pytest.raises(RotationError, match="is archived, and cannot be made active again"):
        await driver.enable(mark)
    assert await driver.last_used_s(mark) is None


async def test_a_key_that_has_run_out_is_left_as_it_is(anthropic: Anthropic, driver: Driver) -> None:
    key = anthropic.make("old")
    mark = await driver.find(Secret(key.key))
    key.status = "expired"
    await driver.disable(mark)
    await driver.delete(mark)
    with pytest.raises(RotationError, match="is expired"):
        await driver.enable(mark)
    assert key.status == "expired"


async def test_a_key_that_is_gone_needs_nothing(driver: Driver) -> None:
    await driver.disable(KeyMark("apikey_gone"))
    await driver.delete(KeyMark("apikey_gone"))
    with pytest.raises(RotationError, match="is gone"):
        await driver.enable(KeyMark("apikey_gone"))
    with pytest.raises(RotationError, match="id of the key is not known"):
        await driver.delete(KeyMark(fingerprint="abc"))


async def test_no_key_is_made(anthropic: Anthropic, driver: Driver) -> None:
    assert not driver.creates
    with pytest.raises(RotationError, match=r"a person makes Anthropic's keys.*https://platform\.claude\.com"):
        await driver.create(NAME, KeyMark("apikey_1"))
    assert await driver.made(NAME, KeyMark("apikey_1")) == ()
    assert "a person makes" in await driver.obstacle(KeyMark("apikey_1"))
    assert anthropic.door.asked == []


async def test_a_lost_answer_does_no_harm(anthropic: Anthropic, driver: Driver) -> None:
    key = anthropic.make("old")
    mark = await driver.find(Secret(key.key))
    anthropic.door.misdeeds = ["slow", "lost"]
    await driver.delete(mark)
    assert key.status == "archived"


async def test_trouble_passes_and_a_wrong_admin_key_is_told_without_it(
    anthropic: Anthropic, driver: Driver, fetch: Fetch
) -> None:
    trouble: dict[Misdeed, str] = {"error": "answered 500", "throttled": "answered 429", "dropped": "gave no answer"}
    for misdeed, said in trouble.items():
        anthropic.door.always = misdeed
        with pytest.raises(RotationError, match=said) as failure:
            await driver.find(Secret("sk-ant-api03-whatever"))
        assert failure.value.passing
    anthropic.door.always = None

    async def wrong() -> Secret:
        return Secret("sk-ant-admin01-wrong-canary")

    with pytest.raises(RotationError, match=r"answered 401 \(invalid x-api-key <secret") as failure:
        await AnthropicDriver(fetch, anthropic.url, wrong, AnthropicSettings()).find(Secret("x"))
    assert not failure.value.passing
    assert "canary" not in str(failure.value)
