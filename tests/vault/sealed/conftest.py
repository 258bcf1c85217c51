"""A shelf over a fresh database of either kind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import database_url, postgres, postgres_url
from tests.vault.sealed.shelves import Desk, opened

__all__ = ["database_url", "postgres", "postgres_url"]


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with opened(database_url) as found:
        yield found


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database at the newest revision, to be copied: making one takes longer than most tests."""
    path = tmp_path_factory.mktemp("sealed") / "keywright.db"
    with opened(f"sqlite:///{path}"):
        return path


@pytest.fixture
def sqlite_desk(migrated: Path, tmp_path: Path) -> Iterator[Desk]:
    """For what does not depend on the database."""
    shutil.copy(migrated, tmp_path / "keywright.db")
    with opened(f"sqlite:///{tmp_path}/keywright.db") as found:
        yield found
