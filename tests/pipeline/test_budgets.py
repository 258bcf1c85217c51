"""Budgets and limits as a client meets them, on a real gateway."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from keywright.core.budget import Budget, Limit, subject
from keywright.core.escrow import Standing
from keywright.core.identity import Project
from keywright.core.json import JsonObject
from keywright.core.money import from_usd
from keywright.store.budgets import Budgets
from keywright.store.realms import Realms
from tests.gateway import CHAT, Gateway, Start, chat_body


def put(gateway: Gateway, *bounds: Budget | Limit) -> None:
    async def add() -> None:
        realms = Realms(gateway.house.store.database)
        if await realms.one(Project, "search") is None:
            await realms.add(Project("search", int(time.time())))
        for bound in bounds:
            await Budgets(gateway.house.store.database).add(bound)
        await gateway.house.refresh()

    gateway.run(add())


def budget(on: str, usd: str, *, window: str = "total", hard: bool = True, name: str = "bud") -> Budget:
    return Budget(f"{name}_{on}", subject(on), from_usd(usd), window, int(time.time()), hard=hard)


def standing(gateway: Gateway, account: str) -> Standing:
    async def look() -> Standing:
        await gateway.house.ledger.flush()
        found = await gateway.house.store.escrow.standing([account], int(time.time()))
        return found[account]

    return gateway.run(look())


def ask(gateway: Gateway, key: str, model: str = "openai/gpt-4o", tokens: int = 100, **headers: str) -> int:
    return gateway.post(CHAT, chat_body(model, "hello", max_tokens=tokens), key, **headers).status


def test_a_budget_too_small_for_the_worst_case_refuses_with_its_name(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "0.0001"))
    answer = gateway.post(CHAT, chat_body("openai/gpt-4o", "hello", max_tokens=100), key)
    assert answer.status == 402
    assert answer.json["error"]["code"] == "budget_exceeded"
    assert "project:search" in answer.json["error"]["message"]
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.decision) == ("refused", "budget:bud_project:search")
    assert standing(gateway, "bud_project:search@0") == Standing(0, 0)


def test_what_was_spent_is_what_the_answers_said(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1"), budget("organisation", "5", hard=False), budget("model:openai/*", "1"))
    answers = [gateway.post(CHAT, chat_body("openai/gpt-4o", "hello", max_tokens=100), key) for _ in range(5)]
    spent = sum(from_usd(answer.headers["x-keywright-cost-usd"]) for answer in answers)
    assert spent > 0
    for account in ("bud_project:search@0", "bud_organisation@0", "bud_model:openai/*@0"):
        assert standing(gateway, account).settled == spent


def test_a_call_counts_in_a_model_s_budget_only_where_that_model_served(start: Start) -> None:
    gateway = start()
    key = gateway.issue()
    put(gateway, budget("model:anthropic/*", "1"), budget("model:openai/*", "1"))
    answer = gateway.post(CHAT, chat_body("fast", "hello", max_tokens=100), key)
    assert answer.headers["x-keywright-model"].startswith("openai/")
    assert standing(gateway, "bud_model:anthropic/*@0").settled == 0
    assert standing(gateway, "bud_model:openai/*@0").settled == from_usd(answer.headers["x-keywright-cost-usd"])


def test_a_budget_is_used_to_its_end_and_never_beyond(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "0.005"))
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: ask(gateway, key), range(120)))
    assert set(statuses) == {200, 402}, gateway.post(
        CHAT, chat_body("openai/gpt-4o", "hello", max_tokens=100), key
    ).body
    for _ in range(200):
        if ask(gateway, key) == 402:
            break
    assert from_usd("0.001") < standing(gateway, "bud_project:search@0").settled <= from_usd("0.005")
    assert ask(gateway, key) == 402


def test_what_is_not_spent_is_there_for_the_next_call(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "0.006"))  # two worst cases do not fit
    assert [ask(gateway, key, tokens=150) for _ in range(2)] == [200, 200]


def test_idle_leases_return_within_seconds(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1"))
    assert ask(gateway, key) == 200
    deadline = time.monotonic() + 5
    while standing(gateway, "bud_project:search@0").granted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert standing(gateway, "bud_project:search@0").granted == 0


def test_a_soft_budget_refuses_nothing(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "0.000001", hard=False))
    assert ask(gateway, key) == 200
    assert standing(gateway, "bud_project:search@0").settled > 10**6


def test_tags_of_the_request_count_in_budgets(start: Start) -> None:
    gateway = start()
    key = gateway.issue()
    put(gateway, budget("tag:team=search", "0.0001"))
    assert ask(gateway, key) == 200
    assert ask(gateway, key, x_keywright_tags="team=search") == 402


def test_a_tag_that_is_said_twice_counts_once(start: Start) -> None:
    gateway = start()
    key = gateway.issue()
    put(gateway, budget("tag:team=search", "1"), budget("tag:team=other", "1"))
    assert ask(gateway, key, x_keywright_tags="team=search,team=search,team=other") == 200
    once = standing(gateway, "bud_tag:team=search@0").settled
    assert ask(gateway, key, x_keywright_tags="team=search") == 200
    assert standing(gateway, "bud_tag:team=search@0").settled == 2 * once
    assert standing(gateway, "bud_tag:team=other@0").settled == 0


def test_a_model_without_a_price_is_refused_where_a_budget_counts(start: Start) -> None:
    gateway = start(
        '[providers.own]\nkind = "openai-compatible"\napi_key = "env:STANDIN_OPENAI"\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1"))
    answer = gateway.post(CHAT, chat_body("own/anything", "hello"), key)
    assert (answer.status, answer.json["error"]["code"]) == (402, "model_unpriced")
    free = gateway.issue(project="other")
    assert gateway.post(CHAT, chat_body("own/anything", "hello"), free).status == 502


def test_requests_per_minute_are_counted_and_told(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, Limit("lim_1", subject("project:search"), 0, requests_per_min=3))
    _away_from_the_turn_of_the_minute()
    answers = [gateway.post(CHAT, chat_body("openai/gpt-4o", "hello", max_tokens=5), key) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"3"}
    assert 0 < int(answers[3].headers["retry-after"]) <= 60
    assert answers[3].json["error"]["code"] == "rate_limited"


def test_tokens_per_minute_are_corrected_by_what_was_used(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, Limit("lim_1", subject("project:search"), 0, tokens_per_min=1000))
    _away_from_the_turn_of_the_minute()
    first = gateway.post(CHAT, chat_body("openai/gpt-4o", "hello", max_tokens=900), key)
    used = first.json["usage"]["total_tokens"]
    second = gateway.post(CHAT, chat_body("openai/gpt-4o", "hello", max_tokens=10), key)
    assert (first.status, second.status) == (200, 200)
    assert 1000 - 2 * used - 60 <= int(second.headers["x-ratelimit-remaining-tokens"]) <= 1000 - used


@pytest.mark.parametrize("running", [1, 2])
def test_no_more_calls_run_at_a_time_than_allowed(start: Start, running: int) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, Limit("lim_1", subject("project:search"), 0, concurrency=running))
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: ask(gateway, key, tokens=5), range(40)))
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= running
    assert ask(gateway, key, tokens=5) == 200, "all have ended"


def test_counting_tokens_costs_nothing_and_needs_no_budget(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "0.000001"))
    body: JsonObject = {"model": "anthropic/claude-haiku-4-5", "messages": [{"role": "user", "content": "hello"}]}
    assert gateway.post("/v1/messages/count_tokens", body, key).status == 200


def _away_from_the_turn_of_the_minute() -> None:
    left_s = 60 - time.time() % 60
    if left_s < 5:
        asyncio.run(asyncio.sleep(left_s + 0.1))


def test_while_the_store_is_away_calls_go_on_from_what_was_leased_and_then_wait(start: Start) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1"))
    assert [ask(gateway, key) for _ in range(3)] == [200] * 3
    gateway.run(gateway.house.store.close())
    database = gateway.folder / "test.db"
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    statuses = [ask(gateway, key) for _ in range(60)]
    assert statuses[0] == 200, "leased before"
    assert set(statuses) <= {200, 503}
    big = gateway.post(CHAT, chat_body("openai/gpt-4o", "hello", max_tokens=4000, n=20), key)
    assert big.status == 503, "what is left cannot be known"
    assert int(big.headers["retry-after"]) >= 1
    database.rmdir()
    database.with_suffix(".away").rename(database)
    assert ask(gateway, key) == 200
    assert standing(gateway, "bud_project:search@0").settled > 0
