"""Two laws, against whatever order of calls: nobody gains what they had not; no child exceeds its parent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keywright.control.actor import Rights, rights_of_key
from keywright.control.permissions import RANK
from keywright.core.identity import ENDPOINTS, Key, KeyKind, Permission, Realm, Role, User
from keywright.identity.narrowing import exceeding
from keywright.store.realms import Realms, Standing
from keywright.store.store import Store
from tests.control.conftest import Api

ROLES: tuple[Role, ...] = get_args(Role)
USERS = ("mallory", "bob", "olga")
PROJECTS = ("p", "q")
NARROW = {
    "models": ["openai/*"],
    "cidrs": ["127.0.0.0/8"],
    "expires": "7d",
    "requests_per_min": 60,
    "tags": {"team": "a"},
}

maybe = st.none
role = st.sampled_from(ROLES)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "permission": st.sampled_from(get_args(Permission)),
        "models": st.sampled_from(([], ["openai/*"], ["openai/gpt-5"], ["*"])),
        "endpoints": st.sampled_from(([], ["chat"], list(ENDPOINTS[:3]))),
        "cidrs": st.sampled_from(([], ["127.0.0.0/8"], ["127.0.0.1/32"], ["10.0.0.0/8"])),
        "expires": st.sampled_from((None, "1d", "30d")),
        "allow_unpriced": st.booleans(),
        "requests_per_min": st.sampled_from((None, 1, 60, 600)),
        "tokens_per_min": st.sampled_from((None, 1, 60)),
        "concurrency": st.sampled_from((None, 1, 5)),
        "tags": st.sampled_from(({}, {"team": "a"}, {"team": "b", "x": "y"})),
    },
)
new_keys = st.fixed_dictionaries(
    {"name": st.just("k"), "kind": st.sampled_from(get_args(KeyKind))},
    optional={
        "owner": st.sampled_from(USERS),
        "project": st.sampled_from((*PROJECTS, "default")),
        "role": role,
        "parent": st.integers(0, 30),
    },
)
simple_keys = st.fixed_dictionaries(
    {"name": st.just("k"), "kind": st.sampled_from(("user", "admin")), "owner": st.sampled_from(USERS)},
    optional={"project": st.sampled_from(PROJECTS)},
)
steps = st.one_of(
    st.tuples(st.just("key"), new_keys, wishes),
    st.tuples(st.just("key"), simple_keys, st.sampled_from(({}, NARROW))),
    st.tuples(st.just("change"), st.integers(0, 30), wishes),
    st.tuples(st.just("rotate"), st.integers(0, 30), st.just({})),
    st.tuples(st.just("revoke"), st.integers(0, 30), st.just({})),
    st.tuples(st.just("user"), st.sampled_from((*USERS, "eve")), role | maybe()),
    st.tuples(st.just("member"), st.tuples(st.sampled_from(PROJECTS), st.sampled_from(USERS)), role | maybe()),
    st.tuples(st.just("rules"), st.sampled_from(PROJECTS), st.just({"allow_unpriced": True})),
)


class Attack:
    """Somebody with some keys, who tries everything. `ids`: of all keys there are; `held`: secrets they were told."""

    def __init__(self, api: Api, secret: str) -> None:
        self.api = api
        self.ids: list[str] = []
        self.held: dict[str, str] = {}
        self.first = secret

    async def step(self, what: str, where: Any, wish: Any, secret: str) -> None:
        match what:
            case "key":
                body = {**where, **wish}
                if "parent" in body:
                    body["parent"] = self.ids[body["parent"] % len(self.ids)]
                await self.keep(await self.api.ask("POST", "/keys", body, secret))
            case "change":
                await self.api.ask("PATCH", f"/keys/{self.id(where)}", wish, secret)
            case "rotate":
                await self.keep(await self.api.ask("POST", f"/keys/{self.id(where)}/rotate", wish, secret))
            case "revoke":
                await self.api.ask("POST", f"/keys/{self.id(where)}/revoke", None, secret)
            case "user":
                await self.api.ask("POST", "/users", {"name": where, "role": wish}, secret)
                await self.api.ask("PATCH", f"/users/{where}", {"role": wish}, secret)
            case "member":
                path = f"/projects/{where[0]}/members/{where[1]}"
                method = "DELETE" if wish is None else "PUT"
                await self.api.ask(method, path, None if wish is None else {"role": wish}, secret)
            case _:
                await self.api.ask("PATCH", f"/projects/{where}", wish, secret)

    def id(self, number: int) -> str:
        return self.ids[number % len(self.ids)]

    async def keep(self, reply: Any) -> None:
        if reply.status < 300:
            self.held[reply.json["id"]] = reply.json["key"]
            self.ids.append(reply.json["id"])


def rights(user: User, realm: Realm) -> Rights:
    return Rights(
        user.role, {project: each.role for (project, name), each in realm.members.items() if name == user.name}
    )


def lineage(key: Key, keys: Mapping[str, Key]) -> set[str]:
    """The ids of all that `key` is derived from."""
    return set() if key.parent is None else {key.parent, *lineage(keys[key.parent], keys)}


def standing(key: Key, realm: Realm) -> Standing | None:
    user = realm.users.get(key.owner or "") if key.owner_kind == "user" else None
    return None if user is None else Standing(user, dict(rights(user, realm).projects))


def raised(now: Rights, before: Rights, limit: Rights) -> bool:
    """Whether `now` is more than `before` somewhere, and more than `limit` there, too."""
    places = (None, *PROJECTS, "default")
    return any(now.on(place) > max(before.on(place), limit.on(place)) for place in places)


async def with_api(work: Callable[[Api], Awaitable[None]]) -> None:
    store = await Store.open("sqlite://")
    try:
        api = Api(store)
        await api.follow()
        await work(api)
    finally:
        await store.close()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    organisation=st.sampled_from((None, "admin", "admin", "member", "viewer", "auditor")),
    project=role | maybe(),
    narrow=st.booleans(),
    attempts=st.lists(st.tuples(st.integers(0, 5), steps), min_size=8, max_size=24),
)
def test_no_sequence_of_calls_gives_anybody_a_right_that_they_had_not(
    organisation: Role | None, project: Role | None, narrow: bool, attempts: list[Any]
) -> None:
    async def attack(api: Api) -> None:
        for name in PROJECTS:
            await api.made("/projects", {"name": name})
        await api.user("olga", "owner")
        await api.user("bob", None, q="admin")
        await api.user("mallory", organisation, **({"p": project} if project else {}))
        mallorys = {"name": "m", "kind": "user", "owner": "mallory", "project": "p", **(NARROW if narrow else {})}
        first = await api.made("/keys", mallorys)
        attack = Attack(api, first["key"])
        attack.ids = list(api.snapshot.keys)
        attack.held = {first["id"]: first["key"]}
        before = await Realms(api.store.database).realm()
        limit = rights(before.users["mallory"], before)
        bound = api.snapshot.keys[first["id"]]
        for pick, (what, where, wish) in attempts:
            secrets = list(attack.held.values())
            await attack.step(what, where, wish, secrets[pick % len(secrets)])
            await check(api, attack, before, limit, bound)

    async def check(api: Api, attack: Attack, before: Realm, limit: Rights, bound: Key) -> None:
        realm = await Realms(api.store.database).realm()
        for name, user in realm.users.items():
            known = before.users.get(name)
            assert not raised(rights(user, realm), rights(known, before) if known else Rights(), limit), name
        for key_id in attack.held:
            key = api.snapshot.keys[key_id]
            if key.revoked_s is None:
                assert limit.cover(rights_of_key(key, standing(key, realm))), key
                assert exceeding(key, bound) == (), key
                assert key.id == bound.id or bound.id in lineage(key, api.snapshot.keys), key
        if RANK[limit.role] < RANK["admin"]:
            assert not any(each.allow_unpriced for each in realm.projects.values())

    asyncio.run(with_api(attack))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    made=st.lists(st.tuples(st.none() | st.integers(0, 8), wishes), min_size=3, max_size=8),
    changes=st.lists(st.tuples(st.integers(0, 8), wishes | st.just("revoke")), max_size=14),
)
def test_a_child_never_exceeds_its_parent_whatever_is_changed(made: list[Any], changes: list[Any]) -> None:
    async def live(api: Api) -> None:
        ids: list[str] = []
        for parent, wish in made:
            body = {"name": "k", **({"parent": ids[parent % len(ids)]} if parent is not None and ids else {}), **wish}
            reply = await api.ask("POST", "/keys", body)
            assert reply.status in (201, 409, 422)
            if reply.status == 201:
                ids.append(reply.json["id"])
        for number, wish in changes if ids else ():
            path = f"/keys/{ids[number % len(ids)]}"
            if wish == "revoke":
                await api.made(f"{path}/revoke", None)
            else:
                assert (await api.ask("PATCH", path, wish)).status in (200, 409, 422)
            keys = {key.id: key for key in await api.store.keys()}
            for key in keys.values():
                if key.parent is not None and key.revoked_s is None:
                    assert exceeding(key, keys[key.parent]) == ()
                    assert keys[key.parent].revoked_s is None

    asyncio.run(with_api(live))
