"""`/openapi.json` is OpenAPI 3.1, always the same, and tells the truth: every route's answers are as it says."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from keywright.core.entry import Attempt, Entry
from keywright.core.usage import Usage
from tests.control.conftest import START_S, Api

METHODS = {"get", "put", "post", "delete", "patch"}


async def description(api: Api) -> Any:
    return (await api.ask("GET", "/openapi.json", key="")).json


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


async def test_it_is_the_same_whenever_it_is_asked_for(quick_api: Api) -> None:
    first = await quick_api.ask("GET", "/openapi.json", key="")
    from keywright.control.app import build

    assert build.__wrapped__().description == first.body
    assert first.status == 200


async def test_it_is_sound(quick_api: Api) -> None:
    document = await description(quick_api)
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert set(document) <= {"openapi", "info", "servers", "paths", "components", "security"}
    assert document["info"].keys() >= {"title", "version"}
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))
    for (_, path), operation in operations(document).items():
        declared = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
        assert sorted(declared) == sorted(re.findall(r"{(\w+)}", path))
        assert operation["description"]
        assert "default" in operation["responses"]
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert re.fullmatch(r"\w+", name)
    for reference in set(
        re.findall(r'"#/components/schemas/(\w+)"', (await quick_api.ask("GET", "/openapi.json")).body.decode())
    ):
        assert reference in document["components"]["schemas"]


async def test_no_secret_is_in_any_schema_but_where_a_key_is_told(quick_api: Api) -> None:
    schemas = (await description(quick_api))["components"]["schemas"]
    assert [name for name, schema in schemas.items() if "sha256" in str(schema)] == []
    assert [name for name, schema in schemas.items() if name.endswith("KeyRow") and "key" in schema["properties"]] == [
        "IssuedKeyRow"
    ]


class Witness:
    """Asks, and compares each answer with what the description says of it."""

    def __init__(self, api: Api, document: Any) -> None:
        self.api = api
        self.document = document
        self.seen: set[tuple[str, str]] = set()

    async def ask(
        self, method: str, template: str, body: Any = None, query: Mapping[str, str] | None = None, **names: str
    ) -> Any:
        key = (method, f"/api/v1{template}")
        operation = operations(self.document)[key]
        reply = await self.api.ask(method, template.format(**names), body, query=query or {})
        status = str(reply.status)
        answer = operation["responses"].get(status)
        assert answer is not None, (key, reply.status, reply.body)
        if reply.body:
            schema = answer["content"]["application/json"]["schema"]
            assert reply.headers["content-type"] == "application/json"
            validate(reply.json, schema, self.document)
        else:
            assert status == "204"
        self.seen.add(key)
        return reply.json if reply.body else None

    async def refused(self, method: str, path: str, body: Any = None) -> None:
        reply = await self.api.ask(method, path, body)
        assert reply.status >= 400
        assert reply.headers["content-type"] == "application/problem+json"
        validate(reply.json, {"$ref": "#/components/schemas/Problem"}, self.document)


def validate(instance: Any, schema: Mapping[str, Any], document: Any) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(instance)


async def test_every_routes_answer_is_as_it_says(whole_api: Api) -> None:
    witness = Witness(whole_api, await description(whole_api))
    await _ask_for_the_realm(witness)
    await _ask_for_keys(witness)
    await _ask_for_bounds(witness)
    await _ask_for_calls(witness)
    await _ask_for_secrets(witness)
    await _ask_for_credentials(witness)
    for method, path, body in (
        ("GET", "/nothing", None),
        ("DELETE", "/keys", None),
        ("POST", "/keys", {"nam": 1}),
        ("GET", "/keys/none", None),
    ):
        await witness.refused(method, path, body)
    assert witness.seen == set(operations(witness.document))


async def _ask_for_the_realm(witness: Witness) -> None:
    ask = witness.ask
    await ask("GET", "/me")
    await ask("GET", "/organisation")
    await ask("PATCH", "/organisation", {"name": "acme"})
    await ask("POST", "/projects", {"name": "search", "cidrs": ["10.0.0.0/8"], "tags": {"a": "b"}})
    await ask("GET", "/projects")
    await ask("GET", "/projects/{name}", name="search")
    await ask("PATCH", "/projects/{name}", {"title": "Search"}, name="search")
    await ask("POST", "/projects/{name}/archive", name="search")
    await ask("POST", "/projects/{name}/restore", name="search")
    await ask("POST", "/users", {"name": "ann", "role": "member"})
    await ask("PUT", "/projects/{name}/members/{user}", {"role": "admin"}, name="search", user="ann")
    await ask("GET", "/projects/{name}/members", name="search")
    await ask("GET", "/projects/{name}/members/{user}", name="search", user="ann")
    await ask("GET", "/users")
    await ask("GET", "/users/{name}", name="ann")
    await ask("PATCH", "/users/{name}", {"role": None}, name="ann")
    await ask("DELETE", "/projects/{name}/members/{user}", name="search", user="ann")
    await ask("POST", "/service-accounts", {"name": "ci", "project": "search"})
    await ask("GET", "/service-accounts")
    await ask("GET", "/service-accounts/{name}", name="ci")
    await ask("PATCH", "/service-accounts/{name}", {"title": "CI"}, name="ci")
    for noun, name in (("users", "ann"), ("service-accounts", "ci")):
        await ask("POST", f"/{noun}/{{name}}/disable", name=name)
        await ask("POST", f"/{noun}/{{name}}/enable", name=name)


async def _ask_for_keys(witness: Witness) -> None:
    ask = witness.ask
    made = await ask("POST", "/keys", {"name": "k", "owner": "ci", "project": "search", "expires": "1d"})
    await ask("POST", "/keys", {"name": "k", "kind": "user", "owner": "ann"})
    await ask("GET", "/keys")
    await ask("GET", "/keys/{key_id}", key_id=made["id"])
    await ask("PATCH", "/keys/{key_id}", {"concurrency": 3}, key_id=made["id"])
    await ask("POST", "/keys/{key_id}/rotate", {"grace": "1h"}, key_id=made["id"])
    await ask("GET", "/keys/{key_id}", key_id=made["id"])
    await ask("POST", "/keys", {"name": "child", "parent": made["id"]})
    await ask("GET", "/keys/{key_id}/children", key_id=made["id"])
    await ask("POST", "/keys/{key_id}/revoke", key_id=made["id"])


async def _ask_for_bounds(witness: Witness) -> None:
    ask = witness.ask
    for window in ("total", "24h"):
        await ask("POST", "/budgets", {"on": "organisation", "amount_usd": "1", "window": window})
    budget = await ask("POST", "/budgets", {"on": "tag:a=b", "amount_usd": "0.000001", "window": "week"})
    await ask("GET", "/budgets")
    await ask("GET", "/budgets/{budget_id}", budget_id=budget["id"])
    await ask("PATCH", "/budgets/{budget_id}", {"hard": False}, budget_id=budget["id"])
    await ask("GET", "/budgets/{budget_id}/burn-down", budget_id=budget["id"])
    await ask("DELETE", "/budgets/{budget_id}", budget_id=budget["id"])
    limit = await ask("POST", "/limits", {"on": "model:openai/*", "tokens_per_min": 5})
    await ask("GET", "/limits")
    await ask("GET", "/limits/{limit_id}", limit_id=limit["id"])
    await ask("PATCH", "/limits/{limit_id}", {"concurrency": 2}, limit_id=limit["id"])
    await ask("DELETE", "/limits/{limit_id}", limit_id=limit["id"])


async def _ask_for_calls(witness: Witness) -> None:
    ask = witness.ask
    entry = Entry(
        "req_x",
        START_S * 10**6 - 5,
        "k",
        "search",
        "openai_chat",
        "chat",
        "fast",
        "ok",
        200,
        served="openai/gpt-4o",
        provider="openai",
        attempts=(Attempt("openai", "gpt-4o", "sha256:1", "ok", 200, 5),),
        usage=Usage(input=3, output=4),
        usage_source="provider",
        cost_picodollars=7,
        tags=(("a", "b"),),
        losses=("x",),
    )
    await witness.api.store.write_entries((entry, replace(entry, id="req_y", outcome="refused", attempts=())))
    await ask("GET", "/requests")
    await ask("GET", "/requests/{request_id}", request_id="req_x")
    await ask("GET", "/requests/{request_id}/explanation", request_id="req_x")
    made = await ask("POST", "/keys", {"name": "asked"})
    await ask("POST", "/policy/test", {"key": made["id"], "model": "openai/gpt-4o"})
    await ask("GET", "/usage")
    await ask("GET", "/reports/growth")
    assert (await ask("GET", "/reports/credentials/{fingerprint}", fingerprint="sha256:1"))["credential"]
    for path in ("/prices", "/models", "/providers"):
        assert (await ask("GET", path))["rows"]
    await ask("GET", "/models/{name}", name="openai%2Fgpt-4o")
    await ask("GET", "/providers/{name}", name="openai")


async def _ask_for_secrets(witness: Witness) -> None:
    ask = witness.ask
    await ask("PUT", "/secrets", {"reference": "sealed:mine", "value": "sk-new"})
    await ask("GET", "/secrets/fingerprint", query={"reference": "sealed:mine"})
    assert (await ask("GET", "/secrets/names", query={"store": "sealed"}))["rows"]
    assert (await ask("GET", "/secrets/stores"))["rows"]
    assert (await ask("POST", "/secrets/check", {}))["rows"]


async def _ask_for_credentials(witness: Witness) -> None:
    ask = witness.ask
    assert len((await ask("GET", "/credentials"))["rows"]) == 3
    for word in ("disable", "enable", "verify"):
        await ask("POST", f"/credentials/{{name}}/{word}", name="edge%2F2")
    await ask("GET", "/credentials/{name}", name="edge")
    assert (await ask("GET", "/credentials/{name}/plan", name="edge"))["obstacles"] == []
    made = await ask("POST", "/rotations", {"credential": "edge", "reason": "it is old"})
    assert witness.api.custody is not None
    await witness.api.custody.rotating.tend()
    await ask("PUT", "/rotations/{rotation_id}/key", {"key": "sk-new"}, rotation_id=made["id"])
    await ask("POST", "/rotations/{rotation_id}/insist", rotation_id=made["id"])
    await ask("POST", "/rotations/{rotation_id}/roll-back", rotation_id=made["id"])
    assert (await ask("GET", "/rotations/{rotation_id}", rotation_id=made["id"]))["past"]
    assert (await ask("GET", "/rotations"))["rows"]


@pytest.mark.parametrize(("accept", "query"), [("text/csv", {}), ("*/*", {"format": "csv"})])
async def test_usage_comes_as_csv_where_that_is_asked_for(quick_api: Api, accept: str, query: dict[str, str]) -> None:
    entry = Entry("r", START_S * 10**6, "k", "default", "openai_chat", "chat", "=cmd()", "ok", 200, served="=cmd()")
    await quick_api.store.write_entries((entry,))
    reply = await quick_api.ask("GET", "/usage", accept=accept, query={"by": "key,model", **query})
    assert reply.headers["content-type"].startswith("text/csv")
    head, row = reply.body.decode().splitlines()
    assert head.startswith("key,model,calls,ok")
    assert row.startswith("k,'=cmd(),1,1")
    told = await quick_api.ask("GET", "/usage", accept="text/csv", query={"format": "json"})
    assert told.headers["content-type"] == "application/json"
