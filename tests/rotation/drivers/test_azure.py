"""Azure's two keys are rotated without ever touching the one in use."""

import json
from collections.abc import Iterator

import pytest

from keywright.core.errors import RotationError, SecretDeniedError, SecretError
from keywright.core.http import Deadlines
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.administration import Login
from keywright.rotation.driver import Driver
from keywright.rotation.drivers.azure import BASE_URL, SCOPE, AzureDriver, AzureSettings
from keywright.vault.credential import BearerCredential, Credential
from keywright.vault.entra import EntraSettings, entra_credential
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.conftest import nobody
from tests.rotation.standins.azure import ACCOUNT, GROUP, SUBSCRIPTION, TOKEN, Azure
from tests.rotation.standins.base import Misdeed, losing
from tests.vault.standin import Received, Say, service

SETTINGS = AzureSettings(SUBSCRIPTION, GROUP, ACCOUNT)
NAME = "keywright-r1"


@pytest.fixture
def azure() -> Iterator[Azure]:
    with Azure().open() as running:
        yield running


@pytest.fixture
def driver(azure: Azure, fetch: Fetch) -> Driver:
    return AzureDriver(fetch, azure.url, login(TOKEN), SETTINGS, nobody)


def login(token: str) -> Login:
    async def given() -> Credential:
        return BearerCredential("azure", Secret(token))

    return given


@pytest.mark.parametrize(("used", "other"), [("Key1", "Key2"), ("Key2", "Key1")])
async def test_the_key_that_is_not_in_use_gets_a_new_value_and_the_old_one_dies_last(
    azure: Azure, driver: Driver, used: str, other: str
) -> None:
    before = dict(azure.keys)
    old = await driver.find(Secret(before[used]))
    assert old == KeyMark(used, Secret(before[used]).fingerprint, f"{ACCOUNT} {used}")
    assert await driver.obstacle(old) == ""
    assert azure.regenerated == []
    new = await driver.create(NAME, old)
    assert new.secret.reveal() == azure.keys[other] != before[other]
    assert new.mark == KeyMark(other, new.secret.fingerprint, f"{ACCOUNT} {other}")
    assert azure.lives(before[used])
    assert await driver.made(NAME, old) == ()
    await driver.disable(old)
    await driver.enable(old)
    assert azure.lives(before[used])
    await driver.delete(old)
    assert not azure.lives(before[used])
    assert azure.lives(new.secret.reveal())
    assert azure.regenerated == [other, used]
    assert await driver.last_used_s(new.mark) is None


async def test_a_key_is_ended_once_however_often_that_is_asked_for(azure: Azure, driver: Driver) -> None:
    old = await driver.find(Secret(azure.keys["Key1"]))
    for _ in range(3):
        await driver.delete(old)
    assert azure.regenerated == ["Key1"]


async def test_where_neither_key_is_the_one_in_use_nothing_is_touched(azure: Azure, driver: Driver) -> None:
    mark = KeyMark("Key1", Secret("somebody-else-s").fingerprint)
    for refused in (driver.find(Secret("somebody-else-s")), driver.create(NAME, mark)):
        with pytest.raises(RotationError, match="neither key of the Azure account acct-1 is the one in use") as failure:
            await refused
        assert not failure.value.passing
    assert "is the one in use" in await driver.obstacle(mark)
    await driver.delete(mark)
    await driver.delete(KeyMark("Key1"))
    assert azure.regenerated == []


@pytest.mark.parametrize("used", ["Key1", "Key2"])
async def test_the_other_key_is_left_alone_where_another_credential_has_it(
    azure: Azure, fetch: Fetch, used: str
) -> None:
    other = azure.keys["Key2" if used == "Key1" else "Key1"]
    driver = AzureDriver(fetch, azure.url, login(TOKEN), SETTINGS, lambda key: key == Secret(other).fingerprint)
    old = await driver.find(Secret(azure.keys[used]))
    assert "both keys of the Azure account acct-1 are in use here" in await driver.obstacle(old)
    with pytest.raises(RotationError, match="both keys of the Azure account") as failure:
        await driver.create(NAME, old)
    assert not failure.value.passing
    assert azure.regenerated == []
    assert azure.lives(other)


async def test_a_lost_answer_costs_another_value_of_the_free_key_only(azure: Azure, driver: Driver) -> None:
    used = azure.keys["Key1"]
    old = await driver.find(Secret(used))
    for lost in (1, 2):
        azure.door.misdeeds = losing(1)
        with pytest.raises(RotationError, match="gave no answer") as failure:
            await driver.create(NAME, old)
        assert failure.value.passing
        assert azure.lives(used)
        assert azure.regenerated == ["Key2"] * lost
    new = await driver.create(NAME, old)
    assert azure.lives(used)
    assert new.secret.reveal() == azure.keys["Key2"]


@pytest.mark.parametrize(("misdeed", "said"), [("error", "answered 500"), ("throttled", "answered 429")])
async def test_trouble_at_azure_passes(azure: Azure, driver: Driver, misdeed: Misdeed, said: str) -> None:
    azure.door.always = misdeed
    with pytest.raises(RotationError, match=said) as failure:
        await driver.find(Secret(azure.keys["Key1"]))
    assert failure.value.passing


async def test_a_provider_that_is_silent_is_given_up(
    azure: Azure, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.vault.fetch.FAR", Deadlines(1, 0.02, 0.02, 0.05))
    azure.door.always = "silent"
    for asking in (driver.find(Secret("k")), driver.create(NAME, KeyMark("k", "f")), driver.delete(KeyMark("k", "f"))):
        with pytest.raises(RotationError, match="deadline") as failure:
            await asking
        assert failure.value.passing


async def test_another_operation_on_the_account_passes(azure: Azure, driver: Driver) -> None:
    azure.busy = 1
    with pytest.raises(RotationError, match=r"answered 409 \(Another operation") as failure:
        await driver.find(Secret(azure.keys["Key1"]))
    assert failure.value.passing


async def test_a_refused_login_is_told_without_its_token(azure: Azure, fetch: Fetch) -> None:
    driver = AzureDriver(fetch, azure.url, login("wrong-canary-token"), SETTINGS, nobody)
    with pytest.raises(RotationError, match="tell the keys of the account acct-1, answered 401") as failure:
        await driver.find(Secret(azure.keys["Key1"]))
    assert not failure.value.passing
    assert "canary" not in str(failure.value)


async def test_a_wrong_account_is_refused_for_good(azure: Azure, fetch: Fetch) -> None:
    driver = AzureDriver(fetch, azure.url, login(TOKEN), AzureSettings(SUBSCRIPTION, GROUP, "../other"), nobody)
    with pytest.raises(RotationError, match=r"answered 404 \(The Resource was not found") as failure:
        await driver.find(Secret(azure.keys["Key1"]))
    assert not failure.value.passing


@pytest.mark.parametrize(("error", "passing"), [(SecretError, True), (SecretDeniedError, False)])
async def test_without_a_login_nothing_is_asked(
    azure: Azure, fetch: Fetch, error: type[SecretError], passing: bool
) -> None:
    async def none() -> Credential:
        raise error("there is no identity")

    driver = AzureDriver(fetch, azure.url, none, SETTINGS, nobody)
    with pytest.raises(RotationError, match="there is no identity") as failure:
        await driver.find(Secret(azure.keys["Key1"]))
    assert failure.value.passing is passing
    assert azure.door.asked == []


async def test_entra_s_token_for_the_resource_manager_is_the_login(azure: Azure, fetch: Fetch) -> None:
    def grant(request: Received) -> Say:
        assert request.form["scope"] == "https://management.azure.com/.default"
        return Say(json.dumps({"access_token": TOKEN, "expires_in": 3600}))

    async with service(grant) as entra:
        environment = {
            "AZURE_AUTHORITY_HOST": entra.url,
            "AZURE_TENANT_ID": "t",
            "AZURE_CLIENT_ID": "c",
            "AZURE_CLIENT_SECRET": "s",
        }
        credential = entra_credential("azure", EntraSettings(scope=SCOPE), environment, fetch)
        driver = AzureDriver(fetch, azure.url, credential.current, SETTINGS, nobody)
        assert (await driver.find(Secret(azure.keys["Key2"]))).id == "Key2"


async def test_azure_s_own_address_is_not_one_of_this_machine(fetch: Fetch) -> None:
    assert BASE_URL.startswith("https://")
    with pytest.raises(SecretError, match="not an http"):
        AzureDriver(fetch, "management.azure.com", login(TOKEN), SETTINGS, nobody)
