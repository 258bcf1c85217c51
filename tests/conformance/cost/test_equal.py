"""The ledger's cost is that of the provider's own numbers, to the picodollar, for every recorded exchange."""

from collections import Counter
from collections.abc import Callable
from functools import cache

from keywright.core.dialect import Tapped
from tests.conformance.bar.recordings import Exchange, exchanges, files
from tests.conformance.cost import pricelist
from tests.conformance.cost.bills import Bill, bill_of
from tests.conformance.cost.ledger import settled, translated, verbatim, worst_of
from tests.conformance.cost.unbilled import BACKGROUND, reason_of

ALL = 2772
BILLED = 2578
"""Exchanges whose providers state numbers."""
ADVISED = frozenset({"anthropic-messages-d62152bffc"})
"""A stream in which another model was asked."""


@cache
def billed() -> tuple[tuple[Exchange, Bill], ...]:
    """Every exchange whose provider states numbers, with its bill."""
    good = [exchange for file in files() for exchange in exchanges(file) if exchange.status < 300]
    return tuple((exchange, bill) for exchange in good if (bill := bill_of(exchange)) is not None)


def expected(bill: Bill, price: str) -> str:
    """What the bill comes to."""
    first, *others = price.split("&")
    total = pricelist.cost(first, bill.units, bill.prompt)
    for named, (_, units) in zip(others, bill.beside, strict=True):
        total += pricelist.cost(named, units, sum(units.values()) - units["output"])
    return f"{total.normalize():f}"


def as_written_anew(exchange: Exchange) -> Tapped | None:
    """As it is where an answer is translated. Nobody but Anthropic's own clients can ask for an advisor, and what they
    get passes through.
    """
    return verbatim(exchange) if exchange.id in ADVISED else translated(exchange)


def failures_of(read: Callable[[Exchange], Tapped | None]) -> str:
    """What is wrong with the entries of all exchanges, as `read` learns of their answers: a line for each."""
    failures = []
    for exchange, bill in billed():
        tapped = read(exchange)
        fault = "read by nothing" if tapped is None else _fault(exchange, bill, tapped)
        failures += [f"{exchange.id}: {fault}"] if fault else []
    return "\n".join(failures)


def _fault(exchange: Exchange, bill: Bill, tapped: Tapped) -> str:
    """Why the entry is not what the bill says; "" when it is."""
    entry = settled(exchange, tapped)
    if entry.source != "provider":
        return f"the provider's numbers were not taken, but {entry.source}"
    wanted = expected(bill, entry.charge.price)
    if str(entry.charge.picodollars) != wanted:
        return f"{entry.charge.picodollars} by {entry.charge.price}, not {wanted}: {bill} {entry.usage}"
    if (bill.tier != "") != ("+" in entry.charge.price):
        return f"the tier {bill.tier!r} is not in {entry.charge.price}"
    return ""


def test_it_is_so_where_an_answer_passes_through() -> None:
    assert not (failures := failures_of(verbatim)), failures


def test_it_is_so_where_an_answer_is_written_anew() -> None:
    assert not (failures := failures_of(as_written_anew)), failures


def test_every_exchange_has_a_bill_or_a_reason_why_not() -> None:
    have = {exchange for exchange, _ in billed()}
    rest = [exchange for file in files() for exchange in exchanges(file) if exchange not in have]
    unknown = [exchange.id for exchange in rest if not reason_of(exchange)]
    assert not unknown
    assert (len(have), len(have) + len(rest)) == (BILLED, ALL)


def test_an_answer_without_numbers_is_never_taken_for_one_with_them() -> None:
    have = {exchange for exchange, _ in billed()}
    rest = [exchange for file in files() for exchange in exchanges(file) if exchange not in have]
    read = [(exchange, tapped) for exchange in rest if (tapped := verbatim(exchange)) is not None]
    assert len(read) > 50
    wrong = [
        exchange.id
        for exchange, tapped in read
        if exchange.status < 300 and settled(exchange, tapped).charge.picodollars and tapped.usage is not None
    ]
    assert not wrong


def test_what_a_provider_goes_on_with_after_it_answered_costs_its_worst_case() -> None:
    found = [each for file in files() for each in exchanges(file) if each.id in BACKGROUND]
    assert len(found) == len(BACKGROUND)
    for exchange in found:
        tapped = verbatim(exchange)
        assert tapped is not None
        entry = settled(exchange, tapped)
        assert (entry.source, entry.charge.picodollars) == ("worst_case", worst_of(exchange))


def test_a_tier_is_charged_at_its_own_price_or_the_entry_says_that_nobody_knows_it() -> None:
    tiers = Counter[tuple[str, bool]]()
    for exchange, bill in billed():
        tapped = verbatim(exchange)
        if bill.tier and tapped is not None:
            tiers[bill.tier, settled(exchange, tapped).charge.price.endswith("?")] += 1
    assert tiers == {("priority", False): 5, ("flex", False): 1, ("flex", True): 2}


def test_what_other_models_did_within_a_call_is_charged_at_their_prices() -> None:
    advised = [(exchange, bill) for exchange, bill in billed() if bill.beside]
    assert len(advised) == 4
    for exchange, bill in advised:
        tapped = verbatim(exchange)
        assert tapped is not None
        names = settled(exchange, tapped).charge.price.split("&")
        assert [name.partition("@")[0] for name in names[1:]] == [f"anthropic/{model}" for model, _ in bill.beside]


def test_no_call_is_settled_above_what_was_reserved_for_it() -> None:
    over, ratios = [], dict[str, list[float]]()
    for exchange, _ in billed():
        worst, tapped = worst_of(exchange), verbatim(exchange)
        if worst is None or tapped is None:
            continue
        cost = settled(exchange, tapped).charge.picodollars
        over += [f"{exchange.id}: {cost} of {worst}"] if cost > worst else []
        if cost:
            ratios.setdefault(exchange.dialect.NAME if exchange.chat else exchange.endpoint, []).append(worst / cost)
    for name, found in sorted(ratios.items()):
        found.sort()
        print(f"{name:22} {len(found):5} calls: reserved {found[0]:.1f} to {found[-1]:.0f} times, median", end=" ")
        print(f"{found[len(found) // 2]:.0f}")
    assert not over, "\n".join(over)
    assert sum(map(len, ratios.values())) > 2000
