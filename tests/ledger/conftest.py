"""A real store in a file, and a folder for spools, of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keywright.store import Store
from tests.postgres import database_url, postgres, postgres_url

__all__ = ["database_url", "postgres", "postgres_url"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path}/keywright.db")
    yield store
    await store.close()
