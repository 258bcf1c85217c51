"""What would happen to a call, and what counts in that."""

from keywright.core.identity import Key
from keywright.core.money import from_usd
from keywright.inquiry.trial import Trial, attempt
from keywright.policy.decision import Question
from tests.inquiry.views import EXAMPLE, NOW_S, view

TEXT = (
    EXAMPLE
    + """
[projects.search]
models = ["openai/*", "edge/*"]
cidrs = "10.0.0.0/8"
[[budgets]]
on = "project:search"
amount = "5"
window = "day"
[[budgets]]
on = "model:openai/*"
amount = "1"
window = "24h"
soft = true
[[limits]]
on = "organisation"
requests_per_min = 10
concurrency = 2
"""
)
KEY = Key("k", "service", "x", b"1", 0, project="search", models=("fast", "edge/*"), expires_s=NOW_S + 60)


def tried(model: str = "fast", address: str | None = "10.1.1.1", at_s: int = NOW_S) -> Trial:
    return attempt(view(TEXT, KEY), KEY, Question(at_s, "chat", model, address), "chat")


def test_an_allowed_call_is_told_with_its_targets_and_their_worst_case() -> None:
    trial = tried()
    assert (trial.allowed, trial.status, trial.rule) == (True, 200, "key:models")
    assert [(one.name, one.input_usd, one.output_usd, one.left_out) for one in trial.targets] == [
        ("edge/small", "1.00", "2.00", ""),
        ("openai/gpt-4o-mini", "10.00", "20.00", ""),
    ]
    cheap, dear = (from_usd(one.worst_usd or "") for one in trial.targets)
    assert cheap >= from_usd("0.006"), "4,000 bytes are 4,000 tokens at most, and 1,000 come out"
    assert (dear, trial.worst_usd) == (10 * cheap, trial.targets[1].worst_usd)


def test_every_level_is_told_with_its_rules() -> None:
    levels = {one.level: one for one in tried().levels}
    assert levels["key"].models == ("fast", "edge/*")
    assert [(end.why, end.at) for end in levels["key"].ends] == [("expired", "2025-11-24T16:01:00Z")]
    assert (levels["project"].name, levels["project"].cidrs) == ("search", ("10.0.0.0/8",))


def test_budgets_and_limits_that_count_are_told() -> None:
    trial = tried()
    assert [(one.on, one.amount_usd, one.window, one.hard, one.since) for one in trial.budgets] == [
        ("project:search", "5.00", "day", True, "2025-11-24T00:00:00Z"),
        ("model:openai/*", "1.00", "24h", False, None),
    ]
    assert [(one.on, one.kind, one.cap) for one in trial.limits] == [
        ("organisation", "requests", 10),
        ("organisation", "running", 2),
    ]
    assert [one.on for one in tried("edge/small").budgets] == ["project:search"]


def test_a_refused_call_is_told_as_the_client_would_hear_it() -> None:
    trial = tried("openai/gpt-4o-mini")
    assert (trial.allowed, trial.status, trial.code, trial.rule) == (False, 403, "model_not_allowed", "key:models")
    assert [one.left_out for one in trial.targets] == ["the key may not use it"]
    assert tried(address="192.0.2.1").rule == "project:cidrs"
    assert tried(address=None).allowed, "where from was not asked"
    assert (tried(at_s=NOW_S + 60).status, tried(at_s=NOW_S + 60).code) == (401, "key_expired")
    assert (tried("edge/").status, tried("elsewhere/x").status) == (404, 403)


def test_what_has_no_price_is_not_tried_where_a_budget_counts() -> None:
    trial = tried("edge/unheard-of")
    assert (trial.status, trial.code, trial.rule) == (402, "model_unpriced", "budget:unpriced")
    (target,) = trial.targets
    assert (target.price, target.worst_usd, target.left_out) == (None, None, "it has no price")


def test_an_unknown_model_is_told_so() -> None:
    key = Key("k", "service", "x", b"1", 0)
    trial = attempt(view(EXAMPLE, key), key, Question(NOW_S, "chat", "nothing/at-all"), "chat")
    assert (trial.status, trial.code, trial.rule) == (404, "model_not_found", "route:unknown_model")
