"""OpenAI: service accounts' keys only, in one project, that run out where they should."""

from collections.abc import Iterator

import pytest

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.drivers.openai import OpenAiDriver, OpenAiSettings
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.cases import always
from tests.rotation.standins.openai import LIFETIME_S_MAX, Key, OpenAi


@pytest.fixture
def openai() -> Iterator[OpenAi]:
    with OpenAi().open() as it:
        yield it


def driver_of(openai: OpenAi, fetch: Fetch, settings: OpenAiSettings | None = None) -> OpenAiDriver:
    settings = settings or OpenAiSettings(openai.project)
    return OpenAiDriver(fetch, openai.url, always(openai.admin_key), settings)


async def found(driver: OpenAiDriver, key: Key) -> KeyMark:
    return await driver.find(Secret(key.value))


async def test_a_key_is_found_on_any_page(openai: OpenAi, fetch: Fetch) -> None:
    openai.pages_of = 2
    keys = [openai.add(f"k{number}") for number in range(5)]
    driver = driver_of(openai, fetch)
    assert [(await found(driver, key)).id for key in keys] == [key.id for key in keys]
    assert [mark.id for mark in await driver.made("k4", KeyMark())] == [keys[4].id]


async def test_a_user_s_key_is_refused_with_the_reason(openai: OpenAi, fetch: Fetch) -> None:
    key = openai.add("mine", account=None)
    driver = driver_of(openai, fetch)
    for settings in (OpenAiSettings(openai.project), OpenAiSettings(openai.project, "svc_acct_1")):
        driver = driver_of(openai, fetch, settings)
        with pytest.raises(RotationError, match="belongs to the user user_1, and keys can be made for service") as no:
            await found(driver, key)
        assert not no.value.passing
        assert await driver.obstacle(KeyMark(key.id)) == str(no.value)
        with pytest.raises(RotationError, match="belongs to the user user_1"):
            await driver.create("keywright-1", KeyMark(key.id))
    assert list(openai.keys) == [key.id]


async def test_another_account_s_key_than_the_one_that_was_named_is_refused(openai: OpenAi, fetch: Fetch) -> None:
    key = openai.add("theirs", account="svc_acct_2")
    driver = driver_of(openai, fetch, OpenAiSettings(openai.project, "svc_acct_1"))
    with pytest.raises(RotationError, match=r"svc_acct_2, but rotation\.service_account is svc_acct_1"):
        await found(driver, key)


async def test_a_new_key_is_of_the_old_one_s_account(openai: OpenAi, fetch: Fetch) -> None:
    old = openai.add("old", account="svc_acct_2")
    created = await driver_of(openai, fetch).create("keywright-1", KeyMark(old.id))
    assert openai.keys[created.mark.id].account == "svc_acct_2"
    assert created.expires_s is None


async def test_a_key_that_is_gone_needs_the_account_s_name(openai: OpenAi, fetch: Fetch) -> None:
    assert "name the account in rotation.service_account" in await driver_of(openai, fetch).obstacle(KeyMark("key_9"))
    driver = driver_of(openai, fetch, OpenAiSettings(openai.project, "svc_acct_1"))
    assert await driver.obstacle(KeyMark("key_9")) == ""
    assert openai.keys[(await driver.create("keywright-1", KeyMark("key_9"))).mark.id].account == "svc_acct_1"


async def test_a_key_runs_out_after_its_lifetime_and_has_its_scopes(openai: OpenAi, fetch: Fetch) -> None:
    old = openai.add("old")
    settings = OpenAiSettings(openai.project, lifetime_s=3600, scopes=("api.responses.write",))
    created = await driver_of(openai, fetch, settings).create("keywright-1", KeyMark(old.id))
    assert created.expires_s == openai.keys[created.mark.id].expires_s
    assert [body for operation, body, _ in openai.spoken if operation == "create"] == [
        {"name": "keywright-1", "expires_in_seconds": 3600, "scopes": ["api.responses.write"]}
    ]


async def test_a_key_that_runs_out_is_replaced_by_one_that_does_where_openai_tells_it(
    openai: OpenAi, fetch: Fetch
) -> None:
    openai.tells_expiry = True
    old, forever = openai.add("old", lifetime_s=7200), openai.add("forever")
    driver = driver_of(openai, fetch)
    await driver.create("keywright-1", KeyMark(old.id))
    await driver.create("keywright-2", KeyMark(forever.id))
    assert [body for operation, body, _ in openai.spoken if operation == "create"] == [
        {"name": "keywright-1", "expires_in_seconds": 7200},
        {"name": "keywright-2"},
    ]


async def test_a_lifetime_that_openai_does_not_know_stands_against_a_new_key(openai: OpenAi, fetch: Fetch) -> None:
    old = KeyMark(openai.add("old").id)
    settings = OpenAiSettings(openai.project, lifetime_s=LIFETIME_S_MAX)
    assert await driver_of(openai, fetch, settings).obstacle(old) == ""
    assert (await driver_of(openai, fetch, settings).create("keywright-1", old)).expires_s is not None
    too_long = driver_of(openai, fetch, OpenAiSettings(openai.project, lifetime_s=LIFETIME_S_MAX + 1))
    assert "longer than the year" in await too_long.obstacle(old)
    with pytest.raises(RotationError, match="longer than the year"):
        await too_long.create("keywright-2", old)


async def test_a_key_that_openai_does_not_delete_is_not_taken_for_gone(openai: OpenAi, fetch: Fetch) -> None:
    key = openai.add("a")
    openai.keeps = True
    with pytest.raises(RotationError, match="OpenAI says that the key key_1 is not deleted") as failed:
        await driver_of(openai, fetch).delete(KeyMark(key.id))
    assert failed.value.passing


async def test_two_keys_with_the_same_ends_are_not_guessed_between(openai: OpenAi, fetch: Fetch) -> None:
    key, twin = openai.add("a"), openai.add("b")
    twin.value = f"{key.value[:20]}{twin.value[20:-4]}{key.value[-4:]}"
    with pytest.raises(RotationError, match=r"several keys of OpenAI's project proj_1 have the ends .*: key_1, key_2"):
        await found(driver_of(openai, fetch), key)


async def test_last_use_is_openai_s_word(openai: OpenAi, fetch: Fetch) -> None:
    key = openai.add("a")
    driver = driver_of(openai, fetch)
    assert await driver.last_used_s(KeyMark(key.id)) is None
    key.last_used_s = 1_764_000_000
    assert await driver.last_used_s(KeyMark(key.id)) == 1_764_000_000
    assert await driver.last_used_s(KeyMark("key_9")) is None


async def test_a_key_without_an_id_is_not_asked_for(openai: OpenAi, fetch: Fetch) -> None:
    with pytest.raises(RotationError, match="OpenAI's id of the key is not known"):
        await driver_of(openai, fetch).delete(KeyMark())
    assert openai.door.asked == []


async def test_another_project_s_keys_are_not_seen(openai: OpenAi, fetch: Fetch) -> None:
    key = openai.add("a")
    with pytest.raises(RotationError, match=r"list the keys of the project proj/2, answered 404"):
        await found(driver_of(openai, fetch, OpenAiSettings("proj/2")), key)
    assert openai.door.asked[0].startswith("GET /v1/organization/projects/proj%2F2/api_keys?")
