"""A worker thread that asks the database is answered, or told why not, in time."""

import threading
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backends.sealed import SealedBackend
from keywright.vault.reference import Reference
from tests.vault.sealed.samples import local_kek
from tests.vault.sealed.shelves import Desk, opened

OPENAI = Reference("sealed", "openai")


def test_a_database_that_is_slow_is_given_up_in_time_and_serves_afterwards(database_url: str) -> None:
    with opened(database_url, timeout_s=1.0) as desk:
        backend = SealedBackend(desk.shelf, (local_kek("first"),), "acme")
        backend.write(OPENAI, Secret("sk-1"))
        release = threading.Event()
        blocked = threading.Thread(target=lambda: desk.run(desk.database.write(lambda _: release.wait(20))))
        blocked.start()
        began = monotonic()
        try:
            with pytest.raises(
                SecretError, match=r"sealed:openai: the database of sealed secrets did not answer within"
            ):
                backend.write(OPENAI, Secret("sk-2"))
            assert monotonic() - began < 10
            assert backend.read(OPENAI).secret.reveal() == "sk-1"
        finally:
            release.set()
            blocked.join(20)
        assert backend.write(OPENAI, Secret("sk-3")) == "2", "the write that was given up while it waited was not made"


def test_a_database_without_its_table_says_what_is_wrong(sqlite_desk: Desk) -> None:
    sqlite_desk.run(sqlite_desk.database.write(lambda connection: connection.execute(text("DROP TABLE sealed"))))
    backend = SealedBackend(sqlite_desk.shelf, (local_kek("first"),), "acme")
    with pytest.raises(SecretError, match="sealed:openai: the database"):
        backend.read(OPENAI)


def test_a_loop_that_is_closed_is_told_of(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/keywright.db") as desk:
        backend = SealedBackend(desk.shelf, (local_kek("first"),), "acme")
    with pytest.raises(SecretError, match="sealed:openai: the database of sealed secrets is closed"):
        backend.read(OPENAI)
