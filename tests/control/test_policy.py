"""Policy is asked over the API: what would happen to a call, and why something did."""

import msgspec
import pytest

from keywright.core.budget import Limit, Subject
from keywright.core.entry import Entry
from keywright.core.identity import Project
from keywright.store.declarations import Declarations, Declared
from keywright.store.store import Store
from tests.control.conftest import OPERATORS_KEY, START_S, Api
from tests.gateway import Gateway
from tests.store.samples import ENTRY


async def question(api: Api, **fields: object) -> dict[str, object]:
    made = await api.made("/keys", {"name": "x", "permission": "restricted", "endpoints": ["chat"], "models": ["a/*"]})
    return {"key": made["id"], "model": "a/b", **fields}


async def test_a_call_is_tried_without_being_made(api: Api) -> None:
    reply = await api.ask("POST", "/policy/test", await question(api, model="b/c"))
    assert reply.status == 200
    assert (reply.json["allowed"], reply.json["status"], reply.json["rule"]) == (False, 403, "key:models")
    unknown = await api.ask("POST", "/policy/test", await question(api))
    assert (unknown.json["status"], unknown.json["code"]) == (404, "model_not_found")
    other = await api.ask("POST", "/policy/test", await question(api, endpoint="files"))
    assert (other.json["status"], other.json["rule"]) == (403, "key:endpoints")


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"endpoint": "chats"}, 422), ({"at": "noon"}, 422), ({"key": "nobody"}, 404), ({"modle": "x"}, 422)],
)
async def test_what_cannot_be_tried_is_a_problem(api: Api, fields: dict[str, object], status: int) -> None:
    reply = await api.ask("POST", "/policy/test", {**await question(api), **fields})
    assert reply.status == status
    assert [fault["field"] for fault in reply.json["fields"]] == list(fields)


async def test_only_who_may_see_a_key_may_try_it(api: Api) -> None:
    body = await question(api)
    await api.made("/projects", {"name": "other"})
    stranger = await api.user("ann", other="admin")
    assert (await api.ask("POST", "/policy/test", body, stranger)).status == 404
    assert (await api.ask("POST", "/policy/test", body, await api.user("bob", default="viewer"))).status == 200
    own = (await api.made("/keys", {"name": "y", "kind": "user", "owner": "bob", "models": ["a/*"]}))["id"]
    bobs = await api.made("/keys", {"name": "z", "kind": "user", "owner": "bob"})
    assert (await api.ask("POST", "/policy/test", {"key": own, "model": "a/b"}, bobs["key"])).status == 200


async def test_a_call_is_explained_to_who_may_see_it(api: Api, store: Store) -> None:
    entry = msgspec.structs.replace(ENTRY, started_us=START_S * 10**6, project="default")
    await store.write_entries([entry])
    path = f"/requests/{entry.id}/explanation"
    reply = await api.ask("GET", path, key=OPERATORS_KEY)
    assert (reply.status, reply.json["id"]) == (200, entry.id)
    assert reply.json["verdict"]["rule"] == entry.decision
    await api.made("/projects", {"name": "other"})
    assert (await api.ask("GET", path, key=await api.user("ann", other="owner"))).status == 404
    assert (await api.ask("GET", "/requests/nothing/explanation")).status == 404


async def test_what_the_configuration_declares_is_shown_so_and_changed_by_nobody(api: Api, store: Store) -> None:
    limit = Limit("declared-1", Subject("organisation"), START_S, concurrency=5, declared=True)
    await Declarations(store.database).replace(Declared((Project("s", START_S, declared=True),), (), (limit,)))
    for path, body in (("/projects/s", {"title": "x"}), ("/limits/declared-1", {"concurrency": 6})):
        assert (await api.get(path)).json["declared"]
        reply = await api.ask("PATCH", path, body)
        assert (reply.status, reply.json["code"]) == (409, "conflict")
        assert "declared in the gateway's configuration" in reply.json["detail"]
    assert (await api.ask("DELETE", "/limits/declared-1")).status == 409
    assert (await api.ask("POST", "/projects/s/archive")).status == 409


def test_a_served_call_is_explained_with_a_cost_that_adds_up(gateway: Gateway) -> None:
    entry: Entry = gateway.entry(gateway.chat().request_id)
    found = gateway.get(f"/api/v1/requests/{entry.id}/explanation", gateway.admin_key).json
    assert found["served"] == "openai/gpt-4o"
    assert found["charge"]["price"] == entry.price
    assert found["charge"]["note"] == ""
    assert {line["unit"] for line in found["charge"]["lines"]} >= {"input", "output"}
