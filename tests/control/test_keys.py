"""Keys: what a new one is, what a child may be, what happens to it when its parent changes, and how it is replaced."""

import asyncio

from keywright.core.entry import Entry
from keywright.identity.keystring import digest, read_id
from tests.control.conftest import START_S, Api

IMPOSSIBLE: tuple[tuple[dict[str, object], str], ...] = (
    ({"name": " "}, "name"),
    ({"name": "k", "permission": "restricted"}, "endpoints"),
    ({"name": "k", "endpoints": ["chat"]}, "endpoints"),
    ({"name": "k", "permission": "restricted", "endpoints": ["chat", "chatt"]}, "endpoints[1]"),
    ({"name": "k", "models": ["a b"]}, "models[0]"),
    ({"name": "k", "cidrs": ["10.0.0.1/8"]}, "cidrs[0]"),
    ({"name": "k", "expires": "soon"}, "expires"),
    ({"name": "k", "expires": "2020-01-01T00:00:00Z"}, "expires"),
    ({"name": "k", "requests_per_min": 0}, "requests_per_min"),
    ({"name": "k", "role": "admin"}, "role"),
    ({"name": "k", "kind": "admin", "permission": "read_only"}, "permission"),
    ({"name": "k", "tags": {"a=b": "c"}}, "tags"),
)


async def test_a_key_says_all_that_is_known_of_it_and_its_secret_only_once(api: Api) -> None:
    made = await api.made(
        "/keys", {"name": "ci", "models": ["openai/*"], "cidrs": ["10.0.0.0/8"], "expires": "30d", "tags": {"a": "b"}}
    )
    assert read_id(made["key"]) == made["id"]
    shown = (await api.get(f"/keys/{made['id']}")).json
    assert "key" not in shown
    told = {name: shown[name] for name in ("kind", "name", "project", "permission", "models", "cidrs", "state", "tags")}
    assert told == {
        "kind": "service",
        "name": "ci",
        "project": "default",
        "permission": "all",
        "models": ["openai/*"],
        "cidrs": ["10.0.0.0/8"],
        "state": "active",
        "tags": {"a": "b"},
    }
    assert (shown["created"], shown["expires"]) == ("2026-09-21T14:13:20Z", "2026-10-21T14:13:20Z")
    kept = api.snapshot.keys[made["id"]]
    assert kept.sha256 == digest(made["key"])


async def test_what_a_key_cannot_be_is_refused_by_the_fields_name(quick_api: Api) -> None:
    for body, field in IMPOSSIBLE:
        reply = await quick_api.ask("POST", "/keys", body)
        assert (reply.status, reply.json["fields"][0]["field"]) == (422, field), body


async def test_a_key_needs_a_project_and_an_owner_that_are_there_and_not_put_away(api: Api) -> None:
    await api.made("/projects", {"name": "search"})
    await api.made("/service-accounts", {"name": "ci", "project": "search"})
    await api.made("/users", {"name": "ann"})
    key = {"name": "k", "project": "search"}
    assert (await api.ask("POST", "/keys", {"name": "k", "project": "none"})).status == 404
    assert (await api.ask("POST", "/keys", {**key, "owner": "nobody"})).status == 404
    assert (await api.ask("POST", "/keys", {"name": "k", "owner": "ci"})).status == 409
    assert (await api.made("/keys", {**key, "owner": "ci"}))["owner_kind"] == "service_account"
    assert (await api.made("/keys", {**key, "kind": "temporary", "owner": "service-account:ci"}))["owner"] == "ci"
    await api.made("/service-accounts/ci/disable", None)
    assert (await api.ask("POST", "/keys", {**key, "owner": "ci"})).status == 409
    await api.made("/users/ann/disable", None)
    assert (await api.ask("POST", "/keys", {**key, "kind": "user", "owner": "ann"})).status == 409
    await api.made("/projects/search/archive", None)
    assert (await api.ask("POST", "/keys", key)).status == 409


async def test_a_child_is_as_its_parent_where_it_says_nothing_and_never_exceeds_it(api: Api) -> None:
    parent = await api.made("/keys", {"name": "p", "models": ["openai/*"], "requests_per_min": 60, "expires": "30d"})
    child = await api.made("/keys", {"name": "c", "parent": parent["id"], "models": ["openai/gpt-5*"]})
    assert (child["requests_per_min"], child["expires"]) == (60, parent["expires"])
    wishes: list[dict[str, object]] = [{"models": []}, {"models": ["*"]}, {"requests_per_min": None}, {"expires": None}]
    for more in wishes:
        reply = await api.ask("POST", "/keys", {"name": "c", "parent": parent["id"], **more})
        assert (reply.status, reply.json["fields"][0]["field"]) == (409, next(iter(more)))
        reply = await api.ask("PATCH", f"/keys/{child['id']}", more)
        assert (reply.status, reply.json["fields"][0]["field"]) == (409, next(iter(more)))
    listed = (await api.get(f"/keys/{parent['id']}/children")).json["rows"]
    assert [row["id"] for row in listed] == [child["id"]]


async def test_what_narrows_a_parent_narrows_all_that_is_derived_from_it(api: Api) -> None:
    parent = await api.made("/keys", {"name": "p"})
    child = await api.made("/keys", {"name": "c", "parent": parent["id"], "models": ["openai/*", "anthropic/*"]})
    grandchild = await api.made("/keys", {"name": "g", "parent": child["id"]})
    await api.ask("PATCH", f"/keys/{parent['id']}", {"models": ["openai/gpt-5"], "concurrency": 2, "expires": "1d"})
    for each in (child, grandchild):
        now = (await api.get(f"/keys/{each['id']}")).json
        assert (now["models"], now["concurrency"], now["version"]) == (["openai/gpt-5"], 2, 2)
        assert now["expires"] == (await api.get(f"/keys/{parent['id']}")).json["expires"]


async def test_a_parent_is_not_narrowed_so_far_that_nothing_is_left_of_a_child(api: Api) -> None:
    parent = await api.made("/keys", {"name": "p"})
    child = await api.made("/keys", {"name": "c", "parent": parent["id"], "models": ["anthropic/*"]})
    reply = await api.ask("PATCH", f"/keys/{parent['id']}", {"models": ["openai/*"]})
    assert reply.status == 409
    assert child["id"] in reply.json["detail"]
    await api.made(f"/keys/{child['id']}/revoke", None)
    assert (await api.ask("PATCH", f"/keys/{parent['id']}", {"models": ["openai/*"]})).status == 200


async def test_what_revokes_a_parent_revokes_all_that_is_derived_from_it_for_ever(api: Api) -> None:
    parent = await api.made("/keys", {"name": "p"})
    child = await api.made("/keys", {"name": "c", "parent": parent["id"]})
    grandchild = await api.made("/keys", {"name": "g", "parent": child["id"]})
    await api.made(f"/keys/{parent['id']}/revoke", None)
    for each in (parent, child, grandchild):
        assert (await api.get(f"/keys/{each['id']}")).json["state"] == "revoked"
        assert (await api.ask("PATCH", f"/keys/{each['id']}", {"name": "again"})).status == 409
        assert (await api.ask("POST", f"/keys/{each['id']}/rotate", {})).status == 409
    assert (await api.ask("POST", "/keys", {"name": "c", "parent": parent["id"]})).status == 409
    assert (await api.made(f"/keys/{parent['id']}/revoke", None))["state"] == "revoked"


async def test_a_rotated_key_has_a_new_secret_and_for_its_grace_the_old_one_too(api: Api) -> None:
    made = await api.made("/keys", {"name": "k", "kind": "admin"})
    rotated = await api.made(f"/keys/{made['id']}/rotate", {"grace": "1h"})
    assert (rotated["id"], rotated["version"]) == (made["id"], 2)
    assert rotated["key"] != made["key"]
    assert rotated["previous_until"] == "2026-09-21T15:13:20Z"
    assert [(await api.get("/me", key)).status for key in (made["key"], rotated["key"])] == [200, 200]
    api.now_s += 3600
    assert [(await api.get("/me", key)).status for key in (made["key"], rotated["key"])] == [401, 200]
    assert (await api.get(f"/keys/{made['id']}")).json["previous_until"] is None
    assert (await api.ask("POST", f"/keys/{made['id']}/rotate", {"grace": "31d"})).status == 422


async def test_of_two_changes_of_the_same_version_one_wins(api: Api) -> None:
    made = await api.made("/keys", {"name": "k"})
    path, etag = f"/keys/{made['id']}", (await api.get(f"/keys/{made['id']}")).etag
    replies = await asyncio.gather(
        *(api.ask("PATCH", path, {"concurrency": number}, if_match=etag) for number in range(1, 6))
    )
    assert sorted(reply.status for reply in replies) == [200, 412, 412, 412, 412]
    winner = next(reply for reply in replies if reply.status == 200)
    assert (await api.get(path)).json == winner.json
    assert (await api.ask("PATCH", path, {"concurrency": 9}, if_match=winner.etag)).status == 200


async def test_keys_are_listed_in_parts_and_by_what_they_are(api: Api) -> None:
    await api.made("/projects", {"name": "search"})
    await api.made("/users", {"name": "ann"})
    made = [(await api.made("/keys", {"name": f"k{number}"}))["id"] for number in range(5)]
    other = (await api.made("/keys", {"name": "other", "project": "search", "kind": "user", "owner": "ann"}))["id"]
    await api.made(f"/keys/{made[0]}/revoke", None)
    seen: list[str] = []
    after = ""
    while True:
        page = (await api.get("/keys", limit=2, after=after)).json
        seen += [row["id"] for row in page["rows"]]
        after = page["next"]
        if after is None:
            break
        assert len(page["rows"]) == 2
    assert sorted(seen) == sorted([*made, other])
    for query in ({"project": "search"}, {"owner": "ann"}, {"owner": "user:ann"}, {"kind": "user"}):
        assert [row["id"] for row in (await api.get("/keys", **query)).json["rows"]] == [other]
    assert [row["id"] for row in (await api.get("/keys", state="revoked")).json["rows"]] == [made[0]]
    assert len((await api.get("/keys", state="active", limit=3)).json["rows"]) == 3
    assert (await api.get("/keys", after="nothing")).status == 422
    assert (await api.get("/keys", limit=1001)).status == 422


async def test_the_last_use_of_a_key_is_shown(api: Api) -> None:
    made = await api.made("/keys", {"name": "k"})
    assert (await api.get(f"/keys/{made['id']}")).json["last_used"] is None
    entry = Entry(
        "req_1", START_S * 10**6, made["id"], "default", "openai_chat", "chat", "m", "ok", 200, address="10.0.0.7"
    )
    await api.store.write_entries((entry,))
    shown = (await api.get(f"/keys/{made['id']}")).json
    assert (shown["last_used"], shown["last_address"]) == ("2026-09-21T14:13:20Z", "10.0.0.7")


async def test_what_a_users_key_makes_derives_from_it(api: Api) -> None:
    await api.made("/users", {"name": "ann", "role": "admin"})
    body = {"name": "ann", "kind": "user", "owner": "ann", "models": ["openai/*"], "tags": {"team": "blue"}}
    ann = await api.made("/keys", body)
    other = await api.made("/keys", {"name": "other", "models": ["openai/gpt-5"]})
    child = await api.made("/keys", {"name": "c"}, ann["key"])
    assert (child["parent"], child["models"], child["tags"]) == (ann["id"], ["openai/*"], {"team": "blue"})
    refusals: tuple[tuple[str, str, dict[str, object], int], ...] = (
        ("POST", "/keys", {"name": "k", "models": []}, 409),
        ("POST", "/keys", {"name": "k", "tags": {}}, 409),
        ("POST", "/keys", {"name": "k", "parent": other["id"]}, 403),
        ("POST", "/keys", {"name": "k", "kind": "admin", "role": "viewer"}, 403),
        ("PATCH", f"/keys/{ann['id']}", {"models": []}, 403),
        ("PATCH", f"/keys/{ann['id']}", {"tags": {}}, 403),
        ("PATCH", f"/keys/{other['id']}", {"models": []}, 403),
        ("POST", f"/keys/{other['id']}/rotate", {}, 403),
    )
    for method, path, wish, status in refusals:
        assert (await api.ask(method, path, wish, ann["key"])).status == status, (method, path, wish)
    for path in (f"/keys/{child['id']}", f"/keys/{other['id']}", f"/keys/{ann['id']}"):
        assert (await api.ask("PATCH", path, {"concurrency": 1}, ann["key"])).status == 200
    for key_id in (child["id"], ann["id"]):
        assert (await api.ask("POST", f"/keys/{key_id}/rotate", {"grace": "1h"}, ann["key"])).status == 200
