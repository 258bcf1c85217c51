"""Projects, members, users, service accounts and the organisation, which is never left without an owner."""

from tests.control.conftest import Api


async def test_names_are_given_once_and_lists_come_in_parts(api: Api) -> None:
    for name in ("delta", "alpha", "charlie", "bravo"):
        await api.made("/projects", {"name": name})
        await api.made("/users", {"name": name})
        await api.made("/service-accounts", {"name": name, "project": "alpha" if name == "alpha" else "default"})
    for noun in ("projects", "users", "service-accounts"):
        again = await api.ask("POST", f"/{noun}", {"name": "alpha"})
        assert (again.status, again.json["fields"][0]["field"]) == (409, "name")
        first = (await api.get(f"/{noun}", limit=2)).json
        rest = (await api.get(f"/{noun}", limit=1000, after=first["next"])).json
        names = [row["name"] for row in (*first["rows"], *rest["rows"])]
        assert names == sorted({"alpha", "bravo", "charlie", "delta", *(["default"] if noun == "projects" else [])})
        assert rest["next"] is None
    some = (await api.get("/service-accounts", project="alpha")).json["rows"]
    assert [row["name"] for row in some] == ["alpha"]


async def test_what_is_changed_is_counted_and_what_is_the_same_is_not(api: Api) -> None:
    await api.made("/projects", {"name": "search", "models": ["openai/*"]})
    changed = await api.ask("PATCH", "/projects/search", {"title": "Search", "cidrs": ["10.0.0.0/8"]})
    assert (changed.json["version"], changed.json["models"], changed.json["title"]) == (2, ["openai/*"], "Search")
    same = await api.ask("PATCH", "/projects/search", {"title": "Search"})
    assert (same.json["version"], same.etag) == (2, '"2"')
    assert str(api.snapshot.realm.projects["search"].cidrs[0]) == "10.0.0.0/8"


async def test_an_archived_project_takes_nobody_in_and_comes_back(api: Api) -> None:
    await api.made("/projects", {"name": "search"})
    key = await api.made("/keys", {"name": "k", "kind": "admin", "role": "admin", "project": "search"})
    assert (await api.made("/projects/search/archive", None))["archived"] == "2026-09-21T14:13:20Z"
    assert (await api.get("/me", key["key"])).status == 401
    assert (await api.ask("POST", "/service-accounts", {"name": "ci", "project": "search"})).status == 409
    assert (await api.made("/projects/search/restore", None))["archived"] is None
    assert (await api.get("/me", key["key"])).status == 200
    assert (await api.ask("POST", "/projects/default/archive")).status == 409


async def test_a_user_who_is_disabled_acts_no_more(api: Api) -> None:
    ann = await api.user("ann", "viewer")
    assert (await api.get("/me", ann)).status == 200
    await api.made("/users/ann/disable", None)
    assert (await api.get("/me", ann)).status in (401, 403)
    await api.made("/users/ann/enable", None)
    assert (await api.get("/me", ann)).status == 200


async def test_a_role_that_is_taken_is_gone_at_once(api: Api) -> None:
    await api.made("/projects", {"name": "search"})
    ann = await api.user("ann", None, search="admin")
    assert (await api.get("/projects/search", ann)).status == 200
    assert (await api.ask("DELETE", "/projects/search/members/ann")).status == 204
    assert (await api.get("/projects/search", ann)).status == 403
    assert (await api.ask("DELETE", "/projects/search/members/ann")).status == 404
    assert (await api.ask("PUT", "/projects/search/members/nobody", {"role": "viewer"})).status == 404


async def test_nobody_gives_takes_or_touches_what_is_above_them(api: Api) -> None:
    await api.made("/projects", {"name": "search"})
    olga = await api.user("olga", "owner")
    adam = await api.user("adam", "admin")
    await api.user("bob", None, search="owner")
    owners_key = next(key.id for key in api.snapshot.keys.values() if key.owner == "olga")
    assert (await api.ask("PATCH", "/users/adam", {"role": "owner"}, adam)).status == 403
    assert (await api.ask("POST", "/users", {"name": "eve", "role": "owner"}, adam)).status == 403
    assert (await api.ask("PATCH", "/users/olga", {"role": None}, adam)).status == 403
    assert (await api.ask("POST", "/users/olga/disable", None, adam)).status == 403
    assert (await api.ask("POST", f"/keys/{owners_key}/revoke", None, adam)).status == 403
    assert (await api.ask("POST", f"/keys/{owners_key}/rotate", {}, adam)).status == 403
    assert (await api.ask("POST", "/keys", {"name": "k", "kind": "user", "owner": "olga"}, adam)).status == 403
    assert (await api.ask("DELETE", "/projects/search/members/bob", None, adam)).status == 403
    assert (await api.ask("PATCH", "/organisation", {"name": "acme"}, adam)).status == 403
    assert (await api.ask("PATCH", "/organisation", {"name": "acme"}, olga)).json["name"] == "acme"
    assert (await api.get("/me", adam)).json["organisation"] == "acme"


async def test_the_last_owner_stays(api: Api) -> None:
    first = await api.made("/keys", {"name": "first", "kind": "admin"})
    revoke = f"/keys/{first['id']}/revoke"
    assert (await api.ask("POST", revoke, None, first["key"])).status == 409
    assert (await api.ask("PATCH", f"/keys/{first['id']}", {"name": "still"}, first["key"])).status == 200
    await api.ask("POST", "/users", {"name": "olga", "role": "owner"}, first["key"])
    assert (await api.ask("POST", revoke, None, first["key"])).status == 409  # she has no key to act with
    made = await api.ask("POST", "/keys", {"name": "o", "kind": "admin", "owner": "olga"}, first["key"])
    olga = made.json["key"]
    assert (await api.ask("POST", revoke, None, first["key"])).status == 200
    for path, body in (("/users/olga", {"role": "admin"}), (f"/keys/{made.json['id']}", {"expires": "1s"})):
        status = (await api.ask("PATCH", path, body, olga)).status
        assert status == (409 if path.startswith("/users") else 200)
    assert (await api.ask("POST", "/users/olga/disable", None, olga)).status == 409
    assert (await api.ask("POST", f"/keys/{made.json['id']}/revoke", None, olga)).status == 409
    assert (await api.ask("POST", f"/keys/{made.json['id']}/revoke")).status == 200  # the operator is always there
