"""`GET /v1/models`: what the key may use, in the caller's shape."""

from tests.client import Answer
from tests.gateway import Gateway, counted


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [row["id"] for row in answer.json["data"]]


def test_aliases_come_first_then_every_model_of_every_provider(gateway: Gateway) -> None:
    listed = names(gateway.get("/v1/models", gateway.admin_key))
    assert listed[:2] == ["fast", "careful"]
    assert {"openai/gpt-4o", "anthropic/claude-haiku-4-5"} <= set(listed)
    assert len(set(listed)) == len(listed)


def test_the_list_has_openai_s_shape(gateway: Gateway) -> None:
    for path in ("/v1/models", "/openai/v1/models"):
        body = gateway.get(path, gateway.admin_key).json
        assert body["object"] == "list"
        assert all(row["object"] == "model" and row["owned_by"] and row["created"] == 0 for row in body["data"])


def test_the_list_has_anthropic_s_shape_where_its_client_asks(gateway: Gateway) -> None:
    for body in (
        gateway.get("/v1/models", "", x_api_key=gateway.admin_key, anthropic_version="2023-06-01").json,
        gateway.get("/anthropic/v1/models?limit=5", gateway.admin_key).json,
    ):
        assert body["has_more"] is False
        assert (body["first_id"], body["last_id"]) == (body["data"][0]["id"], body["data"][-1]["id"])
        assert all(row["type"] == "model" and row["display_name"] for row in body["data"])


def test_a_key_sees_only_what_it_may_use(gateway: Gateway) -> None:
    assert names(gateway.get("/v1/models", gateway.issue(models=("openai/gpt-4o",)))) == ["careful", "openai/gpt-4o"]
    assert names(gateway.get("/v1/models", gateway.issue(models=("fast",)))) == ["fast"]
    empty = gateway.get("/anthropic/v1/models", gateway.issue(models=("none",))).json
    assert empty == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_one_model_is_told_of_by_its_name(gateway: Gateway) -> None:
    key = gateway.issue(models=("openai/*",))
    for path in ("/v1/models/openai/gpt-4o", "/v1/models/openai%2Fgpt-4o", "/v1/models/openai%2fgpt%2D4o"):
        assert gateway.get(path, key).json["id"] == "openai/gpt-4o"
    assert gateway.get("/anthropic/v1/models/fast", gateway.admin_key).json["type"] == "model"
    assert gateway.get("/v1/models/gpt-4o", key).json["id"] == "gpt-4o"


def test_a_model_that_the_key_may_not_use_is_not_there(gateway: Gateway) -> None:
    key = gateway.issue(models=("openai/*",))
    for name in (
        "anthropic/claude-opus-4-5",
        "claude-opus-4-5",
        "nothing",
        "",
        "..",
        "%2e%2e/health/live",
        "%00",
        "x" * 5000,
    ):
        answer = gateway.get(f"/v1/models/{name}", key)
        assert (answer.status, answer.code) == (404, "model_not_found"), name
        assert len(answer.body) < 500


def test_it_is_refused_as_a_call_is_and_counted(gateway: Gateway) -> None:
    before = counted(gateway, "invalid_api_key")
    for path in ("/v1/models", "/v1/models/fast", "/anthropic/v1/models"):
        answer = gateway.get(path, "sk-nobody")
        assert (answer.status, answer.code) == (401, "invalid_api_key")
    assert gateway.get("/anthropic/v1/models", "").json["error"]["type"] == "authentication_error"
    assert counted(gateway, "invalid_api_key") == before + 4
    assert gateway.get(f"/v1/models?key={gateway.admin_key}").status == 200
