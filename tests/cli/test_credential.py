"""`keywright credential` and `keywright rotate`, over the network and on the store of the same gateway, alike: the
inventory, and keys that are replaced; none of them is shown.
"""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keywright.core.secret import Secret
from tests.cli.conftest import ADMIN_KEY
from tests.cli.hand import Hand
from tests.cli.shell import Shell, interrupt
from tests.rotation.standins.openai import Key, OpenAi

EDGE_KEY = "sk-edge-canary-0123456789"


@dataclass(frozen=True)
class Standing:
    """A gateway whose keys are at a stand-in: one made over an API, one by people, and one that is dead."""

    cloud: OpenAi
    old: Key
    by_hand: Key
    folder: Path
    url: str


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder, cloud = tmp_path_factory.mktemp("keys"), OpenAi()
    with cloud.open():
        old, by_hand = cloud.add("gateway"), cloud.add("by hand")
        for name, text in (("key", old.value), ("admin", cloud.admin_key), ("by_hand", by_hand.value)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        (folder / "keywright.toml").write_text(
            f'[server]\nport = 0\n[providers.openai]\nbase_url = "{cloud.url}"\napi_key = "file:{folder}/key"\n'
            f'admin_key = "file:{folder}/admin"\nrotation = {{ project = "{cloud.project}" }}\n'
            f'[providers.edge]\nkind = "openai"\nbase_url = "{cloud.url}"\napi_key = "env:EDGE_KEY"\n'
            f'[providers.people]\nkind = "openai"\nbase_url = "{cloud.url}"\nrotation = {{ drain_s = 1, hold_s = 1 }}\n'
            f'[[providers.people.credentials]]\nname = "by-hand"\napi_key = "file:{folder}/by_hand"\n'
        )
        shell = Shell(folder, {"EDGE_KEY": EDGE_KEY, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY})
        with shell.start("up", "--json") as process:
            assert process.stdout is not None
            yield Standing(cloud, old, by_hand, folder, json.loads(process.stdout.readline())["url"])
            interrupt(process, signal.SIGTERM)


@pytest.fixture
def remote(standing: Standing) -> Hand:
    """Commands that know the gateway by its address alone."""
    elsewhere = standing.folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    return Hand(elsewhere, {"KEYWRIGHT_URL": standing.url, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}, "remote")


@pytest.fixture(params=["local", "remote"])
def hand(request: pytest.FixtureRequest, standing: Standing, remote: Hand) -> Hand:
    """Commands of a shell whose variables name the gateway, and of one in the folder where its store is."""
    return remote if request.param == "remote" else Hand(standing.folder, {"EDGE_KEY": EDGE_KEY}, "local")


def test_the_inventory_tells_where_a_key_lives_and_what_it_is_and_never_shows_it(
    hand: Hand, standing: Standing
) -> None:
    done = hand.run("credential", "list", "--verify", "--json")
    edge, openai, people = done.json["rows"]
    assert (openai["name"], openai["lives_at"]) == ("openai", [f"file:{standing.folder}/key"])
    assert openai["fingerprint"] == Secret(standing.old.value).fingerprint
    assert (openai["kind"], openai["age_days"], openai["state"]) == ("service account", 0, "in_use")
    assert [row["verdict"] for row in (edge, openai, people)] == ["dead", "live", "live"]
    assert openai["last_verified"] is not None
    assert edge["last_verified"] is None
    shown = hand.run("credential", "list")
    assert "people/by-hand" in shown.out
    for key in (standing.old.value, standing.by_hand.value, EDGE_KEY):
        assert key not in done.out + shown.out


def test_one_credential_is_shown_and_verified(hand: Hand) -> None:
    told = hand.run("credential", "verify", "people/by-hand", "--json").json
    assert (told["verdict"], told["state"]) == ("live", "in_use")
    assert hand.run("credential", "show", "people/by-hand", "--json").json["last_verified"] == told["last_verified"]
    assert "last verified" in hand.run("credential", "show", "people/by-hand").out


def test_a_disabled_credential_stays_in_the_inventory(hand: Hand) -> None:
    done = hand.run("credential", "disable", "edge")
    assert (done.code, "edge is disabled" in done.err) == (0, True)
    row = hand.run("credential", "show", "edge", "--json").json
    assert (row["state"], row["disabled_by"]) == (
        "disabled",
        "key:environment" if hand.name == "remote" else "key:local",
    )
    assert hand.run("credential", "enable", "edge", "--json").json["state"] == "in_use"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(hand: Hand, standing: Standing) -> None:
    before = set(standing.cloud.keys)
    (plan,) = hand.run("rotate", "openai", "--dry-run", "--json").json["rows"]
    assert (plan["driver"], plan["obstacles"]) == ("api", [])
    assert plan["old"]["id"] == standing.old.id
    told = hand.run("rotate", "edge", "--dry-run").out
    assert "env:EDGE_KEY cannot be written" in told
    assert "without a person if the configuration had providers.edge.admin_key" in " ".join(told.split())
    assert "did you mean edge?" in hand.run("rotate", "egde", "--dry-run").error
    done = hand.run("rotate", "--all", "--dry-run", "--json")
    assert [plan["credential"] for plan in done.json["rows"]] == ["openai", "people/by-hand"]
    assert "edge is left out: env:EDGE_KEY cannot be written" in done.err
    assert set(standing.cloud.keys) == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("credential disable opena", 1, "there is no credential 'opena'; did you mean openai?"),
        ("credential show people", 1, "there is no credential 'people'"),
        ("rotate opena --yes", 1, "did you mean openai?"),
        ("rotate edge --yes", 1, "env:EDGE_KEY cannot be written"),
        ("rotate openai", 2, "say --yes"),
        ("rotate", 1, "say --all or --due"),
        ("rotate openai --all", 1, "say --all or --due"),
        ("rotate openai --roll-back --dry-run", 1, "exclude each other"),
        ("rotate openai --roll-back", 1, "no key of openai is being replaced"),
        ("rotate openai --insist", 1, "no key of openai is being replaced"),
    ],
)
def test_what_cannot_be_is_one_line(remote: Hand, words: str, code: int, said: str) -> None:
    done = remote.run(*words.split())
    assert said in done.error
    assert done.code == code


def test_nothing_is_replaced_that_is_not_due(hand: Hand) -> None:
    done = hand.run("rotate", "--due")
    assert (done.code, done.out, "no key is due" in done.err) == (0, "", True)
    done = hand.run("rotate", "--all", "--roll-back", "--json")
    assert (done.json, "no key is being replaced" in done.err) == ({"rows": []}, True)


def test_one_that_is_refused_is_in_the_way_of_no_other_and_one_that_waits_for_a_key_is_rolled_back(hand: Hand) -> None:
    done = hand.run("rotate", "edge", "people/by-hand", "--yes", "--json")
    assert [row["credential"] for row in done.json["rows"]] == ["edge", "people/by-hand"]
    assert "edge: env:EDGE_KEY cannot be written" in done.err
    assert (done.code, "no key was given for people/by-hand: its rotation waits for one" in done.err) == (1, True)
    assert hand.run("credential", "show", "people/by-hand", "--json").json["rotation"].startswith("rot_")
    (rotation,) = hand.run("rotate", "people/by-hand", "--roll-back", "--json").json["rows"]
    assert (rotation["state"], rotation["ended"] is None) == ("rolled_back", False)


def test_a_key_is_pasted_from_another_machine(remote: Hand, standing: Standing) -> None:
    fresh = standing.cloud.add("by hand, too")
    shell = Shell(remote.folder, remote.variables)
    refused = shell.run("rotate", "people/by-hand", "--yes", piped="sk-proj-mistyped-canary-0123456789\n")
    assert (refused.code, "the provider does not accept this key" in refused.err) == (2, True)
    done = shell.run("rotate", "people/by-hand", "--yes", piped=f"{fresh.value}\n")
    assert done.code == 0, done
    assert "verify: the new key is accepted" in done.out
    assert "key:environment has given a key" in done.out
    assert (standing.folder / "by_hand").read_text().strip() == fresh.value
    for key in (fresh.value, standing.by_hand.value, "canary"):
        assert key not in done.out + done.err + refused.out + refused.err


def test_who_may_not_replace_keys_may_look_at_them(remote: Hand) -> None:
    remote.run("user", "create", "vera", "--role", "viewer")
    key = remote.run("key", "create", "--name", "vera", "--kind", "admin", "--owner", "vera", "--json").json["key"]
    looks = Hand(remote.folder, {**remote.variables, "KEYWRIGHT_ADMIN_KEY": key})
    assert len(looks.run("credential", "list", "--json").json["rows"]) == 3
    assert looks.run("rotate", "openai", "--dry-run").code == 0
    for words in ("credential disable edge", "credential verify edge", "rotate openai --yes"):
        assert "user:vera may not do this (credentials.change)" in looks.run(*words.split()).error
