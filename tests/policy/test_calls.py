"""The rules of projects, owners and parents count for real calls, on every path; and a rotation leaves time."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from keywright.core.identity import Key, Project, Realm, User
from keywright.identity.keystring import ID_BYTES, IssuedKey, issue, read_id
from tests.gateway import Gateway, chat_body

NOW_S = int(time.time())


@contextmanager
def realm(gateway: Gateway, *nouns: Project | User) -> Iterator[None]:
    """The gateway with this realm, until the block is left."""
    before = gateway.house.snapshot.realm
    made = Realm(
        projects={noun.name: noun for noun in nouns if isinstance(noun, Project)},
        users={noun.name: noun for noun in nouns if isinstance(noun, User)},
    )
    gateway.house._snapshot = replace(gateway.house.snapshot, realm=made)
    try:
        yield
    finally:
        gateway.house._snapshot = replace(gateway.house.snapshot, realm=before)


def known(gateway: Gateway, text: str) -> Key:
    """The record of that key."""
    return gateway.house.snapshot.keys[read_id(text) or ""]


def learn(gateway: Gateway, key: Key) -> None:
    """The gateway with that key as it is now."""
    gateway.house.learn_key(key)


def test_a_project_narrows_calls_native_paths_and_lists(gateway: Gateway) -> None:
    key = gateway.issue(project="search")
    with realm(gateway, Project("search", 0, models=("openai/gpt-4o*",))):
        assert gateway.chat("openai/gpt-4o", key=key).status == 200
        assert gateway.chat("gpt-4o", key=key).status == 200
        refused = gateway.chat("openai/gpt-5", key=key)
        native = gateway.post("/native/openai/chat/completions", chat_body("gpt-5"), key)
        for answer in (refused, native):
            assert (answer.status, answer.code) == (403, "model_not_allowed")
            assert "project 'search'" in answer.message
            assert gateway.entry(answer.request_id).decision == "project:models"
        listed = {row["id"] for row in gateway.get("/v1/models", key).json["data"]}
    assert "openai/gpt-4o" in listed
    assert "fast" in listed, "an alias with a candidate that may be used"
    assert not any(name.startswith("anthropic/") for name in listed)


def test_an_archived_project_and_a_disabled_owner_close_their_keys(gateway: Gateway) -> None:
    key = gateway.issue(project="search")
    learn(gateway, replace(known(gateway, key), owner="ada", owner_kind="user"))
    with realm(gateway, Project("search", 0, archived_s=NOW_S)):
        answer = gateway.chat(key=key)
        assert (answer.status, answer.code) == (401, "key_revoked")
        assert "archived" in answer.message
    with realm(gateway, Project("search", 0), User("ada", 0, disabled_s=NOW_S)):
        answer = gateway.chat(key=key)
        assert (answer.status, answer.code) == (401, "key_revoked")
        assert gateway.get("/v1/models", key).status == 401
    assert gateway.chat(key=key).status == 200


def test_a_child_falls_with_its_parent(gateway: Gateway) -> None:
    parent, child = gateway.issue(models=("openai/*",)), gateway.issue()
    learn(gateway, replace(known(gateway, child), parent=read_id(parent)))
    assert gateway.chat("openai/gpt-4o", key=child).status == 200
    refused = gateway.chat("anthropic/claude-haiku-4-5", key=child)
    assert gateway.entry(refused.request_id).decision == "parent:models"
    learn(gateway, replace(known(gateway, parent), revoked_s=NOW_S))
    assert gateway.chat("openai/gpt-4o", key=child).code == "key_revoked"


def issue_twice() -> tuple[IssuedKey, IssuedKey]:
    """Two keys with one id, as before and after a rotation."""
    same = secrets.token_bytes(ID_BYTES)
    first, second = (issue("user", lambda size: same if size == ID_BYTES else secrets.token_bytes(size)) for _ in "12")
    assert first.id == second.id
    return first, second


def test_after_a_rotation_both_secrets_are_valid_until_the_grace_ends(gateway: Gateway) -> None:
    old, new = issue_twice()
    key = Key(old.id, "user", "x", new.sha256, NOW_S, previous_sha256=old.sha256, previous_until_s=NOW_S + 3600)
    learn(gateway, key)
    assert gateway.chat(key=new.secret.reveal()).status == 200
    assert gateway.chat(key=old.secret.reveal()).status == 200
    learn(gateway, replace(key, previous_until_s=NOW_S - 1))
    assert gateway.chat(key=new.secret.reveal()).status == 200
    assert gateway.chat(key=old.secret.reveal()).code == "invalid_api_key"
    learn(gateway, replace(key, previous_until_s=NOW_S + 3600, revoked_s=NOW_S))
    assert {gateway.chat(key=one.secret.reveal()).code for one in (old, new)} == {"key_revoked"}


def test_what_was_remembered_of_a_key_does_not_outlive_a_change(gateway: Gateway) -> None:
    key = gateway.issue(project="search")
    assert gateway.chat(key=key).status == 200
    with realm(gateway, Project("search", 0, endpoints=("models",))):
        assert gateway.chat(key=key).code == "endpoint_not_allowed"
    assert gateway.chat(key=key).status == 200
