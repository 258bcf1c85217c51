"""Where a person makes the keys, the person is told where; what a provider does not tell keeps no rotation waiting."""

from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.providers import PROVIDERS
from keywright.rotation.consoles import CONSOLES, by_hand, ended_by_hand
from keywright.rotation.driver import Driver
from keywright.rotation.drivers.assisted import LOOKS, AssistedDriver, Look
from keywright.vault.fetch import Fetch
from tests.rotation.standins.base import Misdeed
from tests.rotation.standins.cohere import ORGANISATION, Cohere
from tests.rotation.standins.huggingface import HuggingFace


def near(kind: str, url: str) -> Look:
    """What is asked, at a stand-in."""
    return replace(LOOKS[kind], url=url + urlsplit(LOOKS[kind].url).path, where="written")


async def test_a_hugging_face_token_tells_its_name(fetch: Fetch) -> None:
    with HuggingFace().open() as hub:
        token = hub.make("gateway token")
        driver: Driver = AssistedDriver(fetch, "huggingface", near("huggingface", hub.url))
        secret = Secret(token.token)
        assert await driver.find(secret) == KeyMark("", secret.fingerprint, "gateway token")


async def test_a_cohere_key_tells_its_organisation(fetch: Fetch) -> None:
    with Cohere().open() as cohere:
        secret = Secret(cohere.make())
        driver = AssistedDriver(fetch, "cohere", near("cohere", cohere.url))
        assert await driver.find(secret) == KeyMark("", secret.fingerprint, ORGANISATION)


@pytest.mark.parametrize("misdeed", ["error", "throttled", "dropped", "slow"])
async def test_a_key_that_is_dead_or_cannot_be_asked_for_is_known_by_its_fingerprint(
    fetch: Fetch, misdeed: Misdeed
) -> None:
    with HuggingFace().open() as hub:
        hub.door.always = misdeed
        driver = AssistedDriver(fetch, "huggingface", near("huggingface", hub.url))
        dead = Secret("hf_dead")
        assert await driver.find(dead) == KeyMark(fingerprint=dead.fingerprint)


async def test_nothing_is_asked_where_nothing_can_be(fetch: Fetch) -> None:
    driver = AssistedDriver(fetch, "groq", LOOKS.get("groq"))
    secret = Secret("gsk_key")
    assert await driver.find(secret) == KeyMark(fingerprint=secret.fingerprint)
    assert (driver.creates, driver.disables, driver.deletes) == (False, False, False)
    await driver.disable(KeyMark())
    await driver.enable(KeyMark())
    await driver.delete(KeyMark())
    assert await driver.made("keywright-r1", KeyMark()) == ()
    assert await driver.last_used_s(KeyMark()) is None
    with pytest.raises(RotationError, match=r"a person makes Groq's keys.*https://console\.groq\.com/keys") as failure:
        await driver.create("keywright-r1", KeyMark())
    assert not failure.value.passing
    assert await driver.obstacle(KeyMark()) == str(failure.value)


def test_a_person_is_told_what_to_do_with_every_provider_s_keys() -> None:
    assert set(CONSOLES) == {provider.name for provider in PROVIDERS}
    for kind, console in CONSOLES.items():
        assert not console.url or console.url.startswith("https://")
        assert console.url in by_hand(kind)
        assert console.title in by_hand(kind)
        assert console.end in ended_by_hand(kind)


def test_what_keys_may_ask_is_asked_of_public_addresses() -> None:
    assert set(LOOKS) <= set(CONSOLES)
    assert all(look.url.startswith("https://") and look.where == "public" for look in LOOKS.values())
