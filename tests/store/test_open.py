"""A database is created, migrated and opened by whoever comes first, and refused with advice when it cannot serve."""

import asyncio
import os
import sqlite3
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from keywright.core.errors import StoreError
from keywright.store import Store
from keywright.store.address import parsed
from keywright.store.engine import engine_for
from keywright.store.intent import intending
from keywright.store.migration import FOLDER
from keywright.store.schema import METADATA, REVISION
from keywright.store.sqlite import patient
from tests.store.disks import mounted
from tests.store.samples import ENTRY, KEY

OPENER = """
import asyncio, sys
from keywright.store import Store
async def main():
    sys.stdin.readline()
    store = await Store.open(sys.argv[1])
    print(await store.set_meta_if_absent("first", sys.argv[2]), await store.meta("first"))
    await store.close()
asyncio.run(main())
"""


async def test_the_migrations_make_the_tables_that_the_schema_describes(store: Store) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts={"include_name": _is_whole}), METADATA)

    assert await store.database.read(differences) == []


def test_the_revision_that_a_start_looks_for_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(FOLDER)).get_current_head() == REVISION


def _is_whole(name: str | None, kind: str, _: object) -> bool:
    """Whether it is a table, or of one, that is no part of another."""
    return kind != "table" or not str(name).startswith("entries_")


async def test_a_database_that_is_opened_again_has_what_was_kept(url: str) -> None:
    store = await Store.open(url)
    await store.add_key(KEY)
    await store.close()
    store = await Store.open(url)
    assert await store.keys() == (KEY,)
    await store.close()


async def test_processes_that_open_a_new_database_at_once_all_succeed(new_database_url: str) -> None:
    openers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OPENER, new_database_url, str(number)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for number in range(4)
    ]
    said = await asyncio.wait_for(asyncio.gather(*(opener.communicate(b"go\n") for opener in openers)), 30)
    answers = [out.decode().split() for out, _ in said]
    assert [opener.returncode for opener in openers] == [0] * 4
    assert sorted(first for first, _ in answers) == ["False", "False", "False", "True"]
    assert len({value for _, value in answers}) == 1


async def test_a_new_database_can_be_read_by_its_user_only(sqlite_url: str, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = await Store.open(sqlite_url)
    finally:
        os.umask(before)
    await store.add_key(KEY)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    await store.close()
    assert modes == {"keywright.db": 0o600, "keywright.db-wal": 0o600, "keywright.db-shm": 0o600}


async def test_a_relative_url_is_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = await Store.open("sqlite:///here.db")
    await store.close()
    assert (tmp_path / "here.db").is_file()


async def test_a_database_in_memory_serves_several_at_once() -> None:
    store = await Store.open("sqlite://")
    await asyncio.gather(store.add_key(KEY), store.write_entries([ENTRY]), *(store.keys() for _ in range(20)))
    assert await store.keys() == (KEY,)
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        *("", "keywright.db", "mysql://ann:hunter2@db/keywright", "sqlite:keywright.db"),
        *("sqlite:///", "sqlite:////", "sqlite://host/x.db", "sqlite:////folder/", "sqlite:///x.db?mode=ro"),
    ],
)
async def test_a_url_that_names_no_database_is_refused_with_the_right_form(url: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:///keywright\.db") as refused:
        await Store.open(url)
    assert "hunter2" not in str(refused.value)


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    store = await Store.open(url)
    await store.database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = 999"))
    )
    await store.close()
    with pytest.raises(StoreError, match=f"revision 999.*up to {REVISION}.*newer version"):
        await Store.open(url)


async def test_a_database_of_another_program_is_refused_and_left_alone(new_database_url: str) -> None:
    engine = engine_for(parsed(new_database_url), None)
    with intending(engine, "write").begin() as connection:
        connection.execute(text("CREATE TABLE recipes (name TEXT)"))
    with pytest.raises(StoreError, match=r"another program.*'recipes'"):
        await Store.open(new_database_url)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == ["recipes"]
    engine.dispose()


async def test_a_file_that_is_no_database_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "keywright.db").write_bytes(b"dear diary, " * 500)
    with pytest.raises(StoreError, match=r"keywright\.db is not a SQLite database: correct the URL"):
        await Store.open(sqlite_url)


async def test_an_absent_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent/x\.db cannot be opened.*create its folder"):
        await Store.open(f"sqlite:///{tmp_path}/absent/x.db")


async def test_a_read_only_disk_is_refused_at_the_start(tmp_path: Path) -> None:
    refused = pytest.raises(StoreError, match=r"cannot be opened for writing.*write access")
    with mounted(tmp_path / "disk", "ro") as disk, refused:
        await Store.open(f"sqlite:///{disk}/x.db")


async def test_a_damaged_database_is_called_damaged(sqlite_url: str, tmp_path: Path) -> None:
    store = await Store.open(sqlite_url)
    await store.add_key(KEY)
    await store.close()
    file = tmp_path / "keywright.db"
    page = 4096
    file.write_bytes(file.read_bytes()[:page] + b"\xff" * (file.stat().st_size - page))
    with pytest.raises(StoreError, match=r"is damaged.*restore"):
        store = await Store.open(sqlite_url)


async def test_a_write_lock_that_another_program_keeps_is_called_so(sqlite_store: Store) -> None:
    assert sqlite_store.address.file is not None
    other = sqlite3.connect(sqlite_store.address.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program"):
        await sqlite_store.write_entries([ENTRY])
    assert await sqlite_store.entry(ENTRY.id) is None  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    assert await sqlite_store.write_entries([ENTRY]) == 1


async def test_a_full_disk_is_called_full_and_the_store_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk:
        store = await Store.open(f"sqlite:///{disk}/x.db")
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(1 << 20))
        with pytest.raises(StoreError, match="disk is full: free space"):
            await store.set_meta_if_absent("large", "x" * 100_000)
        ballast.unlink()
        assert await store.set_meta_if_absent("large", "x" * 100_000)
        await store.close()


async def test_how_long_a_migration_waits_for_another_is_up_to_it(sqlite_store: Store) -> None:
    assert sqlite_store.address.file is not None
    engine = intending(engine_for(sqlite_store.address, None), "write")
    other = sqlite3.connect(sqlite_store.address.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with engine.connect() as connection, patient(connection, 0.1), pytest.raises(sqlite3.OperationalError):
        connection.begin()
    assert 0.1 <= time.monotonic() - began < 4  # others wait for 5
    other.close()
    engine.dispose()
