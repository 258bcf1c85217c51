"""A database of its own for each test, of either kind where a test does not say which."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keywright.store import Store
from tests.postgres import database_url, empty_postgres_url, new_database_url, postgres, postgres_url

__all__ = ["database_url", "empty_postgres_url", "new_database_url", "postgres", "postgres_url"]


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    yield store
    await store.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """For what only a file can suffer."""
    return f"sqlite:///{tmp_path}/keywright.db"


@pytest.fixture
async def sqlite_store(sqlite_url: str) -> AsyncIterator[Store]:
    store = await Store.open(sqlite_url)
    yield store
    await store.close()
