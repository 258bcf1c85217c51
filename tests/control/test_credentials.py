"""Credentials and the rotations of their keys over the API: told of, turned off, begun, fed and turned back."""

import logging
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from keywright.core.rotation import CredentialFacts, Rotation
from keywright.core.secret import Secret
from keywright.store.credentials import CredentialStates
from keywright.store.schema import METADATA
from keywright.store.store import Store
from tests.control.conftest import START_S, Api
from tests.control.custody import EDGE_KEY, Custody

COLUMNS = (
    "name",
    "lives_at",
    "fingerprint",
    "kind",
    "age_days",
    "last_use",
    "last_verified",
    "expires",
    "used_by",
    "cost_this_month_usd",
)
NEW_KEY = "sk-canary-of-a-pasted-key-0123456789"


@pytest.fixture
async def held_api(store: Store, custody: Custody, tmp_path: Path) -> Api:
    """With credentials, over a database of either kind."""
    api = Api(store, tmp_path, custody)
    await api.follow()
    return api


def names(reply: Any) -> list[str]:
    return [row["name"] for row in reply.json["rows"]]


async def test_the_inventory_has_every_column_and_is_listed_in_parts(held_api: Api, custody: Custody) -> None:
    def aged(known: CredentialFacts) -> CredentialFacts:
        return replace(known, since_s=START_S - 3 * 86_400, kind="user-bound", expires_s=START_S + 86_400)

    await custody.rotating.states.note("edge", aged)
    first = await held_api.get("/credentials", limit=2)
    rest = await held_api.get("/credentials", limit=2, after=first.json["next"])
    assert names(first) + names(rest) == ["edge", "edge/2", "fixed"]
    assert rest.json["next"] is None
    edge = first.json["rows"][0]
    assert set(edge) >= set(COLUMNS)
    assert edge["fingerprint"] == Secret(EDGE_KEY).fingerprint
    assert (edge["age_days"], edge["kind"], edge["expires"]) == (3, "user-bound", "2026-09-22T14:13:20Z")
    assert (edge["state"], edge["due"], edge["rotation"]) == ("in_use", None, None)
    assert (await held_api.get("/credentials/edge%2F2")).json == first.json["rows"][1]
    assert EDGE_KEY.encode() not in first.body + rest.body


async def test_the_inventory_is_listed_by_what_is_asked_for(whole_api: Api) -> None:
    await whole_api.made("/credentials/edge%2F2/disable", None)
    for query, expected in (
        ({"provider": "edge"}, ["edge", "edge/2"]),
        ({"provider": "edge", "state": "in_use"}, ["edge"]),
        ({"state": "disabled"}, ["edge/2"]),
        ({"project": "search"}, []),
        ({"due": "true"}, []),
        ({"due": "false", "after": "edge/2"}, ["fixed"]),
    ):
        assert names(await whole_api.get("/credentials", **query)) == expected
    for name, value in (("state", "broken"), ("due", "perhaps"), ("limit", "0"), ("stat", "in_use")):
        wrong = await whole_api.get("/credentials", **{name: value})
        assert (wrong.status, wrong.json["fields"][0]["field"]) == (422, name)


async def test_a_credential_is_disabled_by_somebody_and_enabled_again(whole_api: Api) -> None:
    ann = await whole_api.user("ann", "admin")
    changes = whole_api.changes
    off = await whole_api.ask("POST", "/credentials/edge/disable", None, ann)
    assert (off.json["state"], off.json["disabled_by"]) == ("disabled", "user:ann")
    assert whole_api.changes == changes + 1
    on = await whole_api.ask("POST", "/credentials/edge/enable", None, ann)
    assert (on.json["state"], on.json["disabled_by"]) == ("in_use", "")


async def test_one_credential_is_verified_and_what_its_provider_says_is_kept(whole_api: Api) -> None:
    await whole_api.made("/credentials/edge/disable", None)
    told = await whole_api.made("/credentials/edge/verify", None)
    assert (told["verdict"], told["last_verified"], told["state"]) == ("unknown", None, "disabled")
    assert (await whole_api.get("/credentials/edge")).json == told
    assert (await whole_api.get("/credentials/edge%2F2")).json["verdict"] == ""


async def test_what_was_said_of_a_key_is_not_said_of_the_one_that_has_replaced_it(whole_api: Api) -> None:
    states = CredentialStates(whole_api.store.database)
    await states.note("edge", lambda known: replace(known, fingerprint="another"))
    assert (await whole_api.made("/credentials/edge/verify", None))["verdict"] == ""


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/credentials/egde", None),
        ("GET", "/credentials/egde/plan", None),
        ("POST", "/credentials/egde/disable", None),
        ("POST", "/credentials/egde/verify", None),
        ("POST", "/rotations", {"credential": "egde"}),
    ],
)
async def test_an_unknown_credential_is_told_with_its_nearest(
    whole_api: Api, method: str, path: str, body: Any
) -> None:
    reply = await whole_api.ask(method, path, body)
    assert (reply.status, reply.json["detail"]) == (404, "there is no credential 'egde'; did you mean edge?")


async def test_an_unknown_rotation_is_not_found(whole_api: Api) -> None:
    for method, path, body in (
        ("GET", "/rotations/none", None),
        ("PUT", "/rotations/none/key", {"key": "x"}),
        ("POST", "/rotations/none/roll-back", None),
        ("POST", "/rotations/none/insist", None),
    ):
        reply = await whole_api.ask(method, path, body)
        assert (reply.status, reply.json["detail"]) == (404, "there is no rotation 'none'")


async def test_without_a_gateway_there_are_no_credentials(quick_api: Api) -> None:
    assert (await quick_api.get("/credentials")).status == 404
    assert (await quick_api.get("/rotations")).json == {"rows": [], "next": None}


async def test_a_rotation_is_planned_begun_once_and_told_of(held_api: Api, custody: Custody) -> None:
    ann = await held_api.user("ann", "admin")
    plan = (await held_api.get("/credentials/edge/plan")).json
    assert (plan["driver"], plan["obstacles"]) == ("assisted", [])
    begun = await held_api.ask("POST", "/rotations", {"credential": "edge", "reason": "it leaked"}, ann)
    assert (begun.status, begun.json["by"], begun.json["reason"]) == (201, "user:ann", "it leaked")
    assert (begun.json["state"], begun.json["step"]) == ("running", "create")
    again = await held_api.ask("POST", "/rotations", {"credential": "edge"})
    assert again.status == 409
    assert begun.json["id"] in again.json["detail"]
    assert (await held_api.get("/credentials/edge")).json["rotation"] == begun.json["id"]
    await custody.rotating.tend()
    told = (await held_api.get(f"/rotations/{begun.json['id']}")).json
    assert told["state"] == "waiting"
    assert told["past"][-1]["what"] == told["trouble"]
    refused = await held_api.ask("POST", "/rotations", {"credential": "fixed"})
    assert refused.status == 409
    assert "env:FIXED_KEY cannot be written" in refused.json["detail"]
    long = await held_api.ask("POST", "/rotations", {"credential": "edge", "reason": "x" * 300})
    assert (long.status, long.json["fields"][0]["field"]) == (422, "reason")


async def test_rotations_are_listed_in_parts_by_credential_and_state(held_api: Api, custody: Custody) -> None:
    rotation = Rotation("", "edge", "Edge", "assisted", "create", START_S, START_S)
    for number, credential in enumerate(("edge", "edge/2", "edge", "edge")):
        over = replace(rotation, id=f"rot_{number}", credential=credential, outcome="done", ended_s=START_S + 1)
        await custody.rotating.rotations.begin(replace(over, began_s=START_S - number))
    await held_api.made("/rotations", {"credential": "edge/2"})

    async def listed(**query: Any) -> list[str]:
        return [row["id"] for row in (await held_api.get("/rotations", **query)).json["rows"]]

    first = (await held_api.get("/rotations", limit=2, credential="edge")).json
    assert [row["id"] for row in first["rows"]] == ["rot_0", "rot_2"]
    assert await listed(limit=2, credential="edge", after=first["next"]) == ["rot_3"]
    assert await listed(state="done", credential="edge/2") == ["rot_1"]
    assert len(await listed(state="running")) == 1
    for name, value in (("after", "somewhere"), ("state", "odd")):
        wrong = await held_api.get("/rotations", **{name: value})
        assert (wrong.status, wrong.json["fields"][0]["field"]) == (422, name)


async def test_a_pasted_key_is_used_and_neither_it_nor_its_hash_is_kept_or_told(
    held_api: Api, custody: Custody, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = f"/rotations/{await custody.waiting()}/key"
    body = {"key": NEW_KEY}
    given = await held_api.ask("PUT", path, body, idempotency_key="once")
    assert given.json["new"]["fingerprint"] == Secret(NEW_KEY).fingerprint
    again = await held_api.ask("PUT", path, body, idempotency_key="once")
    assert (again.status, again.json["step"]) == (200, given.json["step"])
    other = await held_api.ask("PUT", path, {"key": "sk-another"}, idempotency_key="once")
    assert (other.status, other.json["code"]) == (409, "conflict")
    assert "key:environment has given a key" in [past["what"] for past in given.json["past"]]
    kept = b"".join([given.body, again.body, other.body, caplog.text.encode(), await everything(held_api.store)])
    assert Secret(NEW_KEY).fingerprint.encode() in kept
    for text in (NEW_KEY.encode(), msgspec.json.encode(body)):
        assert text not in kept
        assert sha256(text).hexdigest().encode() not in kept
        assert sha256(text).digest().hex().encode()[12:] not in kept


async def everything(store: Store) -> bytes:
    """All that the database holds."""

    def read(connection: Any) -> bytes:
        rows = [repr(tuple(row)) for table in METADATA.sorted_tables for row in connection.execute(select(table))]
        return "\n".join(rows).encode()

    return await store.database.read(read)


@pytest.mark.parametrize("key", ["", "two words", "lïne", "one\ntwo", "x" * 70_000, 7, None])
async def test_what_is_no_key_is_refused_without_being_repeated(whole_api: Api, key: Any) -> None:
    assert whole_api.custody is not None
    rotation_id = await whole_api.custody.waiting()
    reply = await whole_api.ask("PUT", f"/rotations/{rotation_id}/key", {"key": key})
    assert (reply.status, reply.json["fields"][0]["field"]) == (422, "key")
    assert not key or str(key)[:40].encode() not in reply.body.replace(b"`int`", b"")
    assert (await whole_api.get(f"/rotations/{rotation_id}")).json["state"] == "waiting"


async def test_the_old_key_is_no_new_one(whole_api: Api) -> None:
    assert whole_api.custody is not None
    rotation_id = await whole_api.custody.waiting()
    reply = await whole_api.ask("PUT", f"/rotations/{rotation_id}/key", {"key": EDGE_KEY})
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    assert EDGE_KEY.encode() not in reply.body


async def test_a_rotation_is_insisted_on_and_rolled_back_by_somebody(whole_api: Api) -> None:
    custody = whole_api.custody
    assert custody is not None
    ann = await whole_api.user("ann", "owner")
    path = f"/rotations/{await custody.waiting()}"
    insisted = (await whole_api.ask("POST", f"{path}/insist", None, ann)).json
    assert (insisted["insisted"], insisted["past"][-1]["what"]) == (True, "user:ann insists on it")
    back = (await whole_api.ask("POST", f"{path}/roll-back", None, ann)).json
    assert (back["state"], back["back_why"]) == ("running", "rolled back by user:ann")
    await custody.rotating.tend()
    assert (await whole_api.get(path)).json["state"] == "rolled_back"
    late = await whole_api.ask("POST", f"{path}/roll-back", None, ann)
    assert (late.status, late.json["code"]) == (409, "conflict")
