"""An explanation is the entry in words, and its cost adds up."""

from hypothesis import given
from hypothesis import strategies as st

from keywright.catalog.price import Price, Rates, Tier, cost
from keywright.core.budget import Budget, Subject
from keywright.core.identity import Key
from keywright.core.money import from_usd
from keywright.core.usage import UNITS, Usage
from keywright.inquiry.charge import charge_of
from keywright.inquiry.explanation import Known, explain
from keywright.inquiry.words import meaning
from tests.store.samples import ENTRY, KEY

LEAVES = [name for name in Rates.__struct_fields__ if not name.endswith("dearest")]
amounts = st.integers(0, 10**9)
rates = st.builds(Rates, **dict.fromkeys(LEAVES, amounts))
prices = st.builds(
    lambda base, above, tier: Price("row", base, (Tier(above, tier),)), rates, st.integers(0, 10**6), rates
)
usages = st.builds(Usage, **dict.fromkeys(UNITS, st.integers(0, 10**6)))


@given(usages, prices, st.sampled_from([0, 500]))
def test_the_lines_add_up_to_the_cost(usage: Usage, price: Price, fee_bp: int) -> None:
    total = cost(usage, price, fee_bp)
    charge = charge_of(usage, "provider", price.id, total, price, fee_bp)
    assert sum(from_usd(line.usd) for line in charge.lines) == total == from_usd(charge.total_usd)
    assert charge.note == ""
    for line in charge.lines:
        if line.unit != "fee":
            assert from_usd(line.usd) == line.amount * from_usd(line.each_usd)


def test_a_cost_that_the_row_does_not_explain_says_so() -> None:
    price = Price("row", Rates(**dict.fromkeys(LEAVES, 1)))
    charge = charge_of(Usage(input=1), "provider", "row", 5, price, 0)
    assert [line.unit for line in charge.lines] == ["input", "request", "difference"]
    assert "not that of this price row" in charge.note
    assert "not known here any more" in charge_of(Usage(input=1), "provider", "old@x", 5, None, 0).note
    assert charge_of(Usage(input=1), "counted", "", 0, None, 0).note == "nobody knew a price"
    assert charge_of(Usage(), "none", "", 0, None, 0).note == ""


def test_an_entry_is_explained_with_what_is_known() -> None:
    budget = Budget("bud_1", Subject("project", "shop"), 1, "total", 0)
    found = explain(ENTRY, Known(key=KEY, budgets={"bud_1": budget}))
    assert (found.caller.key, found.caller.key_name, found.caller.project) == (ENTRY.key_id, KEY.name, ENTRY.project)
    assert found.verdict.outcome == ENTRY.outcome
    assert len(found.attempts) == len(ENTRY.attempts)
    assert {one.budget for one in found.budgets} == {name.split("@")[0] for name in (*ENTRY.reserved, *ENTRY.charged)}
    assert found.times.started.startswith("2025-11-24T16:00:00")
    assert explain(ENTRY, Known()).caller.key_name == ""


def test_periods_are_told_as_times() -> None:
    from msgspec.structs import replace

    entry = replace(ENTRY, reserved=("a@1764028800",), charged=("a@1764028800", "b@0", "c@+86400"))
    found = {one.budget: one for one in explain(entry, Known()).budgets}
    assert (found["a"].since, found["a"].reserved, found["a"].charged) == ("2025-11-25T00:00:00Z", True, True)
    assert (found["b"].since, found["c"].since, found["b"].reserved) == (None, None, False)


def test_every_rule_has_a_meaning() -> None:
    assert (
        meaning("project:cidrs", allowed=False)
        == "its project is for certain networks, and the address is in none of them"
    )
    assert meaning("parent:expired", allowed=False) == "a key that it derives from has expired"
    assert meaning("key:models", allowed=True) == "the key is for certain models, and this is one of them"
    assert meaning("budget:abc", allowed=False) == "the budget abc did not cover what the call could cost"
    assert meaning("limit:abc:tokens", allowed=False) == "the limit abc on tokens was reached"
    assert meaning("invalid_json", allowed=False) == "invalid json"


def test_a_key_is_no_part_of_it_that_is_secret() -> None:
    import msgspec

    key = Key("k", "user", "x", b"\x01\x02secret-digest", 0)
    assert b"secret-digest" not in msgspec.json.encode(explain(ENTRY, Known(key=key)))
