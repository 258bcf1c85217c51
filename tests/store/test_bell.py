"""A bell rings in every process for what one has changed, and for nothing else; also after the database was away."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from keywright.core.errors import StoreError
from keywright.store import Store
from keywright.store.bell import POSTGRES_LOOK_S, SQLITE_LOOK_S, Bell, ring
from keywright.store.keys import count_change
from tests.postgres import PostgresServer
from tests.store.samples import ENTRY

SOON_S = 5.0


@pytest.fixture
async def bell(url: str) -> AsyncIterator[Bell]:
    """The bell of another process than the store's."""
    store = await Store.open(url)
    bell = await Bell.open(store.database)
    yield bell
    await bell.close()
    await store.close()


async def test_a_change_rings_once_in_another_process(store: Store, bell: Bell) -> None:
    await store.database.write(count_change)
    assert await bell.wait(SOON_S) == {"snapshot"}
    assert await bell.wait(POSTGRES_LOOK_S + 0.3) == frozenset()


async def test_what_rings_while_nobody_asks_is_told_afterwards_once(store: Store, bell: Bell) -> None:
    for _ in range(3):
        await store.database.write(count_change)
    await store.database.write(lambda connection: ring(connection, "recall"))
    await asyncio.sleep(POSTGRES_LOOK_S + 0.3)
    assert await bell.wait(SOON_S) == {"snapshot", "recall"}
    assert await bell.wait(0.01) == frozenset()


async def test_what_changed_before_the_bell_was_opened_and_what_is_undone_does_not_ring(store: Store) -> None:
    await store.database.write(count_change)
    bell = await Bell.open(store.database)

    def undone(connection: object) -> None:
        count_change(connection)  # type: ignore[arg-type]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.database.write(undone)
    await store.write_entries([ENTRY])
    assert await bell.wait(POSTGRES_LOOK_S + 0.3) == frozenset()
    await bell.close()


async def test_on_postgresql_a_change_is_heard_before_the_next_look(postgres_url: str) -> None:
    writer, reader = await Store.open(postgres_url), await Store.open(postgres_url)
    bell = await Bell.open(reader.database)
    await asyncio.sleep(POSTGRES_LOOK_S / 2)  # until it listens
    waits_s = []
    for _ in range(8):
        await writer.database.write(count_change)
        began = time.monotonic()
        assert await bell.wait(SOON_S) == {"snapshot"}
        waits_s.append(time.monotonic() - began)
    assert bell.heard == 8
    assert sorted(waits_s)[4] < SQLITE_LOOK_S
    await bell.close()
    for store in (writer, reader):
        await store.close()


async def test_a_server_that_restarts_is_heard_again_and_what_changed_meanwhile_rings(
    postgres: PostgresServer, postgres_url: str
) -> None:
    store = await Store.open(postgres_url)
    bell = await Bell.open(store.database)
    postgres.stop()
    assert await bell.wait(POSTGRES_LOOK_S + 0.2) == frozenset()
    with pytest.raises(StoreError, match=r"cannot be reached.*goes on by itself"):
        await store.database.write(count_change)
    postgres.start()
    with postgres.connect(postgres_url.partition("?")[0].rpartition("/")[2]) as other:  # says nothing of it
        other.execute("UPDATE counters SET value = value + 1 WHERE name = 'recall'")
    assert await bell.wait(SOON_S) == {"recall"}
    heard = bell.heard
    until = time.monotonic() + SOON_S
    while bell.heard == heard and time.monotonic() < until:
        await store.database.write(lambda connection: connection.execute(text("SELECT pg_notify('keywright', 'x 1')")))
        await asyncio.sleep(0.1)
    assert bell.heard > heard
    await bell.close()
    await store.close()
