"""`key`: made once with its secret, shown ever after without it."""

import os
import re
from pathlib import Path

import pytest

from keywright.identity.keystring import read_id
from tests.cli.hand import Hand
from tests.cli.shell import Shell

CPU_S = 3.0
"""Far above what a command takes (1.1 s), as the machine may be busy; above it, something is done twice."""
SECRET = re.compile(r"sk-kw-[ustA-Za-z0-9]+-[A-Za-z0-9]+")


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    return Hand(tmp_path)


def made(hand: Hand, *words: str) -> dict[str, str]:
    """The document of `key create`."""
    document: dict[str, str] = hand.run("key", "create", "--name", "ci", *words, "--json").json
    return document


def test_a_new_key_is_its_id_and_its_secret(hand: Hand) -> None:
    document = made(hand)
    assert list(document) == ["id", "key"]
    assert read_id(document["key"]) == document["id"]


def test_a_command_does_not_take_long_to_begin(shell: Shell) -> None:
    words = ("key", "create", "--name", "ci")
    assert shell.run_installed(*words).code == 0
    before = os.times()
    assert shell.run_installed(*words).code == 0
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < CPU_S


def test_a_person_is_shown_the_key_on_a_line_of_its_own(hand: Hand) -> None:
    done = hand.run("key", "create", "--name", "ci", "--kind", "admin")
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("sk-kw-a")


def test_what_was_asked_for_is_what_the_key_has(hand: Hand) -> None:
    words = ["--project", "search", "--models", "openai/*", "--models", "fast", "--expires", "30d"]
    words += ["--cidr", "10.0.0.0/8", "--permission", "restricted", "--endpoint", "chat", "--kind", "user"]
    document = made(hand, *words, "--owner", "mia")
    shown = hand.run("key", "show", document["id"], "--json").json
    assert shown.pop("created") < shown.pop("expires")
    assert shown == {
        "id": document["id"],
        "kind": "user",
        "name": "ci",
        "project": "search",
        "owner": "mia",
        "permission": "restricted",
        "models": ["openai/*", "fast"],
        "endpoints": ["chat"],
        "cidrs": ["10.0.0.0/8"],
        "allow_unpriced": False,
        "parent": None,
        "tags": {},
        "requests_per_min": None,
        "tokens_per_min": None,
        "concurrency": None,
        "role": None,
        "owner_kind": "user",
        "revoked": None,
        "previous_until": None,
        "last_used": None,
        "last_address": None,
        "state": "active",
        "version": 1,
    }


def test_a_key_is_listed_and_shown_without_its_secret(hand: Hand) -> None:
    document = made(hand)
    listed = hand.run("key", "list", "--json")
    assert [key["id"] for key in listed.json["keys"]] == [document["id"]]
    told = hand.run("key", "list")
    shown = hand.run("key", "show", document["id"])
    assert document["id"] in told.out
    assert "never" in told.out
    assert document["id"] in shown.out
    assert not SECRET.search(listed.out + told.out + shown.out)


def test_a_key_is_revoked_for_ever_and_only_if_that_is_meant(hand: Hand) -> None:
    document = made(hand)
    refused = hand.run("key", "revoke", document["id"])
    assert refused.code == 2
    assert "--yes" in refused.error
    assert hand.run("key", "show", document["id"], "--json").json["state"] == "active"
    revoked = hand.run("key", "revoke", document["id"], "--yes", "--json").json
    assert revoked["state"] == "revoked"
    assert hand.run("key", "revoke", document["id"], "--yes", "--json").json["revoked"] == revoked["revoked"]


def test_an_id_that_is_unknown_is_one_line_and_a_key_in_its_place_is_not_repeated(hand: Hand) -> None:
    document = made(hand)
    for words in (("show", "nobody"), ("revoke", "nobody", "--yes")):
        unknown = hand.run("key", *words)
        assert unknown.code == 1
        assert unknown.error == "there is no key 'nobody'"
    mistaken = hand.run("key", "revoke", document["key"], "--yes")
    assert mistaken.error.startswith("that is not a key's id")
    assert document["key"] not in mistaken.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--expires", "soon"), "'soon' is not a duration"),
        (("--cidr", "10.0.0.1/8"), "did you mean 10.0.0.0/8?"),
        (("--permission", "some"), "'all', 'read_only', 'restricted'"),
        (("--permission", "restricted"), "a restricted key needs at least one endpoint"),
        (
            ("--permission", "restricted", "--endpoint", "chats"),
            "'chats' is not an endpoint: there are chat, models, embeddings",
        ),
        (("--kind", "robot"), "'user', 'service', 'temporary', 'admin'"),
        (("--project", " "), "project ' '"),
    ],
)
def test_a_key_that_cannot_be_is_one_line_and_nothing_is_made(
    hand: Hand, words: tuple[str, ...], expected: str
) -> None:
    done = hand.run("key", "create", "--name", "ci", *words)
    assert done.code == 2
    assert expected in done.error
    assert hand.run("project", "create", "search").code == 0
    assert hand.run("key", "list", "--json").json == {"keys": []}


def test_a_key_needs_a_name(hand: Hand) -> None:
    assert hand.run("key", "create").error.startswith("Missing option '--name'")


def test_looking_makes_no_store(hand: Hand) -> None:
    for words in (("key", "list"), ("usage",)):
        assert "there is no store at" in hand.run(*words).error
    assert list(hand.folder.iterdir()) == []


def test_a_store_that_cannot_be_made_is_one_line(hand: Hand) -> None:
    (hand.folder / "keywright.toml").write_text('[store]\nurl = "sqlite:///absent/keywright.db"\n')
    done = hand.run("key", "create", "--name", "ci")
    assert done.code == 1
    assert "No such file or directory" in done.error


def test_the_store_lies_beside_its_configuration(hand: Hand) -> None:
    (hand.folder / "etc").mkdir()
    (hand.folder / "etc" / "keywright.toml").write_text('[store]\nurl = "sqlite:///keys.db"\n')
    document = made(hand, "--config", "etc/keywright.toml")
    assert (hand.folder / "etc" / "keys.db").exists()
    listed = hand.run("key", "list", "--json", KEYWRIGHT_CONFIG="etc/keywright.toml").json
    assert [key["id"] for key in listed["keys"]] == [document["id"]]
