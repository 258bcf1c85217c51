"""A database for rotations, in memory."""

from collections.abc import AsyncIterator

import pytest

from keywright.store.database import Database


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    database = await Database.open("sqlite://")
    yield database
    await database.close()
