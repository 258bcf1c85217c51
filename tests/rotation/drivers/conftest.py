"""What asks administration APIs in these tests: the real connection pool, which does not wait between attempts."""

from collections.abc import AsyncIterator

import pytest

from keywright.guard.address import is_public
from keywright.transport.pool import Pool
from keywright.vault.fetch import Fetch
from tests.vault.hands import Hands


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def fetch(hands: Hands) -> AsyncIterator[Fetch]:
    pool = Pool(allowed=is_public, environment={})
    yield Fetch(pool, hands.clock, pause=at_once)
    await pool.aclose()


def nobody(_: str) -> bool:
    """Has that key."""
    return False


async def at_once(_: float) -> None:
    """Nobody waits here."""
