"""Google: operations, restrictions that come back to the letter, ids that stay taken."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.drivers import google as module
from keywright.rotation.drivers.google import KEPT, POLLS_S, GoogleDriver, GoogleSettings
from keywright.vault.credential import BearerCredential, Credential
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.conftest import at_once
from tests.rotation.standins.google import GEMINI, KEY_ID, PARENT, PROJECT, Google, Key

NAME = "keywright-rot-1"
TARGETS = [{"service": GEMINI, "methods": ["*"]}]


@pytest.fixture
def google() -> Iterator[Google]:
    with Google().open() as it:
        yield it


def driver_of(google: Google, fetch: Fetch, project: str = "") -> GoogleDriver:
    async def login() -> Credential:
        return BearerCredential("google", Secret(google.token))

    return GoogleDriver(fetch, google.admin_url, login, GoogleSettings(project), pause=at_once)


def mark_of(key: Key) -> KeyMark:
    return KeyMark(key.name)


async def test_a_new_key_is_like_the_old_one(google: Google, fetch: Fetch) -> None:
    old = google.add("old")
    old.restrictions = {"apiTargets": TARGETS, "browserKeyRestrictions": {"allowedReferrers": ["a.example"]}}
    old.annotations = {"team": "a"}
    old.account = "sa@my-project.iam.gserviceaccount.com"
    created = await driver_of(google, fetch).create(NAME, mark_of(old))
    new = google.keys[created.mark.id]
    assert (new.restrictions, new.annotations, new.account) == (old.restrictions, old.annotations, old.account)
    assert new.display_name == NAME
    assert new.value == created.secret.reveal()


async def test_a_key_that_is_turned_off_is_no_model_for_a_dead_one(google: Google, fetch: Fetch) -> None:
    old = google.add("old")
    old.restrictions, old.annotations = {"apiTargets": TARGETS}, {"team": "a"}
    driver = driver_of(google, fetch)
    await driver.disable(mark_of(old))
    new = google.keys[(await driver.create(NAME, mark_of(old))).mark.id]
    assert (new.restrictions, new.annotations) == ({"apiTargets": TARGETS}, {"team": "a"})


RESTRICTIONS: list[dict[str, Any]] = [
    {},
    {"apiTargets": TARGETS},
    {"serverKeyRestrictions": {"allowedIps": ["198.51.100.7", "2001:db8::/64"]}},
    {"apiTargets": [*TARGETS, {"service": "x.googleapis.com", "methods": ["é*"]}], "iosKeyRestrictions": {}},
]


@pytest.mark.parametrize("restrictions", RESTRICTIONS)
@pytest.mark.parametrize("annotations", [{}, {"team": "a"}])
async def test_what_a_key_was_restricted_to_comes_back_to_the_letter(
    google: Google, fetch: Fetch, restrictions: dict[str, Any], annotations: dict[str, str]
) -> None:
    key = google.add("key")
    key.restrictions, key.annotations = restrictions, annotations
    driver = driver_of(google, fetch)
    for _ in range(2):
        await driver.disable(mark_of(key))
        assert google.works(key.value) is None
    assert key.annotations.keys() == {*annotations, KEPT}
    for _ in range(2):
        await driver.enable(mark_of(key))
        assert (key.restrictions, key.annotations) == (restrictions, annotations)
    assert google.works(key.value) is key


async def test_a_change_of_somebody_else_s_is_not_undone(
    google: Google, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = google.add("key")
    driver = driver_of(google, fetch)
    before = module._quoted

    def meanwhile(name: str) -> str:
        if google.door.asked:  # the key has been shown; now somebody changes it
            key.version += 1
        return before(name)

    monkeypatch.setattr(module, "_quoted", meanwhile)
    with pytest.raises(RotationError, match=r"answered 409 \(ABORTED: the key was changed meanwhile") as failed:
        await driver.disable(mark_of(key))
    assert failed.value.passing
    monkeypatch.undo()
    await driver.disable(mark_of(key))
    assert google.works(key.value) is None


async def test_what_is_no_longer_what_we_kept_is_not_put_back(google: Google, fetch: Fetch) -> None:
    key = google.add("key")
    key.annotations = {KEPT: "not JSON"}
    with pytest.raises(RotationError, match="is not what was written there"):
        await driver_of(google, fetch).enable(mark_of(key))


async def test_a_key_that_was_ended_and_is_wanted_again_is_had_back(google: Google, fetch: Fetch) -> None:
    old = google.add("old")
    driver = driver_of(google, fetch)
    first = await driver.create(NAME, mark_of(old))
    await driver.delete(first.mark)
    assert google.works(first.secret.reveal()) is None
    again = await driver.create(NAME, mark_of(old))
    assert again == first
    assert google.works(again.secret.reveal()) is not None


async def test_a_key_has_one_name_whatever_the_project_is_called(google: Google, fetch: Fetch) -> None:
    old = google.add("old")
    driver = driver_of(google, fetch, PROJECT)
    created = await driver.create(NAME, mark_of(old))
    assert created.mark.id == f"{PARENT}/keys/{NAME}"
    assert [mark.id for mark in await driver.made(NAME, mark_of(old))] == [created.mark.id]
    assert [mark.id for mark in await driver.made(NAME, KeyMark())] == [created.mark.id]
    with pytest.raises(RotationError, match=r"set rotation\.project"):
        await driver_of(google, fetch).made(NAME, KeyMark())


async def test_an_operation_that_is_not_done_is_given_up_and_gone_on_with(google: Google, fetch: Fetch) -> None:
    old = google.add("old")
    google.polls = len(POLLS_S) + 5
    driver = driver_of(google, fetch)
    with pytest.raises(RotationError, match=r"asked to make a key, is not done after 47\.75 s") as failed:
        await driver.create(NAME, mark_of(old))
    assert failed.value.passing
    created = await driver.create(NAME, mark_of(old))
    assert google.works(created.secret.reveal()) is not None
    assert sum(key.display_name == NAME for key in google.keys.values()) == 1


async def test_a_key_that_never_appears_is_waited_for_with_patience(google: Google, fetch: Fetch) -> None:
    old = google.add("old")
    google.polls = 1000
    driver = driver_of(google, fetch)
    for said in ("is not done after", "is still making the key"):
        with pytest.raises(RotationError, match=said) as failed:
            await driver.create(NAME, mark_of(old))
        assert failed.value.passing


@pytest.mark.parametrize("polls", [0, 2])
@pytest.mark.parametrize(("code", "passing"), [(7, False), (8, True)])
async def test_an_operation_that_fails_is_told(
    google: Google, fetch: Fetch, polls: int, code: int, passing: bool
) -> None:
    old = google.add("old")
    google.polls, google.fails_with = polls, {"code": code, "message": "the quota is used up"}
    with pytest.raises(RotationError, match=r"asked to make a key, .*the quota is used up") as failed:
        await driver_of(google, fetch).create(NAME, mark_of(old))
    assert failed.value.passing is passing


async def test_a_key_that_is_gone_stands_against_a_new_one(google: Google, fetch: Fetch) -> None:
    driver = driver_of(google, fetch)
    assert "like which a new one is to be, is gone" in await driver.obstacle(KeyMark(f"{PARENT}/keys/nothing"))
    assert "like which a new one is to be, is gone" in await driver.obstacle(KeyMark("", "f1"))
    key = google.add("key")
    await driver.delete(mark_of(key))
    with pytest.raises(RotationError, match="it has been deleted, or never was"):
        await driver.find(Secret(key.value))
    with pytest.raises(RotationError, match="is no name of a key"):
        await driver.delete(KeyMark("projects/../keys/x"))
    assert await driver.last_used_s(mark_of(key)) is None


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_ids_are_as_google_takes_them_and_differ_as_names_do(one: str, other: str) -> None:
    ids = [module._key_id(f"keywright-{name}") for name in (one, other)]
    assert all(KEY_ID.fullmatch(each) for each in ids)
    assert (ids[0] == ids[1]) is (one == other)
