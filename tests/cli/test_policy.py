"""`explain`, `policy test` and `policy replay`, of calls that a real gateway served, on its own store."""

import json
import signal
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keywright.core.json import JsonObject
from tests.cli.conftest import ADMIN_KEY, configuration
from tests.cli.shell import Shell, interrupt
from tests.client import ask
from tests.standin.cloud import StandIn

NARROW = """
[projects.search]
models = ["openai/gpt-4o-mini"]
[[budgets]]
on = "project:default"
amount = "0"
window = "day"
[[limits]]
on = "model:openai/*"
requests_per_min = 1000
[[prices]]
model = "openai/gpt-4o-mini"
input = "1"
output = "2"
"""


@dataclass(frozen=True)
class Past:
    """A store with recorded calls: `served` by a key of the project search, `denied` to it, `other` by nobody's."""

    shell: Shell
    key_id: str
    served: str
    denied: str
    other: str


@pytest.fixture(scope="module")
def past(openai_server: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("past")
    (folder / "keywright.toml").write_text(configuration(openai_server))
    shell = Shell(folder, {"STANDIN_KEY": openai_server.key, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY})
    words = ("key", "create", "--name", "x", "--project", "search", "--models", "openai/gpt-4o*", "--json")
    made = shell.run(*words).json
    with shell.start("up", "--json") as process:
        assert process.stdout is not None
        url = _url(process.stdout.readline())
        ids = [
            _call(url, made["key"], "openai/gpt-4o"),
            _call(url, made["key"], "openai/gpt-5"),
            _call(url, ADMIN_KEY, "fast"),
        ]
        interrupt(process, signal.SIGTERM)
    return Past(Shell(folder), made["id"], *ids)


def _url(line: str) -> str:
    return str(json.loads(line)["url"])


def _call(url: str, key: str, model: str) -> str:
    body: JsonObject = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {key}", "x-keywright-tags": "team=core"}
    return ask(url, "POST", "/v1/chat/completions", msgspec.json.encode(body), headers).headers[
        "x-keywright-request-id"
    ]


def test_a_served_call_is_explained_with_a_cost_that_adds_up(past: Past) -> None:
    found = past.shell.run("explain", past.served, "--json").json
    assert found["id"] == past.served
    assert (found["caller"]["key"], found["caller"]["project"]) == (past.key_id, "search")
    assert (found["caller"]["address"], found["caller"]["tags"]) == ("127.0.0.1", {"team": "core"})
    assert (found["verdict"]["outcome"], found["verdict"]["rule"]) == ("ok", "key:models")
    assert found["served"] == "openai/gpt-4o"
    assert [one["result"] for one in found["attempts"]] == ["ok"]
    lines = found["charge"]["lines"]
    assert {line["unit"] for line in lines} == {"input", "output"}
    assert sum(Decimal(line["usd"]) for line in lines) == Decimal(found["charge"]["total_usd"]) > 0
    assert found["charge"]["note"] == ""


def test_a_refused_call_is_explained_by_the_rule(past: Past) -> None:
    done = past.shell.run("explain", past.denied)
    assert done.code == 0
    assert "refused (403 model_not_allowed)" in done.out
    assert "key:models: the key is for certain models, and this is none of them" in done.out
    assert "sk-" not in done.out


def test_what_has_no_record_cannot_be_explained(past: Past) -> None:
    assert "no record of a call 'nothing'" in past.shell.run("explain", "nothing").error


def test_a_call_can_be_tried_without_being_made(past: Past) -> None:
    base = ("policy", "test", "--key", past.key_id)
    allowed = past.shell.run(*base, "--model", "openai/gpt-4o", "--json").json
    assert (allowed["allowed"], allowed["rule"]) == (True, "key:models")
    assert [one["name"] for one in allowed["targets"]] == ["openai/gpt-4o"]
    denied = past.shell.run(*base, "--model", "openai/gpt-5", "--from", "10.0.0.1", "--json").json
    assert (denied["status"], denied["code"]) == (403, "model_not_allowed")
    assert "refused with 403 model_not_allowed" in past.shell.run(*base, "--model", "openai/gpt-5").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key", "nobody"), "there is no key 'nobody'"),
        (("--endpoint", "chats"), "'chats' is not an endpoint: there are chat, "),
        (("--at", "noon"), "'noon' is not a time"),
    ],
)
def test_what_cannot_be_tried_is_said_in_a_line(past: Past, words: tuple[str, ...], said: str) -> None:
    assert said in past.shell.run("policy", "test", "--key", past.key_id, "--model", "x", *words).error


def test_another_configuration_is_tried_on_the_recorded_calls(past: Past, openai_server: StandIn) -> None:
    new = past.shell.folder / "next.toml"
    new.write_text(configuration(openai_server) + NARROW)
    report = past.shell.run("policy", "replay", "--config", "next.toml", "--since", "1h", "--json").json
    assert (report["total"]["calls"], report["total"]["served_before"], report["total"]["served_after"]) == (3, 2, 0)
    refused: dict[str, Any] = {row["name"]: row["examples"] for row in report["refused"]}
    (budget,) = (bound for bound in report["bounds"] if bound["on"] == "project:default")
    assert refused == {"project:models": [past.served], budget["rule"]: [past.other]}
    assert (budget["calls"], Decimal(budget["usd"]) > 0) == (1, True)
    assert report["total"]["after_usd"] == "0.00"


def test_the_same_configuration_would_have_done_the_same(past: Past) -> None:
    done = past.shell.run("policy", "replay", "--config", "keywright.toml")
    assert done.code == 0
    assert "refused by the new configuration" not in done.out
    report = past.shell.run("policy", "replay", "--config", "keywright.toml", "--json").json
    assert report["refused"] == report["admitted"] == report["moved"] == []
    assert report["total"]["before_usd"] == report["total"]["after_usd"]


def test_a_replay_needs_no_secret_and_changes_nothing(past: Past, tmp_path: Path) -> None:
    store = past.shell.folder / "keywright.db"
    before = past.shell.run("usage", "--json").json
    done = past.shell.run("policy", "replay", "--config", "keywright.toml", "--since", "2020-01-01")
    assert done.code == 0, done.err
    assert store.exists()
    assert past.shell.run("usage", "--json").json == before


def test_a_span_that_ends_before_it_begins_is_refused(past: Past) -> None:
    words = ("policy", "replay", "--config", "keywright.toml", "--since", "1h", "--until", "2h")
    assert "not behind --since" in past.shell.run(*words).error
