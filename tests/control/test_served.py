"""The gateway serves its own administration: over its socket, beside the calls, and knows at once what was changed."""

import msgspec

from tests.client import Answer, ask
from tests.gateway import Gateway

KEYS, PROJECTS = "/api/v1/keys", "/api/v1/projects"


def _patch(gateway: Gateway, path: str, body: dict[str, object]) -> Answer:
    headers = {"authorization": f"Bearer {gateway.admin_key}", "content-type": "application/json"}
    return ask(gateway.url, "PATCH", path, msgspec.json.encode(body), headers)


def test_a_key_that_was_made_works_at_once_and_one_that_was_revoked_does_not(gateway: Gateway) -> None:
    made = gateway.post(KEYS, {"name": "fresh"}).json
    assert gateway.chat(key=made["key"]).status == 200
    assert gateway.post(f"{KEYS}/{made['id']}/revoke", b"").json["state"] == "revoked"
    assert gateway.chat(key=made["key"]).status == 401


def test_a_key_that_was_narrowed_is_narrow_at_once(gateway: Gateway) -> None:
    made = gateway.post(KEYS, {"name": "wide"}).json
    assert _patch(gateway, f"{KEYS}/{made['id']}", {"models": ["anthropic/*"]}).status == 200
    assert gateway.chat(key=made["key"]).status == 403


def test_both_secrets_of_a_rotated_key_call_until_its_grace_ends(gateway: Gateway) -> None:
    made = gateway.post(KEYS, {"name": "rotated"}).json
    rotated = gateway.post(f"{KEYS}/{made['id']}/rotate", {"grace": "1h"}).json
    assert [gateway.chat(key=key).status for key in (made["key"], rotated["key"])] == [200, 200]
    again = gateway.post(f"{KEYS}/{made['id']}/rotate", {}).json
    answers = [gateway.chat(key=key).status for key in (made["key"], rotated["key"], again["key"])]
    assert answers == [401, 401, 200]


def test_a_call_is_shown_with_all_that_the_ledger_knows_of_it(gateway: Gateway) -> None:
    made = gateway.post(KEYS, {"name": "watched", "tags": {"team": "blue"}}).json
    answer = gateway.chat(key=made["key"])
    entry = gateway.entry(answer.headers["x-keywright-request-id"])
    shown = gateway.get(f"/api/v1/requests/{entry.id}", gateway.admin_key).json
    assert (shown["key"], shown["outcome"], shown["status"]) == (made["id"], "ok", 200)
    assert shown["cost_usd"] == answer.headers["x-keywright-cost-usd"]
    assert shown["attempts"][0]["result"] == "ok"
    assert shown["price"] == entry.price
    listed = gateway.get(f"/api/v1/requests?key={made['id']}", gateway.admin_key).json
    assert [row["id"] for row in listed["rows"]] == [entry.id]
    used = gateway.get(f"/api/v1/usage?by=key,model&key={made['id']}", gateway.admin_key).json["rows"]
    assert [(row["key"], row["calls"], row["cost_usd"]) for row in used] == [(made["id"], 1, shown["cost_usd"])]


def test_models_prices_and_providers_are_shown_without_a_secret(gateway: Gateway) -> None:
    providers = gateway.get("/api/v1/providers", gateway.admin_key)
    assert {row["name"] for row in providers.json["rows"]} >= {"openai", "anthropic"}
    key = gateway.house.blueprint.environment["STANDIN_OPENAI"].encode()
    assert key not in providers.body
    models = gateway.get("/api/v1/models?limit=1000", gateway.admin_key).json["rows"]
    assert {"openai/gpt-4o", "anthropic/claude-haiku-4-5"} <= {row["name"] for row in models}
    assert gateway.get("/api/v1/models/openai%2Fgpt-4o", gateway.admin_key).json["name"] == "openai/gpt-4o"
    price = gateway.get("/api/v1/prices?model=openai/gpt-4o", gateway.admin_key).json["rows"][0]
    assert price["rates"][0]["input"] == "2.50"


def test_the_paths_of_ollama_beside_it_stay_ollamas(gateway: Gateway) -> None:
    assert gateway.get("/api/version", gateway.admin_key).json["version"]
    assert gateway.get("/api/v1/me").status == 401
