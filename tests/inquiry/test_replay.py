"""What another configuration would have done to recorded calls."""

from collections.abc import Iterable

from keywright.core.entry import Attempt, Entry
from keywright.core.identity import Key
from keywright.inquiry.replay import Replay, Report
from tests.inquiry.views import EXAMPLE, NOW_S, call, view

KEY = Key("k", "service", "x", b"1", 0)
COST = 300_000_000
"""A hundred tokens each way at 1 and 2 US dollars per million, in picodollars."""


def replayed(text: str, entries: Iterable[Entry], *keys: Key) -> Report:
    played = Replay(view(text, *(keys or (KEY,))))
    for entry in entries:
        played.add(entry)
    return played.report()


def test_the_same_configuration_changes_nothing() -> None:
    report = replayed(EXAMPLE, [call(n, cost=COST) for n in range(4)])
    assert (report.refused, report.admitted, report.moved) == ((), (), ())
    assert (report.total.calls, report.total.served_after) == (4, 4)
    assert report.total.before_usd == report.total.after_usd == "0.0012"


def test_other_prices_cost_otherwise_to_the_picodollar() -> None:
    text = EXAMPLE.replace('output = "2"', 'output = "2.000001"')
    report = replayed(text, [call(1, cost=COST)])
    assert (report.total.before_usd, report.total.after_usd) == ("0.0003", "0.0003000001")


def test_another_route_moves_calls_and_costs_what_that_costs() -> None:
    text = EXAMPLE.replace('["edge/small", "openai/gpt-4o-mini"]', '["openai/gpt-4o-mini"]')
    report = replayed(text, [call(1, cost=COST), call(2, "edge/small", cost=COST)])
    (moved,) = report.moved
    assert (moved.name, moved.calls, moved.examples) == ("edge/small -> openai/gpt-4o-mini", 1, ("r1",))
    assert (moved.before_usd, moved.after_usd) == ("0.0003", "0.003")
    assert [row.name for row in report.models] == ["edge/small", "fast"]


def test_a_candidate_that_failed_is_taken_to_fail_again() -> None:
    failed = (Attempt("edge", "small", "c", "server", 500),)
    entry = call(1, served="openai/gpt-4o-mini", cost=10 * COST, failed=failed, price="openai/gpt-4o-mini@own;x")
    report = replayed(EXAMPLE, [entry])
    assert report.moved == ()
    assert report.total.after_usd == "0.003"


def test_a_project_s_rules_refuse_by_name() -> None:
    text = EXAMPLE + '[projects.default]\nmodels = ["openai/*"]\ncidrs = ["10.0.0.0/8"]\n'
    entries = [call(1, "edge/small"), call(2, address="192.0.2.1"), call(3), call(4, address="")]
    report = replayed(text, entries)
    assert {row.name: row.examples for row in report.refused} == {"project:models": ("r1",), "project:cidrs": ("r2",)}
    assert [row.name for row in report.moved] == ["edge/small -> openai/gpt-4o-mini"], "what is left of the alias"
    assert report.unplaced == 1


def test_what_was_refused_may_be_admitted() -> None:
    entries = [
        call(1, "edge/small", outcome="refused", code="model_not_allowed", decision="project:models"),
        call(2, "nothing", outcome="refused", code="model_not_found", decision="route:unknown_model"),
        call(3, "", outcome="refused", code="invalid_json", decision="invalid_json"),
    ]
    report = replayed(EXAMPLE, entries)
    assert [(row.name, row.calls) for row in report.admitted] == [("project:models", 1)]
    assert (report.uncosted, report.refused) == (1, ())
    assert report.total.served_after == 1


def test_a_key_is_judged_as_of_the_call() -> None:
    key = Key("k", "service", "x", b"1", 0, revoked_s=NOW_S + 10)
    report = replayed(EXAMPLE, [call(1), call(2, at_s=NOW_S + 11)], key)
    assert {row.name: row.examples for row in report.refused} == {"key:revoked": ("r2",)}


def test_a_key_that_nobody_knows_any_more_restricts_nothing() -> None:
    assert replayed(EXAMPLE, [call(1, key="gone")]).refused == ()


def test_a_budget_refuses_from_where_it_would_have_been_used_up() -> None:
    text = EXAMPLE + '[[budgets]]\non = "project:default"\namount = "0.0007"\nwindow = "day"\n'
    today = [call(n, cost=COST) for n in range(4)]
    tomorrow = [call(n, cost=COST, at_s=NOW_S + 86_400) for n in range(4, 6)]
    report = replayed(text, [*today, *tomorrow])
    (bound,) = report.bounds
    assert (bound.on, bound.bound, bound.calls, bound.usd) == ("project:default", "0.0007 USD, day", 2, "0.0006")
    assert bound.examples == ("r2", "r3")
    assert [row.name for row in report.refused] == [bound.rule]
    assert (report.total.served_after, report.total.after_usd) == (4, "0.0012")


def test_a_soft_budget_refuses_nothing_and_a_rolling_one_forgets() -> None:
    soft = EXAMPLE + '[[budgets]]\non = "organisation"\namount = "0"\nwindow = "total"\nsoft = true\n'
    assert replayed(soft, [call(1, cost=COST)]).refused == ()
    rolling = EXAMPLE + '[[budgets]]\non = "key:k"\namount = "0.0003"\nwindow = "1h"\n'
    entries = [call(n, cost=COST, at_s=NOW_S + 1800 * n) for n in range(4)]
    assert [row.examples for row in replayed(rolling, entries).refused] == [("r1", "r3")]


def test_the_worst_case_that_was_reserved_must_fit() -> None:
    text = EXAMPLE + '[[budgets]]\non = "model:edge/*"\namount = "0.0007"\nwindow = "total"\n'
    report = replayed(text, [call(1, cost=COST, reserved=2 * COST), call(2, cost=COST, reserved=2 * COST)])
    assert [row.examples for row in report.refused] == [("r2",)]


def test_a_model_without_a_price_is_refused_where_a_budget_counts() -> None:
    text = EXAMPLE + '[[budgets]]\non = "organisation"\namount = "1"\nwindow = "total"\n'
    free = call(1, "edge/other", served="edge/other", price="", cost=0)
    assert [row.name for row in replayed(text, [free]).refused] == ["budget:unpriced"]
    report = replayed(EXAMPLE, [free])
    assert (report.refused, report.unpriced) == ((), 1)
    allowing = text + "[projects.default]\nallow_unpriced = true\n"
    assert replayed(allowing, [free]).refused == ()


def test_limits_refuse_by_the_minute_and_by_what_runs() -> None:
    start = NOW_S - NOW_S % 60
    entries = [call(n, at_s=start + n) for n in range(4)] + [call(9, at_s=start + 60)]
    requests = replayed(EXAMPLE + '[[limits]]\non = "organisation"\nrequests_per_min = 3\n', entries)
    assert [row.examples for row in requests.refused] == [("r3",)]
    tokens = replayed(EXAMPLE + '[[limits]]\non = "key:k"\ntokens_per_min = 500\n', entries)
    assert [row.examples for row in tokens.refused] == [("r2", "r3")]
    running = replayed(EXAMPLE + '[[limits]]\non = "model:edge/*"\nconcurrency = 1\n', entries)
    assert [row.examples for row in running.refused] == [("r1", "r3")], "each runs for two seconds"
    assert [(one.on, one.bound, one.calls) for one in running.bounds] == [("model:edge/*", "1 calls at a time", 2)]
    own = replayed(EXAMPLE, entries, Key("k", "service", "x", b"1", 0, requests_per_min=1))
    assert [row.name for row in own.refused] == ["limit:k:requests"]


def test_a_service_tier_of_the_same_row_keeps_its_cost() -> None:
    entry = call(1, cost=777, price="edge/small@own;input=1;output=2+priority:2026-01-01")
    assert replayed(EXAMPLE, [entry]).total.after_usd == "0.000000000777"


def test_calls_that_pass_through_keep_what_they_cost() -> None:
    entry = call(1, "", served="openai/", endpoint="files", cost=5, price="x")
    report = replayed(EXAMPLE, [entry])
    assert (report.moved, report.total.after_usd) == ((), "0.000000000005")
