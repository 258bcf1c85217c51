"""A backup holds all that a database held at one moment, and either kind takes it back; a bad file changes nothing."""

import asyncio
import gzip
import itertools
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import BigInteger, Connection, LargeBinary, Text, insert, select

from keywright.core.errors import StoreError
from keywright.store import Store
from keywright.store.backup import back_up, is_empty, restore, verify
from keywright.store.bell import CHANNELS, Bell
from keywright.store.exact import Exact
from keywright.store.schema import COUNTERS, METADATA, REVISION
from tests.postgres import PostgresServer
from tests.store.disks import mounted
from tests.store.samples import ENTRY, KEY, START_S, START_US

TEXTS = ("plain", 'käse\n"quoted"\t\'\\', "")
NUMBERS = (0, 2**63 - 1, START_US)


def untold(_: int, __: int) -> None:
    """Nobody looks."""


def fill(connection: Connection) -> None:
    """Two rows in every table, whatever its columns."""
    values = itertools.count(1)
    for table in METADATA.sorted_tables:
        for row in range(2):
            made: dict[str, Any] = {}
            for column in table.c:
                number = next(values)
                match column.type:
                    case LargeBinary():
                        made[column.name] = bytes([row, 0, 255, number % 256])
                    case Exact():
                        made[column.name] = 10**30 + number
                    case Text():
                        made[column.name] = f"{TEXTS[number % 3]}{number}"
                    case BigInteger() if column.name == "started_us":
                        made[column.name] = START_US + number  # by which months are laid out
                    case BigInteger() if not (column.primary_key or row):
                        made[column.name] = NUMBERS[number % 3]
                    case _:
                        made[column.name] = number
            connection.execute(insert(table), [made])


def rows(connection: Connection) -> dict[str, list[Any]]:
    """All there is, but the counters by which bells ring."""
    found = {table.name: sorted(map(tuple, connection.execute(select(table)))) for table in METADATA.sorted_tables}
    found[COUNTERS.name] = [row for row in found[COUNTERS.name] if not row[0].startswith(CHANNELS)]
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Another database than the store's, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/target.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture
async def target(target_url: str) -> AsyncIterator[Store]:
    store = await Store.open(target_url)
    yield store
    await store.close()


async def test_what_is_restored_equals_what_was_backed_up(store: Store, target: Store, tmp_path: Path) -> None:
    await store.add_key(KEY)
    await store.write_entries([replace(ENTRY, id=f"req_{at}", started_us=START_US + at * 10**10) for at in range(1200)])
    await store.database.write(fill)
    made = await back_up(store.database, tmp_path / "backup.gz", START_S, untold)
    seen: list[tuple[int, int]] = []
    assert await is_empty(target.database)
    restored = await restore(target.database, tmp_path / "backup.gz", lambda *told: seen.append(told), replace=False)
    assert restored == made == verify(tmp_path / "backup.gz", untold)
    assert seen[-1] == (made.total, made.total)
    assert sorted(seen) == seen
    held = await store.database.read(rows)
    assert min(map(len, held.values())) >= 2
    assert await target.database.read(rows) == held
    assert await target.write_entries([replace(ENTRY, id="new")]) == 1


async def test_a_text_that_only_sqlite_keeps_is_restored_to_both(
    sqlite_store: Store, target: Store, tmp_path: Path
) -> None:
    await sqlite_store.set_meta_if_absent("odd", "a\0b")
    await back_up(sqlite_store.database, tmp_path / "backup.gz", START_S, untold)
    await restore(target.database, tmp_path / "backup.gz", untold, replace=False)
    assert await target.meta("odd") in ("a\0b", "a\N{REPLACEMENT CHARACTER}b")


async def test_a_backup_says_what_it_is_and_only_its_owner_may_read_it(store: Store, tmp_path: Path) -> None:
    await store.add_key(KEY)
    file = tmp_path / "backup.gz"
    before = os.umask(0)
    try:
        await back_up(store.database, file, START_S, untold)
    finally:
        os.umask(before)
    first = json.loads(gzip.decompress(file.read_bytes()).splitlines()[0])
    assert (first["keywright_backup"], first["revision"], first["made_s"]) == (1, REVISION, START_S)
    assert first["rows"]["keys"] == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup.gz"]


async def test_a_backup_under_writes_is_of_one_moment(store: Store, target: Store, tmp_path: Path) -> None:
    written = 0

    async def write() -> None:
        nonlocal written
        for batch in itertools.count():
            some = [replace(ENTRY, id=f"req_{batch}_{at}", started_us=START_US + batch) for at in range(50)]
            written += await store.write_entries(some)

    writing = asyncio.create_task(write())
    while written < 500:
        await asyncio.sleep(0.01)
    began = written
    await back_up(store.database, tmp_path / "backup.gz", START_S, untold)
    ended = written
    writing.cancel()
    await restore(target.database, tmp_path / "backup.gz", untold, replace=False)
    (rolled,) = await target.usage(("model",), START_S // 3600 * 3600, START_S // 3600 * 3600 + 3600)
    held = len((await target.database.read(rows))["entries"])
    assert rolled.calls == held
    assert began <= held <= ended + 50


async def test_a_database_with_content_is_replaced_only_when_that_is_meant(
    store: Store, target: Store, tmp_path: Path
) -> None:
    await store.add_key(KEY)
    await back_up(store.database, tmp_path / "backup.gz", START_S, untold)
    await target.add_key(replace(KEY, id="other"))
    for _ in range(5):
        await target.set_meta_if_absent("admin", "x")
    with pytest.raises(StoreError, match="is not empty: a restore would replace"):
        await restore(target.database, tmp_path / "backup.gz", untold, replace=False)
    assert [key.id for key in await target.keys()] == ["other"]
    seen = await target.version()
    bell = await Bell.open(target.database)
    await restore(target.database, tmp_path / "backup.gz", untold, replace=True)
    assert await target.keys() == (KEY,)
    assert await target.meta("admin") is None
    assert await target.version() > max(seen, await store.version())
    assert await bell.wait(5) == {"snapshot", "recall"}
    await bell.close()


def altered(lines: list[bytes], what: Callable[[dict[str, Any]], None]) -> bytes:
    """The lines, the first of them altered."""
    first = json.loads(lines[0])
    what(first)
    return b"\n".join([json.dumps(first, separators=(",", ":")).encode(), *lines[1:]])


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "torn in the middle": lambda packed: packed[: len(packed) // 2],
    "torn before its end": lambda packed: gzip.compress(gzip.decompress(packed).rpartition(b'{"sha256"')[0]),
    "a bit is another": lambda packed: packed[:-20] + bytes([packed[-20] ^ 1]) + packed[-19:],
    "a value is another": lambda packed: gzip.compress(gzip.decompress(packed).replace(b"search", b"s3arch")),
    "an id is another": lambda packed: gzip.compress(gzip.decompress(packed).replace(b'["req_7"', b'["req_77"', 1)),
    "no JSON": lambda packed: gzip.compress(gzip.decompress(packed).replace(b'{"table":"keys"', b'{"table:"keys"')),
    "something follows": lambda packed: gzip.compress(gzip.decompress(packed) + b"{}\n"),
    "another revision": lambda packed: gzip.compress(
        altered(gzip.decompress(packed).split(b"\n"), lambda first: first.update(revision="0001"))
    ),
    "other tables": lambda packed: gzip.compress(
        altered(gzip.decompress(packed).split(b"\n"), lambda first: first["columns"].pop("keys"))
    ),
    "no gzip": gzip.decompress,
    "no backup": lambda _: gzip.compress(b"dear diary\n"),
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_bad_file_changes_nothing(store: Store, tmp_path: Path, damage: str) -> None:
    await store.add_key(KEY)
    await store.write_entries([replace(ENTRY, id=f"req_{at}") for at in range(20)])
    file = tmp_path / "backup.gz"
    await back_up(store.database, file, START_S, untold)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    await store.revoke_key(KEY.id, START_S)
    held = await store.database.read(rows)
    with pytest.raises(StoreError, match=r"is damaged|is no backup|at revision 0001"):
        verify(file, untold)
    with pytest.raises(StoreError, match=r"is damaged|is no backup|at revision 0001"):
        await restore(store.database, file, untold, replace=True)
    assert await store.database.read(rows) == held


async def test_a_file_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent\.gz cannot be read"):
        verify(tmp_path / "absent.gz", untold)
    with pytest.raises(StoreError, match=r"absent/x\.gz cannot be written \(No such file"):
        await back_up(store.database, tmp_path / "absent" / "x.gz", START_S, untold)


async def test_a_disk_that_becomes_full_leaves_the_backup_that_there_was(store: Store, tmp_path: Path) -> None:
    noise = os.urandom(200_000).hex()
    await store.set_meta_if_absent("small", "x")
    with mounted(tmp_path / "disk", "size=64k") as disk:
        await back_up(store.database, disk / "backup.gz", START_S, untold)
        good = (disk / "backup.gz").read_bytes()
        await store.set_meta_if_absent("large", noise)
        with pytest.raises(StoreError, match=r"cannot be written \(No space"):
            await back_up(store.database, disk / "backup.gz", START_S, untold)
        assert (disk / "backup.gz").read_bytes() == good
        assert [path.name for path in disk.iterdir()] == ["backup.gz"]
