"""Where a key is shown to be proven: at the address that is configured, or at its provider's own house."""

import pytest

from keywright.config import ProviderConfig, reach, resolve_provider, settings_of
from keywright.core.secret import Secret
from keywright.guard.address import is_public
from keywright.house.custody.proving import NOTHING_FREE, prove
from keywright.pipeline.routes import Source
from keywright.transport.breaker import Breaker, BreakerSettings
from keywright.transport.pool import Pool
from keywright.vault.credential import BearerCredential


def source(config: ProviderConfig) -> Source:
    row = resolve_provider("x", config)
    return Source(
        name="x",
        row=row,
        reach=reach("x", config),
        base_path="",
        credential=BearerCredential("x", Secret("a-key-that-nobody-else-may-see")),
        breaker=Breaker(BreakerSettings()),
        settings=settings_of(row, config, {}),
    )


@pytest.mark.parametrize(
    ("config", "is_moved"),
    [
        (ProviderConfig(kind="bedrock", region="cn-north-1"), False),
        (ProviderConfig(kind="bedrock", base_url="https://bedrock.example"), True),
        (ProviderConfig(kind="bedrock", base_url="https://bedrock.example"), False),
        (ProviderConfig(kind="huggingface", base_url="https://mine.example/v1"), True),
        (ProviderConfig(kind="huggingface", base_url="https://huggingface.co.evil.example/v1"), False),
    ],
)
async def test_a_key_for_another_house_is_shown_to_nobody(config: ProviderConfig, is_moved: bool) -> None:
    pool = Pool(allowed=is_public, environment={})
    try:
        assert await prove(source(config), pool, is_moved=is_moved) is NOTHING_FREE
    finally:
        await pool.aclose()
