"""A recorded call is rated anew where its cost follows from its usage, and by the model that it was charged as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.price import FREE, Price, cost
from keywright.catalog.quote import own_price
from keywright.catalog.rerating import Correction, Prices, rerated
from keywright.catalog.rowid import constant_price, listed_price, parse
from keywright.catalog.snapshot import Match, ModelRow, Row, Section, Snapshot, Variant
from keywright.core.entry import Entry
from keywright.core.usage import Usage

DAY_S = 86_400


def listed(as_of: str, *rows: ModelRow) -> Snapshot:
    return Snapshot(as_of=as_of, source="t", catalogues=(Section(id="v", title="V", models=rows),))


OLD = listed(
    "2026-01-01",
    ModelRow(id="m", prices=(Row(input="1", output="2"),), variants=(Variant(tier="flex", input="0.5"),)),
    ModelRow(id="gone", prices=(Row(input="1", output="2"),)),
)
NEW = listed(
    "2026-02-01",
    ModelRow(
        id="m",
        match=Match(starts_with=("gone", "m")),
        prices=(Row(input="3", output="2"), Row(input="5", output="2", starts="2026-01-20")),
        variants=(Variant(tier="flex", input="1.5"),),
    ),
)
JANUARY_10_US = 1_768_003_200 * 10**6
JANUARY_25_US = JANUARY_10_US + 15 * DAY_S * 10**6
OWN = own_price("edge/m", {"input": "7", "output": "7"})
LIST = Prices(listed=Catalogue(NEW), own={"edge/m": OWN}, fees={"edge": 500}, catalogues={"edge": "v"})
OWNS = Prices(listed=None, own=LIST.own, fees=LIST.fees, catalogues={})
USAGE = Usage(input=100, output=10, cache_read=5)


def known(id_: str) -> Price | None:
    row = parse(id_)
    return constant_price(id_) or (listed_price(OLD, row) if row and row.as_of == OLD.as_of else None)


def entry(price: str = "v/m@2026-01-01", fee_bp: int = 0, usage: Usage = USAGE, at_us: int = JANUARY_10_US) -> Entry:
    old = known(price)
    return Entry(
        id="req_1",
        started_us=at_us,
        key_id="k",
        project="p",
        dialect="d",
        endpoint="chat",
        model="m",
        outcome="ok",
        status=200,
        served="edge/m",
        provider="edge",
        usage=usage,
        price=price,
        cost_picodollars=0 if old is None else int(cost(usage, old, fee_bp)),
    )


def test_a_call_gets_the_price_that_the_list_has_for_its_day() -> None:
    assert rerated(entry(), LIST, known) == Correction("v/m@2026-02-01", (105 * 3 + 10 * 2) * 10**6)
    later = rerated(entry(at_us=JANUARY_25_US), LIST, known)
    assert later == Correction("v/m@2026-02-01#1", (105 * 5 + 10 * 2) * 10**6)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.sampled_from([0, 500]))
def test_the_fee_that_was_charged_is_charged_again(tokens_in: int, tokens_out: int, fee_bp: int) -> None:
    usage = Usage(input=tokens_in, output=tokens_out)
    found = rerated(entry(fee_bp=fee_bp, usage=usage), LIST, known)
    assert isinstance(found, Correction)
    row = parse(found.price)
    assert row is not None
    new = listed_price(NEW, row)
    assert new is not None
    assert found.picodollars == cost(usage, new, fee_bp)


def test_a_service_tier_stays_what_it_was() -> None:
    assert rerated(entry("v/m@2026-01-01+flex"), LIST, known) == Correction(
        "v/m@2026-02-01+flex", (1_500_000 * 105 + 2_000_000 * 10)
    )
    stood_in = rerated(entry("v/m@2026-01-01+fast?"), LIST, known)
    assert isinstance(stood_in, Correction)
    assert stood_in.price == "v/m@2026-02-01+fast?"


def test_own_prices_count_where_they_are_asked_for() -> None:
    assert rerated(entry(), OWNS, known) == Correction(OWN.id, int(cost(USAGE, OWN, 0)))
    assert rerated(replace(entry(), served="edge/other"), OWNS, known) == "not listed"
    assert rerated(entry(OWN.id), LIST, known) == "own price"
    assert rerated(entry(FREE.id), LIST, known) == "own price"


def test_a_call_without_a_price_gets_one_by_its_name_with_the_fee() -> None:
    found = rerated(entry(""), LIST, known)
    assert found == Correction("v/m@2026-02-01", -(-(105 * 3 + 10 * 2) * 10**6 * 10_500 // 10_000))
    assert rerated(replace(entry(""), cost_picodollars=5), LIST, known) == "not by usage"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (replace(entry(), cost_picodollars=1), "not by usage"),
        (entry(usage=Usage()), "no usage"),
        (replace(entry(), served=""), "no usage"),
        (entry("v/m@2025-01-01"), "price not kept"),
        (entry("v/gone@2026-01-01"), "not listed"),
        (replace(entry(), price="v/m@2026-01-01&v/gone@2026-01-01"), "price not kept"),
    ],
)
def test_everything_else_stays_and_says_why(changed: Entry, why: str) -> None:
    assert rerated(changed, LIST, known) == why


def test_a_cost_that_comes_out_the_same_is_left_with_its_price() -> None:
    same = Prices(listed=Catalogue(replace(OLD, as_of="2026-02-01")), own={}, fees={}, catalogues={})
    assert rerated(entry(), same, known) == "same"
