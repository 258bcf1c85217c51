"""Keys are kept whole, revoked once, and every change of them is noticed elsewhere."""

import asyncio

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from keywright.core.errors import StoreError
from keywright.store import Store
from keywright.store.schema import KEYS
from tests.store.samples import KEY, START_S


async def test_a_key_comes_back_as_it_was_added(store: Store) -> None:
    await store.add_key(KEY)
    assert await store.key(KEY.id) == KEY
    assert await store.key("key_2") is None


@pytest.mark.parametrize("document", ["{}", "no JSON", '{"id": 1}'])
async def test_a_key_that_cannot_be_read_is_named(store: Store, document: str) -> None:
    await store.add_key(KEY)
    await store.database.write(lambda connection: connection.execute(update(KEYS).values(document=document)))
    for read in (store.keys(), store.key(KEY.id)):
        with pytest.raises(StoreError, match=KEY.id):
            await read


async def test_keys_come_back_the_oldest_first(store: Store) -> None:
    young, old = (replace(KEY, id=f"key_{age}", sha256=bytes([age] * 32), created_s=START_S - age) for age in (1, 9))
    await store.add_key(young)
    await store.add_key(old)
    assert await store.keys() == (old, young)


async def test_a_second_key_with_the_same_id_or_secret_is_refused(store: Store) -> None:
    await store.add_key(KEY)
    for twin in (replace(KEY, sha256=bytes(32)), replace(KEY, id="key_2")):
        with pytest.raises(StoreError, match="exists already"):
            await store.add_key(twin)
    assert await store.keys() == (KEY,)


async def test_a_key_stays_revoked_since_the_first_time(store: Store) -> None:
    await store.add_key(KEY)
    revoked = replace(KEY, revoked_s=START_S + 5, version=2)
    assert await store.revoke_key(KEY.id, START_S + 5) == revoked
    assert await store.revoke_key(KEY.id, START_S + 9) == revoked
    assert await store.key(KEY.id) == revoked


async def test_a_key_that_never_was_cannot_be_revoked(store: Store) -> None:
    assert await store.revoke_key("key_9", START_S) is None


async def test_another_process_sees_the_version_grow_with_each_change_and_only_then(url: str, store: Store) -> None:
    other = await Store.open(url)
    seen = [await other.version()]
    await store.add_key(KEY)
    seen.append(await other.version())
    await store.revoke_key(KEY.id, START_S)
    seen.append(await other.version())
    await store.set_meta_if_absent("admin", "digest")
    seen.append(await other.version())
    assert seen == sorted(set(seen))
    await store.revoke_key(KEY.id, START_S)
    await store.revoke_key("key_9", START_S)
    await store.set_meta_if_absent("admin", "other")
    assert await other.version() == seen[-1]
    await other.close()


async def test_of_several_that_set_a_value_at_once_one_is_told_that_it_did(url: str) -> None:
    stores = [await Store.open(url) for _ in range(3)]
    told = await asyncio.gather(*(each.set_meta_if_absent("admin", str(at)) for at, each in enumerate(stores)))
    assert sorted(told) == [False, False, True]
    assert await stores[0].meta("admin") == str(told.index(True))
    assert await stores[0].meta("absent") is None
    for each in stores:
        await each.close()


async def test_of_several_that_start_at_once_one_makes_the_first_key(url: str) -> None:
    stores = [await Store.open(url) for _ in range(3)]
    keys = [replace(KEY, id=f"key_{at}", sha256=bytes([at] * 32)) for at in range(3)]
    made = await asyncio.gather(*(each.add_first_key("admin", key) for each, key in zip(stores, keys, strict=True)))
    assert sorted(made) == [False, False, True]
    first = keys[made.index(True)]
    assert await stores[0].keys() == (first,)
    assert await stores[0].meta("admin") == first.id
    for each in stores:
        await each.close()


async def test_a_first_key_that_cannot_be_kept_leaves_no_trace_of_itself(store: Store) -> None:
    await store.add_key(KEY)
    with pytest.raises(StoreError):
        await store.add_first_key("admin", KEY)
    assert await store.meta("admin") is None


@pytest.mark.parametrize("id_", ["' OR 1=1 --", "key_1\0", "%", '"; DROP TABLE keys; --'])
async def test_an_id_is_never_sql(store: Store, id_: str) -> None:
    await store.add_key(KEY)
    assert await store.key(id_) is None
    assert await store.revoke_key(id_, START_S) is None
    assert await store.keys() == (KEY,)
