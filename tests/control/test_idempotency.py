"""A request that comes again with its `Idempotency-Key` is worked at once."""

import asyncio

from keywright.store.replays import RUNNING_S_MAX, Replays
from tests.control.conftest import OPERATORS_KEY, Api


async def test_a_request_that_comes_again_is_answered_as_before_and_done_once(api: Api) -> None:
    body = {"name": "search"}
    first = await api.ask("POST", "/projects", body, idempotency_key="one")
    again = await api.ask("POST", "/projects", body, idempotency_key="one")
    assert (first.status, again.status) == (201, 201)
    assert (again.body, again.etag) == (first.body, first.etag)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


async def test_a_key_that_was_made_is_not_told_again_nor_kept(api: Api) -> None:
    first = await api.ask("POST", "/keys", {"name": "k"}, idempotency_key="one")
    again = await api.ask("POST", "/keys", {"name": "k"}, idempotency_key="one")
    assert again.json == {**first.json, "key": None, "note": again.json["note"]}
    assert "rotate" in again.json["note"]
    kept = await Replays(api.store.database).begin("key:environment", "one", "", api.now_s)
    assert kept is not None
    assert first.json["key"] not in kept.body
    assert len((await api.get("/keys")).json["rows"]) == 1


async def test_its_key_with_another_body_is_refused(api: Api) -> None:
    await api.ask("POST", "/projects", {"name": "a"}, idempotency_key="one")
    other = await api.ask("POST", "/projects", {"name": "b"}, idempotency_key="one")
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    path = await api.ask("POST", "/users", {"name": "a"}, idempotency_key="one")
    assert path.status == 422


async def test_its_key_belongs_to_whoever_used_it(api: Api) -> None:
    ann = await api.user("ann", "owner")
    await api.ask("POST", "/projects", {"name": "a"}, idempotency_key="one")
    assert (await api.ask("POST", "/projects", {"name": "b"}, ann, idempotency_key="one")).status == 201


async def test_of_many_that_come_at_once_one_is_worked_at(api: Api) -> None:
    replies = await asyncio.gather(
        *(api.ask("POST", "/keys", {"name": "k"}, OPERATORS_KEY, idempotency_key="one") for _ in range(6))
    )
    assert {reply.status for reply in replies} <= {201, 409}
    assert sum(reply.json.get("key") is not None for reply in replies) == 1
    assert len((await api.get("/keys")).json["rows"]) == 1


async def test_what_was_refused_may_be_asked_again(api: Api) -> None:
    key = {"name": "k", "project": "late"}
    assert (await api.ask("POST", "/keys", key, idempotency_key="one")).status == 404
    await api.made("/projects", {"name": "late"})
    assert (await api.ask("POST", "/keys", key, idempotency_key="one")).status == 201


async def test_after_a_day_its_key_is_free_again(api: Api) -> None:
    await api.ask("POST", "/projects", {"name": "a"}, idempotency_key="one")
    api.now_s += 86_400
    assert (await api.ask("POST", "/projects", {"name": "b"}, idempotency_key="one")).status == 201


async def test_one_whose_process_died_is_taken_over(api: Api) -> None:
    replays = Replays(api.store.database)
    assert await replays.begin("key:environment", "one", "whatever", api.now_s) is None
    busy = await api.ask("POST", "/projects", {"name": "a"}, idempotency_key="one")
    assert busy.status == 422
    api.now_s += RUNNING_S_MAX
    assert (await api.ask("POST", "/projects", {"name": "a"}, idempotency_key="one")).status == 201


async def test_a_key_that_is_none_is_refused(api: Api) -> None:
    for text in ("", "x" * 256):
        assert (await api.ask("POST", "/projects", {"name": "a"}, idempotency_key=text)).status == 422
