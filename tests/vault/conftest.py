"""What asks token services in these tests, the real connection pool; and what is started once for all of them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from keywright.guard.address import is_public
from keywright.transport.pool import Pool
from keywright.vault.fetch import Fetch
from tests.vault.bao.server import OpenBao, running_openbao
from tests.vault.cloud.moto import running_moto
from tests.vault.hands import Hands


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of a running moto."""
    with running_moto() as url:
        yield url


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """A running OpenBao. Who changes its state heals it again."""
    with running_openbao(tmp_path_factory.mktemp("openbao")) as server:
        yield server


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def fetch(hands: Hands) -> AsyncIterator[Fetch]:
    pool = Pool(allowed=is_public, environment={})
    yield Fetch(pool, hands.clock, pause=_no_pause)
    await pool.aclose()


async def _no_pause(_: float) -> None:
    """Tests do not wait between attempts."""
