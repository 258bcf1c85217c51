"""Two gateways on one database: what both change at the same moment is changed by one after the other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from keywright.store.store import Store
from tests.control.conftest import Api


@pytest.fixture
async def pair(database_url: str) -> AsyncIterator[tuple[Api, Api]]:
    stores = [await Store.open(database_url) for _ in range(2)]
    apis = [Api(store) for store in stores]
    for api in apis:
        await api.follow()
    yield apis[0], apis[1]
    for store in stores:
        await store.close()


async def test_a_name_is_given_once(pair: tuple[Api, Api]) -> None:
    for number in range(5):
        replies = await asyncio.gather(*(api.ask("POST", "/projects", {"name": f"p{number}"}) for api in pair))
        assert sorted(reply.status for reply in replies) == [201, 409]


async def test_of_two_changes_of_the_same_version_one_wins(pair: tuple[Api, Api]) -> None:
    made = await pair[0].made("/budgets", {"on": "organisation", "amount_usd": "1"})
    for version in range(1, 5):
        changes = ({"amount_usd": f"{version}.1"}, {"amount_usd": f"{version}.2"})
        replies = await asyncio.gather(
            *(
                api.ask("PATCH", f"/budgets/{made['id']}", change, if_match=f'"{version}"')
                for api, change in zip(pair, changes, strict=True)
            )
        )
        assert sorted(reply.status for reply in replies) == [200, 412]


async def test_two_owners_cannot_put_each_other_out(pair: tuple[Api, Api]) -> None:
    first, second = pair
    keys = [await first.made("/keys", {"name": name, "kind": "admin"}) for name in ("a", "b")]
    await second.follow()
    replies = await asyncio.gather(
        first.ask("POST", f"/keys/{keys[1]['id']}/revoke", None, keys[0]["key"]),
        second.ask("POST", f"/keys/{keys[0]['id']}/revoke", None, keys[1]["key"]),
    )
    assert sorted(reply.status for reply in replies) == [200, 409]


async def test_a_child_is_not_made_of_a_parent_that_is_narrowed_or_revoked_at_that_moment(
    pair: tuple[Api, Api],
) -> None:
    first, second = pair
    for change in ({"models": ["openai/*"]}, None):
        parent = await first.made("/keys", {"name": "p"})
        path = f"/keys/{parent['id']}"
        narrowing = first.ask("PATCH", path, change) if change else first.ask("POST", f"{path}/revoke")
        child, narrowed = await asyncio.gather(
            second.ask("POST", "/keys", {"name": "c", "parent": parent["id"]}), narrowing
        )
        assert narrowed.status == 200
        if child.status == 201:
            now = (await first.get(f"/keys/{child.json['id']}")).json
            assert now["models"] == ["openai/*"] if change else now["state"] == "revoked"
        else:
            assert child.status == 409


async def test_a_request_that_comes_to_both_at_once_is_done_once(pair: tuple[Api, Api]) -> None:
    replies = await asyncio.gather(*(api.ask("POST", "/keys", {"name": "k"}, idempotency_key="one") for api in pair))
    assert {reply.status for reply in replies} <= {201, 409}
    assert sum(reply.json.get("key") is not None for reply in replies) == 1
    assert len((await pair[0].get("/keys")).json["rows"]) == 1
