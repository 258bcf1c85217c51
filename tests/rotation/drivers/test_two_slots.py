"""Whatever happens to a rotation's questions, of two slots the one in use lives until it is to end, and the other works
then.
"""

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import pytest
from msgspec import Struct

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.driver import Created, Driver
from keywright.rotation.drivers.azure import AzureDriver, AzureSettings
from keywright.rotation.drivers.bedrock import BedrockDriver, BedrockSettings
from keywright.rotation.iam import Endpoint
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.credential import BearerCredential, Credential
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.conftest import nobody
from tests.rotation.standins.azure import ACCOUNT, GROUP, SUBSCRIPTION, TOKEN, Azure
from tests.rotation.standins.base import Door, Misdeed
from tests.rotation.standins.bedrock import ADMIN_ID, ADMIN_SECRET, Bedrock

NAME = "keywright-r1"
TRIES_MAX = 40
TROUBLES = 24
MISDEEDS: tuple[Misdeed, ...] = ("error", "throttled", "dropped", "lost", "lost", "slow")

T = TypeVar("T")


class Slots(Struct):
    """A provider with two slots, of which one is in use. `lives`: whether a key works; `alive`: how many do."""

    driver: Driver
    door: Door
    used: Secret
    lives: Callable[[str], bool]
    alive: Callable[[], int]


@contextmanager
def azure(fetch: Fetch) -> Iterator[Slots]:
    async def login() -> Credential:
        return BearerCredential("azure", Secret(TOKEN))

    with Azure().open() as cloud:
        driver = AzureDriver(fetch, cloud.url, login, AzureSettings(SUBSCRIPTION, GROUP, ACCOUNT), nobody)
        # A value that nobody was told works, and is nobody's.
        yield Slots(driver, cloud.door, Secret(cloud.keys["Key1"]), cloud.lives, lambda: 1)


@contextmanager
def bedrock(fetch: Fetch) -> Iterator[Slots]:
    async def keys() -> AwsKeys:
        return AwsKeys(ADMIN_ID, Secret(ADMIN_SECRET))

    async def never(_: str) -> bool:
        return False

    with Bedrock().open() as cloud:
        where = Endpoint(cloud.url, "us-east-1", public=False)
        driver = BedrockDriver(fetch, where, keys, BedrockSettings("gateway"), never)
        yield Slots(driver, cloud.door, Secret(cloud.make("gateway").key), cloud.lives, lambda: len(cloud.keys))


async def until_done(step: Callable[[], Awaitable[T]]) -> T:
    """What a rotation does with a step that fails in passing."""
    for _ in range(TRIES_MAX):
        try:
            return await step()
        except RotationError as error:
            if not error.passing:
                raise
    raise AssertionError("it never succeeded")


@pytest.mark.parametrize("provider", [azure, bedrock])
@pytest.mark.parametrize("seed", range(6))
async def test_a_rotation_comes_through_any_trouble(
    fetch: Fetch, provider: Callable[[Fetch], AbstractContextManager[Slots]], seed: int
) -> None:
    chance = random.Random(seed)
    with provider(fetch) as slots:
        old = await slots.driver.find(slots.used)
        assert await slots.driver.obstacle(old) == ""
        slots.door.misdeeds = chance.choices(MISDEEDS, k=TROUBLES)
        used = slots.used.reveal()

        async def make() -> Created:
            assert slots.lives(used)
            for stray in await slots.driver.made(NAME, old):
                await slots.driver.delete(stray)
            return await slots.driver.create(NAME, old)

        new = await until_done(make)
        assert slots.lives(used)
        assert slots.lives(new.secret.reveal())
        await until_done(lambda: slots.driver.disable(old))
        await until_done(lambda: slots.driver.delete(old))
        assert not slots.lives(used)
        assert slots.lives(new.secret.reveal())
        assert slots.alive() == 1
        assert (await until_done(lambda: slots.driver.find(new.secret))).id == new.mark.id != KeyMark().id
