"""What the configuration says of a provider's keys reaches the driver that replaces them."""

from collections.abc import AsyncIterator

import pytest

from keywright.config import ProviderConfig, RotationConfig
from keywright.core.clock import SYSTEM_CLOCK
from keywright.core.secret import Secret
from keywright.guard.address import is_public
from keywright.house.custody.drivers import Site, driver_of, lacking
from keywright.providers.openai import OPENAI
from keywright.rotation.drivers.assisted import AssistedDriver
from keywright.transport.pool import Pool
from keywright.vault.fetch import Fetch
from tests.rotation.standins.openai import OpenAi


@pytest.fixture
async def fetch() -> AsyncIterator[Fetch]:
    pool = Pool(allowed=is_public, environment={})
    yield Fetch(pool, SYSTEM_CLOCK)
    await pool.aclose()


def site_of(config: ProviderConfig, fetch: Fetch) -> Site:
    async def never(_: str) -> bool:
        return False

    def secret(text: str) -> Secret:
        assert text == "env:ADMIN"
        return Secret(OpenAi.admin_key)

    return Site(
        row=OPENAI,
        config=config,
        rotation=config.rotation,
        settings={},
        environment={},
        fetch=fetch,
        secret=secret,
        document=secret,
        is_here=lambda _: True,
        spare=never,
        taken=lambda _: False,
    )


async def test_keys_of_openai_s_are_made_with_what_the_configuration_says_of_them(fetch: Fetch) -> None:
    with OpenAi().open() as openai:
        said = RotationConfig(
            project=openai.project,
            service_account="svc_acct_1",
            scopes=("api.responses.write", "api.embeddings.write"),
            lifetime="30d",
            address=openai.url,
        )
        driver = driver_of("openai", site_of(ProviderConfig(admin_key="env:ADMIN", rotation=said), fetch))
        old = await driver.find(Secret(openai.add("old").value))
        await driver.create("keywright-1", old)
        assert [body for operation, body, _ in openai.spoken if operation == "create"] == [
            {
                "name": "keywright-1",
                "expires_in_seconds": 30 * 86_400,
                "scopes": ["api.responses.write", "api.embeddings.write"],
            }
        ]


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        (ProviderConfig(), ("admin_key", "rotation.project")),
        (ProviderConfig(admin_key="env:ADMIN"), ("rotation.project",)),
        (ProviderConfig(rotation=RotationConfig(project="p")), ("admin_key",)),
    ],
)
async def test_a_person_helps_where_the_configuration_lacks_something_which_is_named(
    fetch: Fetch, config: ProviderConfig, missing: tuple[str, ...]
) -> None:
    site = site_of(config, fetch)
    assert isinstance(driver_of("openai", site), AssistedDriver)
    assert lacking("openai", site) == missing
