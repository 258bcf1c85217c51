"""Budgets and limits: what they may be on, how they stand, and how they change."""

from msgspec.structs import replace

from keywright.core.budget import Budget, account_of
from keywright.core.entry import Entry
from keywright.core.escrow import Need, Want
from keywright.store import budgets as store
from tests.control.conftest import START_S, Api

IMPOSSIBLE: tuple[tuple[dict[str, object], str], ...] = (
    ({"on": "nothing", "amount_usd": "1"}, "on"),
    ({"on": "organisation", "amount_usd": "1e400"}, "amount_usd"),
    ({"on": "organisation", "amount_usd": "-1"}, "amount_usd"),
    ({"on": "organisation", "amount_usd": "0.0000000000001"}, "amount_usd"),
    ({"on": "organisation", "amount_usd": "1", "window": "year"}, "window"),
    ({"on": "organisation", "amount_usd": "1", "thresholds": [0]}, "thresholds"),
)


async def test_a_budget_shows_what_is_spent_reserved_and_left_in_its_period(api: Api) -> None:
    made = await api.made("/budgets", {"on": "organisation", "amount_usd": "0.80", "window": "day"})
    assert (made["limit_usd"], made["spent_usd"], made["reserved_usd"], made["available_usd"]) == (
        "0.80",
        "0.00",
        "0.00",
        "0.80",
    )
    assert (made["period_start"], made["period_end"]) == ("2026-09-21T00:00:00Z", "2026-09-22T00:00:00Z")
    budget = await store.Budgets(api.store.database).one(Budget, made["id"])
    assert budget is not None
    account = account_of(budget, START_S)
    cap = budget.picodollars
    await api.store.escrow.introduce("worker", START_S)
    await api.store.escrow.ask("worker", (), (Want((Need(account, cap, 5 * 10**11),)),), (), START_S)
    entry = Entry(
        "req_1",
        START_S * 10**6,
        "k",
        "default",
        "openai_chat",
        "chat",
        "m",
        "ok",
        200,
        cost_picodollars=2 * 10**11,
        reserved_picodollars=2 * 10**11,
        reserved=(account,),
        charged=(account,),
    )
    await api.store.write_entries((entry,), "worker")
    shown = (await api.get(f"/budgets/{made['id']}")).json
    assert (shown["spent_usd"], shown["reserved_usd"], shown["available_usd"]) == ("0.20", "0.30", "0.30")
    api.now_s += 86_400
    assert (await api.get(f"/budgets/{made['id']}")).json["spent_usd"] == "0.00"


async def test_what_a_budget_cannot_be_is_refused_by_the_fields_name(quick_api: Api) -> None:
    for body, field in IMPOSSIBLE:
        reply = await quick_api.ask("POST", "/budgets", body)
        assert (reply.status, reply.json["fields"][0]["field"]) == (422, field), body


async def test_amounts_are_exact_beyond_what_a_json_number_holds(api: Api) -> None:
    amount = "999999999999.123456789012"
    made = await api.made("/budgets", {"on": "organisation", "amount_usd": amount})
    assert (await api.get(f"/budgets/{made['id']}")).json["limit_usd"] == amount


async def test_what_a_budget_or_limit_is_on_has_to_be_there(api: Api) -> None:
    for on in ("project:none", "user:none", "service-account:none", "key:none"):
        assert (await api.ask("POST", "/budgets", {"on": on, "amount_usd": "1"})).status == 404
        assert (await api.ask("POST", "/limits", {"on": on, "concurrency": 1})).status == 404
    for on in ("model:anything/*", "tag:team=blue", "organisation"):
        assert (await api.ask("POST", "/budgets", {"on": on, "amount_usd": "1"})).status == 201


async def test_budgets_are_changed_listed_and_forgotten(api: Api) -> None:
    ids = [(await api.made("/budgets", {"on": f"tag:n={n}", "amount_usd": "1"}))["id"] for n in range(3)]
    changed = await api.ask("PATCH", f"/budgets/{ids[0]}", {"amount_usd": "2", "hard": False, "thresholds": [90, 10]})
    told = changed.json
    assert (told["limit_usd"], told["hard"], told["thresholds"], told["version"]) == ("2.00", False, [10, 90], 2)
    assert (await api.ask("DELETE", f"/budgets/{ids[0]}", if_match='"1"')).status == 412
    assert (await api.ask("DELETE", f"/budgets/{ids[0]}", if_match='"2"')).status == 204
    assert (await api.get(f"/budgets/{ids[0]}")).status == 404
    page = (await api.get("/budgets", limit=1)).json
    rest = (await api.get("/budgets", limit=1, after=page["next"])).json
    assert {page["rows"][0]["id"], rest["rows"][0]["id"]} == set(ids[1:])
    assert rest["next"] is None
    assert [row["on"] for row in (await api.get("/budgets", on="tag:n=2")).json["rows"]] == ["tag:n=2"]
    assert len(api.snapshot.budgets) == 2


async def test_a_limit_limits_something(api: Api) -> None:
    assert (await api.ask("POST", "/limits", {"on": "organisation"})).status == 422
    made = await api.made("/limits", {"on": "organisation", "requests_per_min": 5, "concurrency": 2})
    path = f"/limits/{made['id']}"
    changed = (await api.ask("PATCH", path, {"requests_per_min": None, "tokens_per_min": 9})).json
    assert (changed["requests_per_min"], changed["tokens_per_min"], changed["concurrency"]) == (None, 9, 2)
    assert (await api.ask("PATCH", path, {"tokens_per_min": None, "concurrency": None})).status == 422
    assert (await api.ask("DELETE", path)).status == 204
    assert (await api.get(path)).status == 404


async def test_what_the_configuration_declares_is_changed_there_only(api: Api) -> None:
    made = await api.made("/budgets", {"on": "organisation", "amount_usd": "1"})
    rows = store.Budgets(api.store.database)
    await rows.change(Budget, made["id"], None, lambda budget: replace(budget, declared=True))
    for method, body in (("PATCH", {"amount_usd": "2"}), ("DELETE", None)):
        reply = await api.ask(method, f"/budgets/{made['id']}", body)
        assert reply.status == 409
        assert "configuration" in reply.json["detail"]
    assert (await api.get(f"/budgets/{made['id']}")).json["declared"] is True
