"""What each driver of kind "api" does: it finds, makes and ends keys; again after a crash; in time; and shows none."""

from collections.abc import Iterator

import pytest

from keywright.core.errors import RotationError, SecretDeniedError, SecretError
from keywright.core.http import Deadlines
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation import listing
from keywright.rotation.drivers import openrouter as openrouter_module
from keywright.rotation.drivers.openrouter import OpenRouterDriver, OpenRouterSettings
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.cases import CASES, Case, always
from tests.rotation.standins.base import Misdeed
from tests.vault.standin import Say, service

NAME = "keywright-rot-1"


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, fetch: Fetch) -> Iterator[Case]:
    with CASES[request.param](fetch) as opened:
        yield opened


@pytest.fixture
async def old(case: Case) -> KeyMark:
    case.add("other")
    return await case.driver.find(case.add("in-use"))


async def test_a_key_is_found_by_its_text(case: Case) -> None:
    case.add("other")
    secret = case.add("in-use")
    mark = await case.driver.find(secret)
    assert (mark.name, mark.fingerprint) == ("in-use", secret.fingerprint)
    assert mark.id
    assert await case.driver.obstacle(mark) == ""


async def test_a_key_that_is_not_theirs_is_refused_without_its_text(case: Case) -> None:
    case.add("in-use")
    stranger = Secret("AIzaSy-stranger-canary-0123456789abcdef")
    with pytest.raises(RotationError) as refused:
        await case.driver.find(stranger)
    assert stranger.fingerprint in str(refused.value)
    assert stranger.reveal() not in str(refused.value)
    assert not refused.value.passing


async def test_a_new_key_works_beside_the_old(case: Case) -> None:
    secret = case.add("in-use")
    old = await case.driver.find(secret)
    created = await case.driver.create(NAME, old)
    assert created.mark.fingerprint == created.secret.fingerprint
    assert created.mark.name == NAME
    assert created.mark.id != old.id
    assert case.works(created.secret)
    assert case.works(secret)
    assert [mark.id for mark in await case.driver.made(NAME, old)] == [created.mark.id]
    assert (await case.driver.find(created.secret)).id == created.mark.id


async def test_a_key_that_is_deleted_is_gone_and_deleting_it_again_is_nothing(case: Case, old: KeyMark) -> None:
    created = await case.driver.create(NAME, old)
    for _ in range(2):
        await case.driver.delete(created.mark)
        assert not case.works(created.secret)
        assert await case.driver.made(NAME, old) == ()
    await case.driver.disable(created.mark)
    await case.driver.enable(created.mark)
    assert not case.works(created.secret)


async def test_a_key_is_turned_off_and_on_where_that_can_be(case: Case) -> None:
    secret = case.add("in-use")
    mark = await case.driver.find(secret)
    for _ in range(2):
        await case.driver.disable(mark)
        assert case.works(secret) is not case.driver.disables
    for _ in range(2):
        await case.driver.enable(mark)
        assert case.works(secret)


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_key_whose_answer_was_lost_is_made_once_found_by_its_name_and_ended(
    case: Case, old: KeyMark, lost: int
) -> None:
    case.door.loses = ["POST"] * lost
    for _ in range(0 if case.makes_again_what_is_there else lost):
        with pytest.raises(RotationError, match="gave no answer") as failed:
            await case.driver.create(NAME, old)
        assert failed.value.passing
        orphans = await case.driver.made(NAME, old)
        assert len(orphans) == case.names().count(NAME) == 1
        await case.driver.delete(orphans[0])
        assert await case.driver.made(NAME, old) == ()
    created = await case.driver.create(NAME, old)
    assert [mark.id for mark in await case.driver.made(NAME, old)] == [created.mark.id]
    assert case.names().count(NAME) == 1
    assert case.works(created.secret)


@pytest.mark.parametrize("misdeed", ["error", "throttled", "dropped"])
async def test_a_provider_in_trouble_is_tried_again_later(case: Case, old: KeyMark, misdeed: Misdeed) -> None:
    case.door.always = misdeed
    driver = case.driver
    for attempt in (
        lambda: driver.find(Secret("sk-any-key-0123456789")),
        lambda: driver.obstacle(old),
        lambda: driver.create(NAME, old),
        lambda: driver.made(NAME, old),
        lambda: driver.delete(old),
    ):
        with pytest.raises(RotationError) as failed:
            await attempt()
        assert failed.value.passing
        assert case.admin not in str(failed.value)


async def test_trouble_that_ends_at_once_is_not_noticed(case: Case, old: KeyMark) -> None:
    case.door.misdeeds = ["error", "throttled"]
    assert await case.driver.made(NAME, old) == ()
    case.door.misdeeds = ["dropped", "error"]
    await case.driver.delete(old)
    assert "in-use" not in case.names()


async def test_a_provider_that_is_silent_is_given_up(case: Case, old: KeyMark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keywright.vault.fetch.FAR", Deadlines(1, 0.02, 0.02, 0.05))
    case.door.always = "silent"
    with pytest.raises(RotationError, match="deadline") as failed:
        await case.driver.create(NAME, old)
    assert failed.value.passing


@pytest.mark.parametrize("kind", CASES)
async def test_a_refused_admin_key_stands_against_a_new_key_and_is_not_shown(fetch: Fetch, kind: str) -> None:
    wrong = "wrong-admin-canary-0123456789"
    with CASES[kind](fetch, admin=wrong) as case:
        mark = KeyMark("projects/1/locations/global/keys/k")
        said = await case.driver.obstacle(mark)
        assert "answered 401" in said
        assert wrong not in said
        with pytest.raises(RotationError, match="answered 401") as failed:
            await case.driver.create(NAME, mark)
        assert wrong not in str(failed.value)
        assert not failed.value.passing


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("body", ["canary-7c1f", '{"canary-7c1f": 1}', "[]", '{"data": [{"id": "canary-7c1f"}]}'])
async def test_an_answer_that_is_something_else_is_refused_without_repeating_it(
    fetch: Fetch, kind: str, body: str
) -> None:
    async with service(lambda _: Say(body)) as running:
        with CASES[kind](fetch, base_url=running.url) as case, pytest.raises(RotationError) as failed:
            await case.driver.create(NAME, KeyMark("projects/1/locations/global/keys/k"))
    assert "canary-7c1f" not in str(failed.value)
    assert failed.value.__suppress_context__ or failed.value.__context__ is None


async def test_a_constant_of_the_vendor_s_must_be_a_public_address(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CASES["openrouter"](fetch) as case:
        monkeypatch.setattr(openrouter_module, "BASE_URL", case.base_url)
        driver = OpenRouterDriver(fetch, case.base_url, always(case.admin), OpenRouterSettings())
        with pytest.raises(RotationError, match="gave no answer"):
            await driver.find(Secret("sk-or-v1-0123456789"))
        assert case.door.asked == []


def test_an_address_that_is_none_is_refused_when_the_driver_is_made(fetch: Fetch) -> None:
    with pytest.raises(SecretError, match="the address of OpenRouter is not"):
        OpenRouterDriver(fetch, "openrouter", always("x"), OpenRouterSettings())


@pytest.mark.parametrize(("error", "passing"), [(SecretError("down"), True), (SecretDeniedError("no"), False)])
async def test_an_admin_key_that_cannot_be_had_is_told(fetch: Fetch, error: SecretError, passing: bool) -> None:
    async def none() -> Secret:
        raise error

    with CASES["openrouter"](fetch) as case:
        driver = OpenRouterDriver(fetch, case.base_url, none, OpenRouterSettings())
        with pytest.raises(RotationError, match=f"cannot be asked to show the key h: {error}") as failed:
            await driver.create(NAME, KeyMark("h"))
        assert failed.value.passing is passing


@pytest.mark.parametrize("kind", ["openai", "openrouter", "mistral"])
async def test_a_list_without_end_is_left(fetch: Fetch, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(listing, "PAGES_MAX", 3)
    keys = iter(range(1000))

    def more(_: object) -> Say:
        number = next(keys)
        key = {
            "openai": f'"id": "{number}", "redacted_value": "a...b", "owner": {{}}',
            "openrouter": (
                f'"hash": "{number}", "label": "a...b", "limit": null, "limit_remaining": null, "limit_reset": null, '
                '"include_byok_in_limit": false, "created_at": ""'
            ),
            "mistral": f'"key_id": "{number}", "hidden_key": "a...b"',
        }[kind]
        return Say(f'{{"data": [{{"name": "k", {key}}}], "keys": [{{"name": "k", {key}}}], "has_more": true}}')

    async with service(more) as running:
        with CASES[kind](fetch, base_url=running.url) as case, pytest.raises(RotationError, match="gives more than"):
            await case.driver.made(NAME, KeyMark())
    assert 3 <= len(running.received) <= 4


async def test_a_list_that_takes_too_long_is_left(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LISTING_S", 0.02)
    with CASES["openai"](fetch) as case:
        case.door.always = "slow"
        with pytest.raises(RotationError, match="did not list the keys of the project proj_1 within") as failed:
            await case.driver.made(NAME, KeyMark())
        assert failed.value.passing
