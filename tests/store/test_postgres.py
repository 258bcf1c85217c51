"""What only a server can do to the store: refuse it with advice, restart, and have many write at a time."""

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, text

from keywright.core.errors import StoreError
from keywright.core.escrow import Back, Need, Want
from keywright.core.secret import Secret
from keywright.store import Store
from tests.postgres import ADMINISTRATOR, PASSWORD, PASSWORD_USER, USER, PostgresServer
from tests.store.disks import mounted
from tests.store.samples import ENTRY, KEY, START_S

DAYS = (START_S - 86_400, START_S + 86_400)
WRONG = "a-wrong-password"


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


def name(url: str) -> str:
    """The name of the database at `url`."""
    return url.partition("?")[0].rpartition("/")[2]


async def open_and_write(url: str, password: Secret | None = None) -> None:
    store = await Store.open(url, password)
    try:
        await store.add_key(KEY)
    finally:
        await store.close()


async def test_a_password_opens_what_needs_one(postgres: PostgresServer, url: str) -> None:
    with postgres.connect(name(url)) as administrator:
        administrator.execute(f"GRANT {USER} TO {PASSWORD_USER}")
    try:
        guarded = postgres.url(name(url), PASSWORD_USER)
        await open_and_write(guarded, Secret(PASSWORD))
        for password in (None, Secret(WRONG)):
            with pytest.raises(StoreError, match=r"does not let us in.*check the user.*\[store\] password") as refused:
                await Store.open(guarded, password)
            assert WRONG not in str(refused.value)
            assert refused.value.__cause__ is not None
            assert WRONG not in str(refused.value.__cause__)
    finally:
        with postgres.connect(name(url)) as administrator:
            administrator.execute(f"REVOKE {USER} FROM {PASSWORD_USER}")


@pytest.mark.parametrize(
    ("altered", "expected"),
    [
        (lambda url: url.replace("test_", "absent_"), r"does not exist on that server.*CREATE DATABASE"),
        (lambda url: url.replace(USER, "nobody_known"), "does not let us in"),
        (lambda _: "postgresql://ann@127.0.0.1:1/keywright", "cannot be reached.*see that the server runs"),
        (lambda _: "postgresql://ann@nowhere.invalid/keywright", "cannot be reached"),
        (lambda _: "postgresql://ann@/keywright?host=/nowhere", "cannot be reached"),
        (lambda url: url + "&colour=blue", "invalid connection option"),
        (lambda url: url + "&sslmode=perhaps", "make no sense.*correct the URL"),
    ],
)
async def test_a_server_that_cannot_be_had_is_told_with_what_to_do(
    url: str, altered: Callable[[str], str], expected: str
) -> None:
    with pytest.raises(StoreError, match=expected):
        await Store.open(altered(url))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "ALTER DATABASE {} SET default_transaction_read_only = on",
            "ALTER DATABASE {} RESET default_transaction_read_only",
            "is read-only: a standby, or set so.*target_session_attrs=read-write",
        ),
        (
            f"ALTER ROLE {USER} CONNECTION LIMIT 0",
            f"ALTER ROLE {USER} CONNECTION LIMIT -1",
            "has no connection left.*max_connections",
        ),
        (
            f"ALTER TABLE keys OWNER TO {ADMINISTRATOR}; REVOKE ALL ON keys FROM {USER}",
            "SELECT 1",
            "does not permit that.*make the user in the URL the owner",
        ),
    ],
    ids=["read-only", "connections", "owner"],
)
async def test_a_server_that_refuses_is_told_with_what_to_do(
    postgres: PostgresServer, url: str, before: str, after: str, expected: str
) -> None:
    with postgres.connect(name(url)) as administrator:
        administrator.execute(before.format(name(url)).encode())
        try:
            with pytest.raises(StoreError, match=expected):
                await open_and_write(url)
        finally:
            administrator.execute(after.format(name(url)).encode())


async def test_a_statement_that_takes_too_long_is_ended(store: Store) -> None:
    def slow(connection: Connection) -> None:
        connection.execute(text("SET LOCAL statement_timeout = 50"))
        connection.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(StoreError, match="took too long for a statement"):
        await store.database.write(slow)


async def test_a_lock_that_another_keeps_is_called_so_and_reading_goes_on(
    postgres: PostgresServer, store: Store, url: str
) -> None:
    def impatient(connection: Connection) -> None:
        connection.execute(text("SET LOCAL lock_timeout = 50"))
        connection.execute(text("DELETE FROM keys"))

    with postgres.connect(name(url)) as other, other.transaction():
        other.execute("LOCK TABLE keys IN SHARE MODE")
        with pytest.raises(StoreError, match=r"is locked by another transaction.*pg_locks"):
            await store.database.write(impatient)
        assert await store.keys() == ()
    await store.add_key(KEY)


async def test_no_value_is_part_of_a_message(store: Store) -> None:
    secret = "hunter2"
    for statement in ("SELECT CAST(:value AS integer)", "INSERT INTO meta VALUES (:value, 'x'), (:value, 'y')"):

        def spill(connection: Connection, statement: str = statement) -> None:
            connection.execute(text(statement), {"value": secret})

        with pytest.raises(StoreError, match="refused") as refused:
            await store.database.write(spill)
        assert secret not in str(refused.value)


async def test_a_server_that_restarted_is_used_again_without_an_error(postgres: PostgresServer, store: Store) -> None:
    await asyncio.gather(*(store.keys() for _ in range(8)))
    postgres.stop()
    postgres.start()
    await store.add_key(KEY)
    assert await asyncio.gather(*(store.keys() for _ in range(8))) == [(KEY,)] * 8


async def test_a_connection_that_breaks_undoes_its_transaction_and_the_next_works(
    postgres: PostgresServer, store: Store
) -> None:
    def cut(connection: Connection) -> None:
        connection.execute(text("INSERT INTO meta VALUES ('a', 'b')"))
        process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with postgres.connect() as administrator:
            administrator.execute("SELECT pg_terminate_backend(%s)", (process,))
        connection.execute(text("SELECT 1"))

    with pytest.raises(StoreError, match=r"was shut down.*goes on by itself"):
        await store.database.write(cut)
    assert await store.meta("a") is None
    assert await store.set_meta_if_absent("a", "c")


async def test_who_writes_alone_waits_for_who_does_in_another_process(store: Store, url: str) -> None:
    other = await Store.open(url)
    running: list[str] = []
    most: list[int] = []

    def overlap(connection: Connection) -> None:
        running.append("x")
        most.append(len(running))
        time.sleep(0.02)
        running.pop()

    await asyncio.gather(*(each.database.write(overlap) for each in (store, other) for _ in range(4)))
    assert max(most) == 1
    await asyncio.gather(*(each.database.write_beside(overlap) for each in (store, other) for _ in range(4)))
    assert max(most) > 1
    await other.close()


async def test_of_two_that_wait_for_each_other_both_succeed_in_the_end(store: Store, url: str) -> None:
    other = await Store.open(url)
    await store.database.write(
        lambda connection: connection.execute(text("INSERT INTO meta VALUES ('a', '0'), ('b', '0')"))
    )

    def crossing(first: str, second: str) -> Callable[[Connection], None]:
        def do(connection: Connection) -> None:
            for row in (first, second):
                connection.execute(
                    text("UPDATE meta SET value = CAST(CAST(value AS integer) + 1 AS text) WHERE name = :row"),
                    {"row": row},
                )
                time.sleep(0.05)

        return do

    await asyncio.gather(
        store.database.write_beside(crossing("a", "b")), other.database.write_beside(crossing("b", "a"))
    )
    assert [await store.meta(row) for row in ("a", "b")] == ["2", "2"]
    await other.close()


async def test_writers_that_bring_overlapping_batches_in_any_order_count_each_entry_once(
    store: Store, url: str
) -> None:
    others = [await Store.open(url) for _ in range(3)]
    entries = [replace(ENTRY, id=f"req_{at}", project=f"p{at % 7}", served=f"openai/{at % 5}") for at in range(300)]
    shuffled = random.Random(4)
    batches = [shuffled.sample(entries, 90) for _ in range(16)]
    new = await asyncio.gather(*(others[at % 3].write_entries(batch) for at, batch in enumerate(batches)))
    distinct = {entry.id for batch in batches for entry in batch}
    assert sum(new) == len(distinct)
    for dimension in ("project", "credential"):
        assert sum(row.calls for row in await store.usage((dimension,), *DAYS)) == len(distinct)
    for other in others:
        await other.close()


async def test_holders_that_ask_at_once_never_hold_more_than_there_is(store: Store, url: str) -> None:
    caps = {f"bud_{number}@0": 1000 for number in range(4)}
    others = [await Store.open(url) for _ in range(3)]
    drawn = random.Random(5)

    async def spend(holder: str, at: Store) -> int:
        spent = 0
        for call in range(12):
            accounts = tuple(drawn.sample(sorted(caps), 2))
            want = Want(tuple(Need(account, caps[account], 60) for account in accounts))
            answers = await at.escrow.ask(holder, (), [want], (), START_S)
            if answers.short == (None,):
                spent += 1
                entry = replace(ENTRY, id=f"{holder}_{call}", cost_picodollars=50, reserved_picodollars=60)
                await at.write_entries([replace(entry, reserved=accounts, charged=accounts)], holder)
                await at.escrow.give_back(holder, [Back(account, 10) for account in accounts], {})
        return spent

    for holder in range(6):
        await store.escrow.introduce(f"h{holder}", START_S)
    spent = await asyncio.gather(*(spend(f"h{holder}", others[holder % 3]) for holder in range(6)))
    standing = await store.escrow.standing(list(caps), START_S)
    assert sum(each.settled for each in standing.values()) == sum(spent) * 100
    assert all(each.settled <= caps[account] and each.granted == 0 for account, each in standing.items())
    assert max(each.settled for each in standing.values()) > 900
    for other in others:
        await other.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    postgres: PostgresServer, empty_postgres_url: str
) -> None:
    with postgres.connect(name(empty_postgres_url), USER) as other:
        other.execute("CREATE VIEW usage_hours AS SELECT 1 AS one")
        with pytest.raises(StoreError, match=r"refused.*usage_hours"):
            await Store.open(empty_postgres_url)
        query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert other.execute(query).fetchall() == [("usage_hours",)]


async def test_a_database_that_keeps_no_unicode_is_refused(postgres: PostgresServer) -> None:
    with postgres.connect() as administrator:
        administrator.execute(f"CREATE DATABASE latin OWNER {USER} ENCODING 'LATIN1' TEMPLATE template0")
        with pytest.raises(StoreError, match=r"encoding LATIN1.*ENCODING 'UTF8'"):
            await Store.open(postgres.url("latin"))
        administrator.execute("DROP DATABASE latin")


@contextlib.contextmanager
def on_small_disk(postgres: PostgresServer, folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a new database on a disk of its own, and that disk."""
    folder.parent.chmod(0o755)
    with mounted(folder, "size=24m") as disk:
        (disk / "space").mkdir()
        os.chown(disk / "space", (postgres.data).stat().st_uid, -1)
        with postgres.connect() as administrator:
            administrator.execute(f"CREATE TABLESPACE small LOCATION '{disk}/space'".encode())
            administrator.execute(f"CREATE DATABASE small OWNER {USER} TABLESPACE small TEMPLATE template0")
            try:
                yield postgres.url("small"), disk
            finally:
                administrator.execute("DROP DATABASE small WITH (FORCE)")
                administrator.execute("DROP TABLESPACE small")


async def test_a_full_disk_is_called_full_and_the_store_goes_on_when_there_is_room_again(
    postgres: PostgresServer,
) -> None:
    with on_small_disk(postgres, postgres.folder / "small") as (url, disk):
        store = await Store.open(url)
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(24 << 20))
        noise = random.Random(1).randbytes(3 << 20).hex()
        with pytest.raises(StoreError, match=r"disk is full.*goes on by itself"):
            await store.set_meta_if_absent("large", noise)
        ballast.unlink()
        assert await store.set_meta_if_absent("large", noise)
        await store.close()


WITHOUT = """
import asyncio, sys
sys.modules["psycopg"] = None  # as where the extra is not installed
from keywright.core.errors import StoreError
from keywright.core.escrow import Back, Need, Want
from keywright.store import Store
async def main():
    await (await Store.open("sqlite://")).close()
    try:
        await Store.open("postgresql://ann@db/keywright")
    except StoreError as error:
        print(error)
asyncio.run(main())
"""


async def test_without_the_driver_sqlite_works_and_postgresql_says_what_to_install() -> None:
    python = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", WITHOUT), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(python.communicate(), 30)
    assert "pip install 'keywright[postgres]'" in out.decode()
    assert python.returncode == 0
