"""A shelf over a fresh database of either kind."""

from collections.abc import Iterator

import pytest

from tests.postgres import database_url, postgres, postgres_url
from tests.vault.sealed.shelves import Desk, opened

__all__ = ["database_url", "postgres", "postgres_url"]


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with opened(database_url) as found:
        yield found


@pytest.fixture
def sqlite_desk(tmp_path: object) -> Iterator[Desk]:
    """For what does not depend on the database."""
    with opened(f"sqlite:///{tmp_path}/keywright.db") as found:
        yield found
