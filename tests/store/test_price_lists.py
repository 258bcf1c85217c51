"""Price lists are kept for ever, the newest counts, and every gateway learns of a change."""

import asyncio

import pytest
from msgspec.structs import replace

from keywright.catalog.dating import order
from keywright.catalog.snapshot import ModelRow, Row, Section, Snapshot, encode
from keywright.core.errors import StoreError
from keywright.store import Store
from keywright.store.price_lists import PriceLists


def snapshot(as_of: str, price: str = "1") -> Snapshot:
    rows = (ModelRow(id="m", prices=(Row(input=price, output="2"),)),)
    return Snapshot(as_of=as_of, source="test", catalogues=(Section(id="v", title="V", models=rows),))


def file(as_of: str, price: str = "1") -> bytes:
    return encode(snapshot(as_of, price))


@pytest.fixture
async def lists(store: Store) -> PriceLists:
    return PriceLists(store.database)


async def test_a_new_store_has_no_list(lists: PriceLists) -> None:
    assert await lists.newest() is None
    assert await lists.all() == ()
    with pytest.raises(StoreError, match="nothing to go back to"):
        await lists.roll_back(1)


async def test_the_release_s_list_is_kept_once_and_counts_until_a_newer_one_comes(lists: PriceLists) -> None:
    assert await lists.adopt(file("2026-01-01"), 1) == snapshot("2026-01-01")
    assert await lists.adopt(file("2026-01-01"), 2) == snapshot("2026-01-01")
    added = await lists.add(file("2026-01-02", "3"), "signed", 3)
    assert added.signature == "signed"
    assert await lists.newest() == snapshot("2026-01-02", "3")
    assert await lists.adopt(file("2026-01-01"), 4) == snapshot("2026-01-02", "3")
    assert [head.as_of for head in await lists.all()] == ["2026-01-01", "2026-01-02"]


async def test_an_older_release_s_list_is_kept_but_does_not_count(lists: PriceLists) -> None:
    await lists.add(file("2026-01-02"), "", 1)
    assert await lists.adopt(file("2026-01-01", "9"), 2) == snapshot("2026-01-02")
    assert await lists.of("2026-01-01") == snapshot("2026-01-01", "9")


async def test_two_lists_of_one_day_have_two_dates(lists: PriceLists) -> None:
    await lists.add(file("2026-01-02", "5"), "", 1)
    for at in (2, 3):
        assert (await lists.adopt(file("2026-01-02", "6"), at)) == snapshot("2026-01-02.2", "6")
    assert [head.as_of for head in await lists.all()] == ["2026-01-02", "2026-01-02.2"]
    with pytest.raises(StoreError, match="another price list of 2026-01-02"):
        await lists.add(file("2026-01-02", "7"), "", 4)


async def test_an_older_list_is_never_put_over_a_newer_one(lists: PriceLists) -> None:
    await lists.add(file("2026-01-02"), "", 1)
    with pytest.raises(StoreError, match="not older than 2026-01-01"):
        await lists.add(file("2026-01-01"), "", 2)
    assert len(await lists.all()) == 1


async def test_a_list_that_was_rolled_back_can_still_be_read_and_can_count_again(lists: PriceLists) -> None:
    for day, price in (("2026-01-01", "1"), ("2026-01-02", "2"), ("2026-01-03", "3")):
        await lists.add(file(day, price), "", 1)
    withdrawn, counts = await lists.roll_back(9)
    assert (withdrawn.as_of, withdrawn.withdrawn_s, counts.as_of) == ("2026-01-03", 9, "2026-01-02")
    assert await lists.newest() == snapshot("2026-01-02", "2")
    assert await lists.of("2026-01-03") == snapshot("2026-01-03", "3")
    await lists.roll_back(10)
    with pytest.raises(StoreError, match="nothing to go back to"):
        await lists.roll_back(11)
    await lists.add(file("2026-01-03", "3"), "", 12)
    assert await lists.newest() == snapshot("2026-01-03", "3")


async def test_the_list_that_counted_on_a_day_is_the_newest_until_then(lists: PriceLists) -> None:
    for day in ("2026-01-01", "2026-01-03", "2026-01-03.2"):
        await lists.add(file(day), "", 1)
    assert await lists.at("2025-12-31") is None
    assert [(found.as_of if (found := await lists.at(day)) else "") for day in ("2026-01-02", "2026-01-03")] == [
        "2026-01-01",
        "2026-01-03",
    ]
    assert await lists.at("2026-02-01") == snapshot("2026-01-03.2")


async def test_gateways_learn_of_every_change(store: Store, lists: PriceLists) -> None:
    versions = [await store.version()]
    await lists.adopt(file("2026-01-01"), 1)
    versions.append(await store.version())
    await lists.add(file("2026-01-02"), "", 1)
    versions.append(await store.version())
    await lists.roll_back(2)
    versions.append(await store.version())
    assert versions == sorted(set(versions))
    await lists.adopt(file("2026-01-01"), 3)
    assert await store.version() == versions[-1], "nothing changed"


async def test_processes_that_start_at_once_keep_one_list(url: str, lists: PriceLists) -> None:
    stores = [await Store.open(url) for _ in range(3)]
    found = await asyncio.gather(*(PriceLists(each.database).adopt(file("2026-01-01"), 1) for each in stores))
    assert set(map(repr, found)) == {repr(snapshot("2026-01-01"))}
    assert len(await lists.all()) == 1
    for each in stores:
        await each.close()


async def test_ten_lists_of_one_day_stay_in_order(lists: PriceLists) -> None:
    dates = ["2026-01-01", *(f"2026-01-01.{number}" for number in range(2, 12))]
    for day in dates:
        await lists.add(encode(replace(snapshot("2026-01-01"), as_of=day)), "", 1)
    assert [head.as_of for head in await lists.all()] == dates
    assert order("2026-01-01.11") > order("2026-01-01.9")
