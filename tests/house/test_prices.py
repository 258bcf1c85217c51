"""A running gateway charges by the newest price list, and its entries' price ids lead back to that list."""

import time

from msgspec.structs import replace

from keywright.catalog.rowid import listed_price, parse
from keywright.catalog.snapshot import Section, Snapshot, bundled, encode
from keywright.core.entry import Entry
from keywright.store.price_lists import PriceLists
from tests.gateway import Gateway, Start, until

LATER = "2031-05-01"


def dearer(as_of: str = LATER) -> Snapshot:
    """The release's list, of a later day, in which everything of GPT-4o costs 9 USD."""

    def section(each: Section) -> Section:
        rows = tuple(
            replace(row, prices=(replace(row.prices[0], input="9", output="9"),)) if row.id == "gpt-4o" else row
            for row in each.models
        )
        return replace(each, models=rows)

    whole = bundled()
    return replace(whole, as_of=as_of, catalogues=tuple(map(section, whole.catalogues)))


def last(gateway: Gateway) -> Entry:
    answer = gateway.chat()
    assert answer.status == 200
    return gateway.entry(answer.headers["x-keywright-request-id"])


def test_a_new_list_counts_within_two_seconds_until_it_is_withdrawn(start: Start) -> None:
    gateway = start(watch=True)
    lists = PriceLists(gateway.house.store.database)
    day = bundled().as_of
    assert last(gateway).price == f"openai/gpt-4o@{day}"
    gateway.run(lists.add(encode(dearer()), "", 1))
    began = time.monotonic()
    assert until(lambda: last(gateway).price.endswith(LATER))
    assert time.monotonic() - began < 15.0
    entry = last(gateway)
    row = parse(entry.price)
    assert row is not None
    kept = gateway.run(lists.of(row.as_of))
    assert kept is not None
    price = listed_price(kept, row)
    assert price is not None
    assert price.rates.input == 9_000_000
    assert entry.cost_picodollars == (entry.usage.input_total + entry.usage.output_total) * price.rates.input
    gateway.run(lists.roll_back(2))
    assert until(lambda: last(gateway).price == f"openai/gpt-4o@{day}")


def test_a_gateway_keeps_the_list_of_its_release_when_it_starts(start: Start) -> None:
    gateway = start()
    lists = PriceLists(gateway.house.store.database)
    assert [head.as_of for head in gateway.run(lists.all())] == [bundled().as_of]
    assert gateway.run(lists.newest()) == bundled()
