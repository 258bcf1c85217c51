"""Every route by every role, on the organisation, on the project that it is about, and on another: as docs/api.md says.

The table of the documentation is read here, so what it promises is what is tested.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from keywright.control.permissions import RULES, Operation
from keywright.core.entry import Entry
from keywright.core.identity import Role
from tests.control.conftest import START_S, Api
from tests.control.custody import EDGE

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api.md"
LETTERS: dict[str, Role] = {"O": "owner", "A": "admin", "M": "member", "V": "viewer", "U": "auditor"}
ROLES: tuple[Role, ...] = get_args(Role)
Place = Literal["organisation", "project", "foreign"]
PLACES: tuple[Place, ...] = get_args(Place)


@dataclass(frozen=True)
class Row:
    """A row of the table: who may."""

    method: str
    path: str
    organisation: frozenset[str]
    project: frozenset[str]
    own: frozenset[str]


def rows() -> Iterator[Row]:
    """The routes of the table, one for each path and method."""
    for line in DOCS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 6 or "/api/v1/" not in cells[0]:
            continue
        roles = [_roles(cell) for cell in cells[3:]]
        for method, path in _routes(cells[0]):
            yield Row(method, path, roles[0], roles[1], roles[2])


def _routes(cell: str) -> Iterator[tuple[str, str]]:
    """`GET /api/v1/x`, `POST /api/v1/x/NAME/archive`, `/restore`: all that a cell names."""
    method, last = "", ""
    for text in re.findall(r"`([^`]+)`", cell):
        if text.startswith(("?", "project=", "on=")):
            continue
        if text.startswith("/"):
            last = last.rpartition("/")[0] + text
        else:
            method, _, path = text.partition(" ")
            last = path.removeprefix("/api/v1").partition("?")[0]
        yield method, last


def _roles(cell: str) -> frozenset[str]:
    if cell in ("everybody", "yes"):
        return frozenset(ROLES)
    return frozenset(LETTERS[letter] for letter in cell.split())


TABLE = tuple(rows())
BODIES = {
    ("POST", "/rotations"): {"credential": EDGE},
    ("POST", "/secrets/check"): {"references": ["dotenv:OPENAI_KEY"]},
    ("PATCH", "/organisation"): {"name": "house"},
}
"""Those that need not be other ones each time."""


class World:
    """Two projects, and a user with a key for every role on the organisation, and on `mine`."""

    def __init__(self, api: Api) -> None:
        self.api = api
        assert api.custody is not None
        self.custody = api.custody
        self.keys: dict[tuple[Place, str], str] = {}
        self.count = 0

    async def build(self) -> None:
        for project in ("mine", "foreign"):
            await self.api.made("/projects", {"name": project})
        for role in ROLES:
            self.keys["organisation", role] = await self.api.user(f"all-{role}", role)
            mine = await self.api.user(f"mine-{role}", None, mine=role)
            self.keys["project", role] = self.keys["foreign", role] = mine

    async def ask(self, row: Row, place: Place, role: Role) -> int:
        """The status of that route's answer when it is about something new in the project of `place`."""
        project = "foreign" if place == "foreign" else "mine"
        path = await self.path(row, project)
        body = self.body(row, project)
        if row.path == "/policy/test":
            body = {"key": await self.key(project), "model": "openai/gpt-4o"}
        reply = await self.api.ask(row.method, path, body, self.keys[place, role], query=QUERIES.get(row.path, {}))
        if reply.status < 300:
            await self.undo(path, project)
        assert reply.status not in (401, 409, 412, 422, 500), reply.body
        return reply.status

    async def path(self, row: Row, project: str) -> str:
        head, *rest = row.path.strip("/").split("/")
        if not rest:
            return row.path
        names = {"NAME": head, "ID": head, "USER": "users"}
        made = [await self.target(names[step], project) if step in names else step for step in rest]
        return "/" + "/".join((head, *made))

    async def target(self, noun: str, project: str) -> str:
        self.count += 1
        name = f"{noun[0]}{self.count}"
        match noun:
            case "projects":
                return project
            case "models":
                return "openai%2Fgpt-4o"
            case "providers":
                return "openai"
            case "credentials":
                return EDGE
            case "rotations":
                return await self.custody.waiting()
            case "users":
                await self.api.user(name, None, **{project: "viewer"})
                return name
            case "service-accounts":
                return str((await self.api.made("/service-accounts", {"name": name, "project": project}))["name"])
            case "keys":
                return await self.key(project)
            case "budgets":
                on = f"key:{await self.key(project)}"
                return str((await self.api.made("/budgets", {"on": on, "amount_usd": "1"}))["id"])
            case "limits":
                on = f"key:{await self.key(project)}"
                return str((await self.api.made("/limits", {"on": on, "concurrency": 1}))["id"])
            case _:
                return await self.call(project)

    async def key(self, project: str) -> str:
        return str((await self.api.made("/keys", {"name": "k", "project": project}))["id"])

    async def call(self, project: str, key_id: str = "nobodys") -> str:
        self.count += 1
        name = f"req_{self.count}"
        entry = Entry(name, START_S * 10**6, key_id, project, "openai_chat", "chat", "m", "ok", 200)
        await self.api.store.write_entries((entry,))
        return name

    def body(self, row: Row, project: str) -> Any:
        self.count += 1
        name = f"new{self.count}"
        if (row.method, row.path) in BODIES:
            return BODIES[row.method, row.path]
        match row.method, row.path:
            case "POST", "/projects" | "/users":
                return {"name": name}
            case "POST", "/service-accounts" | "/keys":
                return {"name": name, "project": project}
            case "POST", "/budgets":
                return {"on": f"service-account:{project}-account", "amount_usd": "1"}
            case "POST", "/limits":
                return {"on": f"service-account:{project}-account", "concurrency": 1}
            case "PUT", "/rotations/ID/key":
                return {"key": f"sk-of-the-edge-{name}"}
            case "PUT", "/secrets":
                return {"reference": "dotenv:OPENAI_KEY", "value": f"sk-{name}"}
            case "PUT", _:
                return {"role": "viewer"}
            case "PATCH", _:
                return {}
            case "POST", path if path.endswith("/rotate"):
                return {"grace": "1h"}
            case _:
                return None

    async def undo(self, path: str, project: str) -> None:
        if path.endswith("/archive"):
            await self.api.ask("POST", f"/projects/{project}/restore")
        if path == "/rotations":
            await self.custody.settle()


@pytest.fixture
async def world(whole_api: Api) -> World:
    world = World(whole_api)
    await world.build()
    for project in ("mine", "foreign"):
        await whole_api.made("/service-accounts", {"name": f"{project}-account", "project": project})
    return world


@pytest.mark.timeout(120)
async def test_every_route_does_for_every_role_what_the_documentation_says(world: World) -> None:
    wrong = []
    for row in TABLE:
        for place in PLACES:
            for role in ROLES:
                if _is_list(row):
                    continue
                status = await world.ask(row, place, role)
                if (status < 300) != (role in _allowed(row, place)):
                    wrong.append(f"{row.method} {row.path} by {role} on {place}: {status}")
    assert wrong == []


async def test_a_list_shows_everybody_what_they_may_see_and_nothing_else(world: World) -> None:
    made = {project: await world.key(project) for project in ("mine", "foreign")}
    for project, key_id in made.items():
        await world.api.made("/budgets", {"on": f"key:{key_id}", "amount_usd": "1"})
        await world.api.made("/limits", {"on": f"key:{key_id}", "concurrency": 1})
        await world.call(project)
    for path, mark in SEEN_BY.items():
        row = next(row for row in TABLE if row.path == path and row.method == "GET")
        for place, role in ((place, role) for place in PLACES[:2] for role in ROLES):
            reply = await world.api.get(path, world.keys[place, role], limit=1000)
            seen = {project for project in made if any(mark(each, project, made) for each in reply.json["rows"])}
            expected = {"mine", "foreign"} if role in row.organisation else set()
            if place == "project":
                expected = {"mine"} if role in row.project else set()
            assert seen == expected, (path, place, role)


async def test_usage_adds_up_only_what_somebody_may_see(world: World) -> None:
    for project in ("mine", "mine", "foreign"):
        await world.call(project)
    for place, role, calls in (("organisation", "viewer", 3), ("project", "viewer", 2), ("project", "member", 0)):
        table = (await world.api.get("/usage", world.keys[place, role], by="")).json  # type: ignore[index]
        assert sum(row["calls"] for row in table["rows"]) == calls


async def test_what_is_their_own_is_theirs_by_every_role_that_the_documentation_names(world: World) -> None:
    for role in ROLES:
        user, key_id = f"mine-{role}", ""
        for row in TABLE:
            if row.path.startswith("/keys/ID") and row.own:
                body = {"name": "own", "kind": "user", "owner": user, "project": "mine"}
                key_id = (await world.api.made("/keys", body))["id"]
                path = row.path.replace("ID", key_id)
                status = (
                    await world.api.ask(row.method, path, world.body(row, "mine"), world.keys["project", role])
                ).status
                assert (status < 300) == (role in row.own | row.project), (row, role)
        call = await world.call("foreign", key_id)
        assert (await world.api.get(f"/requests/{call}", world.keys["project", role])).status == 200
        assert (await world.api.get(f"/users/{user}", world.keys["project", role])).status == 200


async def test_members_make_keys_for_themselves_only(world: World) -> None:
    key = world.keys["project", "member"]
    own = {"name": "k", "kind": "user", "project": "mine"}
    assert (await world.api.ask("POST", "/keys", own, key)).json["owner"] == "mine-member"
    assert (await world.api.ask("POST", "/keys", {**own, "owner": "mine-admin"}, key)).status == 403
    assert (await world.api.ask("POST", "/keys", {**own, "kind": "service"}, key)).status == 403
    assert (await world.api.ask("POST", "/keys", {**own, "kind": "admin", "owner": "mine-member"}, key)).status == 403
    assert (await world.api.ask("POST", "/keys", {**own, "project": "foreign"}, key)).status == 403


async def test_what_binds_a_project_is_not_changed_by_its_own_people(world: World) -> None:
    budget = await world.api.made("/budgets", {"on": "project:mine", "amount_usd": "1"})
    for role in ("owner", "admin"):
        key = world.keys["project", role]
        assert (await world.api.get(f"/budgets/{budget['id']}", key)).status == 200
        assert (await world.api.ask("PATCH", f"/budgets/{budget['id']}", {"amount_usd": "9"}, key)).status == 403
        assert (await world.api.ask("DELETE", f"/budgets/{budget['id']}", None, key)).status == 403
        body = {"on": "project:mine", "amount_usd": "1"}
        assert (await world.api.ask("POST", "/budgets", body, key)).status == 403


async def test_the_documentation_has_every_route_and_no_other(world: World) -> None:
    described = (await world.api.ask("GET", "/openapi.json", key="")).json["paths"]
    routes = {
        (method.upper(), re.sub(r"{\w+}", "*", path.removeprefix("/api/v1")))
        for path, item in described.items()
        for method in item
        if method in ("get", "put", "post", "delete", "patch")
    }
    assert {(row.method, re.sub(r"\b(NAME|ID|USER)\b", "*", row.path)) for row in TABLE} == routes


def test_the_table_in_the_code_has_a_rule_for_every_operation() -> None:
    assert set(RULES) == set(get_args(Operation))


QUERIES = {"/secrets/names": {"store": "sealed"}, "/secrets/fingerprint": {"reference": "dotenv:OPENAI_KEY"}}
"""What these have to be asked about."""

SEEN_BY: dict[str, Callable[[Any, str, dict[str, str]], bool]] = {
    "/projects": lambda row, project, _: row["name"] == project,
    "/service-accounts": lambda row, project, _: row["project"] == project,
    "/keys": lambda row, project, made: row["id"] == made[project],
    "/budgets": lambda row, project, made: row["on"] == f"key:{made[project]}",
    "/limits": lambda row, project, made: row["on"] == f"key:{made[project]}",
    "/requests": lambda row, project, _: row["project"] == project,
}


def _allowed(row: Row, place: Place) -> frozenset[str]:
    if place == "organisation":
        return row.organisation
    if _is_for_everybody(row):
        return frozenset(ROLES)
    return row.project if place == "project" else frozenset()


def _is_for_everybody(row: Row) -> bool:
    return (row.path in ("/me", "/organisation") and row.method == "GET") or row.path.startswith(("/prices", "/models"))


def _is_list(row: Row) -> bool:
    """Whether it is a list, which anybody gets: with what they may see in it."""
    return row.method == "GET" and (row.path.count("/") == 1 and row.path not in ("/me", "/organisation"))
