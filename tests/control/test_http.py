"""What holds for every route: who is let in, what a fault looks like, what every answer carries."""

from tests.control.conftest import OPERATORS_KEY, Api

UNREADABLE = (
    (b"{", "application/json", 400, "invalid_json"),
    (b"\xff", "application/json", 400, "invalid_json"),
    (b"[" * 100_000, "application/json", 422, "invalid"),
    (b"[]", "application/json", 422, "invalid"),
    (b"{}", "text/plain", 415, "unsupported_media_type"),
    (b" " * (1 << 20) + b"{}", "application/json", 413, "body_too_large"),
)


FAULTS = (
    ({"nam": "x"}, "nam", "did you mean name?"),
    ({"name": "x", "zzz": 1}, "zzz", "known are"),
    ({"name": 5}, "name", "Expected `str`"),
    ({"title": "x"}, "name", "missing"),
    ({"name": "x", "models": ["a", 1]}, "models[1]", "Expected `str`"),
    ({"name": "x", "allow_unpriced": "yes"}, "allow_unpriced", "Expected `bool`"),
    ({"name": "a/b"}, "name", "which no name has"),
)


async def test_who_proves_no_key_is_told_how_and_learns_nothing_else(quick_api: Api) -> None:
    for key in ("", "nonsense", "sk-kw-a0000000000000000-x"):
        for path in ("/me", "/nothing", "/keys/x"):
            reply = await quick_api.get(path, key)
            assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")
            assert reply.headers["www-authenticate"] == "Bearer"
            assert reply.headers["content-type"] == "application/problem+json"
    assert quick_api.strangers == ["invalid_api_key"] * 9


async def test_a_body_that_does_not_come_is_not_waited_for(quick_api: Api) -> None:
    reply = await quick_api.ask("POST", "/projects", raw=b"", content_type="application/json", more=True)
    assert (reply.status, reply.json["code"]) == (408, "request_timeout")


async def test_a_key_may_come_as_x_api_key_too(quick_api: Api) -> None:
    assert (await quick_api.ask("GET", "/me", key="", x_api_key=OPERATORS_KEY)).status == 200


async def test_a_key_that_only_calls_models_may_not_administer(quick_api: Api) -> None:
    await quick_api.made("/users", {"name": "ann", "role": "owner"})
    for body in (
        {"name": "k"},
        {"name": "k", "kind": "user"},
        {"name": "k", "kind": "user", "owner": "ann", "permission": "read_only"},
        {"name": "k", "kind": "temporary", "owner": "ann"},
    ):
        made = await quick_api.made("/keys", body)
        reply = await quick_api.get("/me", made["key"])
        assert reply.status == (200 if reply.json.get("role") == "owner" else 403), body
    owned = await quick_api.made("/keys", {"name": "k", "kind": "user", "owner": "ann"})
    assert (await quick_api.get("/me", owned["key"])).json["user"] == "ann"


async def test_expiry_revocation_and_addresses_hold_here_as_for_calls(quick_api: Api) -> None:
    made = await quick_api.made("/keys", {"name": "k", "kind": "admin", "cidrs": ["10.0.0.0/8"], "expires": "1h"})
    assert (await quick_api.ask("GET", "/me", key=made["key"], address="10.1.2.3")).status == 200
    outside = await quick_api.ask("GET", "/me", key=made["key"], address="192.0.2.1")
    assert (outside.status, outside.json["code"]) == (403, "address_not_allowed")
    quick_api.now_s += 3600
    expired = await quick_api.ask("GET", "/me", key=made["key"], address="10.1.2.3")
    assert (expired.status, expired.json["code"]) == (401, "key_expired")


async def test_an_admin_key_of_nobody_acts_with_its_own_role_where_its_project_is(quick_api: Api) -> None:
    await quick_api.made("/projects", {"name": "search"})
    whole = await quick_api.made("/keys", {"name": "k", "kind": "admin", "role": "viewer"})
    part = await quick_api.made("/keys", {"name": "k", "kind": "admin", "role": "admin", "project": "search"})
    bare = await quick_api.made("/keys", {"name": "k", "kind": "admin"})
    me = [(await quick_api.get("/me", key["key"])).json for key in (whole, part, bare)]
    assert [each["role"] for each in me] == ["viewer", None, "owner"]
    assert me[1]["projects"] == [{"project": "search", "role": "admin"}]


async def test_a_body_that_cannot_be_read_is_refused(quick_api: Api) -> None:
    for raw, kind, status, code in UNREADABLE:
        reply = await quick_api.ask("POST", "/projects", raw=raw, content_type=kind)
        assert (reply.status, reply.json["code"], reply.json["status"]) == (status, code, status), raw[:80]
    assert (await quick_api.get("/projects")).json["rows"][1:] == []


async def test_a_body_that_is_missing_is_refused(quick_api: Api) -> None:
    assert (await quick_api.ask("POST", "/projects")).status == 422


async def test_a_fault_in_a_body_names_the_member_and_the_nearest_known(quick_api: Api) -> None:
    for body, field, word in FAULTS:
        reply = await quick_api.ask("POST", "/projects", body)
        assert reply.status == 422
        fault = reply.json["fields"][0]
        assert fault["field"] == field
        assert word in fault["detail"]


async def test_a_parameter_that_is_not_known_is_refused_with_the_nearest(quick_api: Api) -> None:
    reply = await quick_api.get("/keys", limt=3)
    assert (reply.status, reply.json["fields"][0]["field"]) == (422, "limt")
    assert "did you mean limit?" in reply.json["detail"]
    reply = await quick_api.get("/keys", limit="many")
    assert (reply.status, reply.json["fields"][0]["field"]) == (422, "limit")


async def test_a_path_or_method_that_is_not_there_is_a_problem_too(quick_api: Api) -> None:
    missing = await quick_api.get("/nothing")
    assert (missing.status, missing.json["code"], missing.json["title"]) == (404, "not_found", "Not Found")
    wrong = await quick_api.ask("DELETE", "/projects")
    assert (wrong.status, wrong.json["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]


async def test_every_answer_is_named_and_kept_by_nobody(quick_api: Api) -> None:
    replies = [
        await quick_api.get("/me"),
        await quick_api.get("/nothing"),
        await quick_api.get("/me", ""),
        await quick_api.ask("GET", "/openapi.json", key=""),
    ]
    assert all(reply.headers["cache-control"] == "no-store" for reply in replies)
    names = [reply.headers["x-keywright-request-id"] for reply in replies]
    assert len(set(names)) == 4
    assert replies[1].json["request_id"] == names[1]


async def test_a_name_with_a_slash_is_one_name(quick_api: Api) -> None:
    reply = await quick_api.get("/models/openai%2Fgpt-4o")
    assert reply.json["name"] == "openai/gpt-4o"
    assert (await quick_api.get("/models/openai%2fgpt-4")).json["name"] == "openai/gpt-4"
    assert (await quick_api.get("/models/openai/gpt-4o")).status == 404
    missing = await quick_api.get("/models/openai%2Fgpt-4oo")
    assert "openai/gpt-4o" in missing.json["detail"]


async def test_a_change_of_what_has_changed_since_is_refused(quick_api: Api) -> None:
    await quick_api.made("/projects", {"name": "search"})
    first = (await quick_api.get("/projects/search")).etag
    assert (await quick_api.ask("PATCH", "/projects/search", {"title": "a"}, if_match=first)).status == 200
    stale = await quick_api.ask("PATCH", "/projects/search", {"title": "b"}, if_match=first)
    assert (stale.status, stale.json["code"]) == (412, "stale")
    assert (await quick_api.ask("PATCH", "/projects/search", {"title": "b"}, if_match="*")).status == 200
    assert (await quick_api.ask("PATCH", "/projects/search", {"title": "c"}, if_match='"what"')).status == 412
    assert (await quick_api.get("/projects/search")).json["title"] == "b"


async def test_the_gateway_of_this_process_is_told_of_every_change_before_the_answer(quick_api: Api) -> None:
    before = quick_api.changes
    made = await quick_api.made("/keys", {"name": "k"})
    assert made["id"] in quick_api.snapshot.keys
    await quick_api.get("/keys")
    await quick_api.ask("POST", "/keys", {"name": ""})
    assert quick_api.changes == before + 1


async def test_a_store_that_cannot_serve_is_503(quick_api: Api) -> None:
    await quick_api.store.close()  # what is in memory is gone with it
    reply = await quick_api.get("/organisation")
    assert (reply.status, reply.json["code"]) == (503, "store_unavailable")
