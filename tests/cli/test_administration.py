"""Administration from the command line: every command over the network and on the store of the same gateway, alike."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from keywright.core.json import JsonObject
from tests.cli.conftest import ADMIN_KEY, Up
from tests.cli.hand import Hand
from tests.client import ask

KNOWN_S = 2.0
"""How long a running gateway may take to know of a change."""
STORED_S = 10.0
"""How long an entry may take to be in the store of a busy machine."""
FIGURES = {"calls", "ok", "input_tokens", "output_tokens", "cost_usd"}


@pytest.fixture(params=["local", "remote"])
def hand(request: pytest.FixtureRequest, gateway: Up) -> Hand:
    """Commands of a shell whose variables name the gateway, and of one in the folder where its store is."""
    variables = gateway.shell.variables if request.param == "remote" else {}
    return Hand(gateway.shell.folder, variables, request.param)


@pytest.fixture
def remote(gateway: Up) -> Hand:
    return Hand(gateway.shell.folder, gateway.shell.variables, "remote")


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds in time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def call(gateway: Up, key: str, model: str = "openai/gpt-4o") -> tuple[int, str]:
    """The status of a call, and the id under which it is recorded."""
    body: JsonObject = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    answer = ask(
        gateway.url, "POST", "/v1/chat/completions", msgspec.json.encode(body), {"authorization": f"Bearer {key}"}
    )
    return answer.status, answer.headers["x-keywright-request-id"]


def test_a_project_is_made_listed_shown_changed_archived_and_restored(hand: Hand) -> None:
    name = f"{hand.name}-search"
    words = ("--title", "Search", "--models", "openai/*", "--cidr", "10.0.0.0/8", "--tag", "team=core")
    made = hand.run("project", "create", name, *words, "--json").json
    assert (made["name"], made["models"], made["cidrs"], made["tags"]) == (
        name,
        ["openai/*"],
        ["10.0.0.0/8"],
        {"team": "core"},
    )
    assert hand.run("project", "show", name, "--json").json == made
    assert made in hand.run("project", "list", "--json").json["rows"]
    assert name in hand.run("project", "list").out
    changed = hand.run("project", "update", name, "--models", "", "--allow-unpriced", "--json").json
    assert (changed["models"], changed["allow_unpriced"], changed["title"]) == ([], True, "Search")
    assert "--yes" in hand.run("project", "archive", name).error
    assert hand.run("project", "archive", name, "--yes", "--json").json["archived"]
    assert hand.run("project", "restore", name, "--json").json["archived"] is None


def test_people_and_programs_are_made_changed_and_disabled(hand: Hand) -> None:
    project, ann, bot = (f"{hand.name}-{name}" for name in ("team", "ann", "bot"))
    hand.run("project", "create", project)
    assert hand.run("user", "create", ann, "--email", "a@example.com", "--role", "viewer", "--json").json["role"]
    assert hand.run("user", "update", ann, "--role", "none", "--json").json["role"] is None
    added = hand.run("project", "member", "add", project, ann, "--role", "admin", "--json").json
    assert added == {"project": project, "user": ann, "role": "admin"}
    assert hand.run("project", "member", "list", project, "--json").json == {"rows": [added]}
    assert hand.run("user", "show", ann, "--json").json["projects"] == [{"project": project, "role": "admin"}]
    assert ann in hand.run("user", "list").out
    assert "no admin" in hand.run("project", "member", "remove", project, ann, "--yes").out
    assert hand.run("project", "member", "list", project, "--json").json == {"rows": []}
    made = hand.run("service-account", "create", bot, "--project", project, "--json").json
    assert hand.run("service-account", "list", "--project", project, "--json").json == {"rows": [made]}
    assert hand.run("service-account", "update", bot, "--title", "Bot", "--json").json["title"] == "Bot"
    for noun, name in (("user", ann), ("service-account", bot)):
        assert "--yes" in hand.run(noun, "disable", name).error
        assert hand.run(noun, "disable", name, "--yes", "--json").json["disabled"]
        assert hand.run(noun, "enable", name, "--json").json["disabled"] is None
    assert hand.run("service-account", "show", bot, "--json").json["project"] == project


def test_a_key_makes_the_project_and_the_owner_that_it_names_and_says_so(hand: Hand) -> None:
    for kind, noun in (("service", "service account"), ("user", "user")):
        project, owner = f"{hand.name}-new-{kind}", f"{hand.name}-owner-{kind}"
        done = hand.run(
            "key", "create", "--name", "k", "--kind", kind, "--project", project, "--owner", owner, "--json"
        )
        assert set(done.json) == {"id", "key"}
        assert f"the project {project} was not there: it is made" in done.err
        assert f"the {noun} {owner} was not there: it is made" in done.err
        shown = hand.run("key", "show", done.json["id"], "--json").json
        assert (shown["project"], shown["owner"]) == (project, owner)
        again = hand.run("key", "create", "--name", "k", "--kind", kind, "--project", project, "--owner", owner)
        assert (again.code, again.err) == (0, "")


def test_every_field_of_a_key_is_changed_and_only_what_is_given(hand: Hand) -> None:
    made = hand.run("key", "create", "--name", "k", "--expires", "1d", "--concurrency", "4", "--json").json
    words = ["--name", "n", "--models", "openai/*", "--models", "fast", "--permission", "restricted"]
    words += ["--endpoint", "chat", "--cidr", "127.0.0.0/8", "--tag", "a=b", "--requests-per-min", "9"]
    words += ["--tokens-per-min", "1000", "--allow-unpriced", "--expires", "never"]
    changed = hand.run("key", "update", made["id"], *words, "--json").json
    expected = {
        "name": "n",
        "models": ["openai/*", "fast"],
        "permission": "restricted",
        "endpoints": ["chat"],
        "cidrs": ["127.0.0.0/8"],
        "tags": {"a": "b"},
        "requests_per_min": 9,
        "tokens_per_min": 1000,
        "concurrency": 4,
        "allow_unpriced": True,
        "expires": None,
    }
    assert {name: changed[name] for name in expected} == expected
    again = hand.run("key", "update", made["id"], "--concurrency", "none", "--cidr", "", "--json").json
    assert (again["concurrency"], again["cidrs"], again["name"]) == (None, [], "n")
    assert "say what is to become different" in hand.run("key", "update", made["id"]).error


def test_a_child_key_is_derived_listed_and_revoked_with_its_parent(hand: Hand) -> None:
    parent = hand.run("key", "create", "--name", "parent", "--models", "openai/*", "--json").json["id"]
    child = hand.run("key", "create", "--name", "child", "--parent", parent, "--json").json["id"]
    (row,) = hand.run("key", "children", parent, "--json").json["keys"]
    assert (row["id"], row["models"], row["parent"]) == (child, ["openai/*"], parent)
    wider = hand.run("key", "create", "--name", "wide", "--parent", parent, "--models", "*")
    assert (wider.code, "exceed" in wider.error) == (1, True)
    assert "is revoked since" in hand.run("key", "revoke", parent, "--yes").out
    assert hand.run("key", "show", child, "--json").json["state"] == "revoked"


def test_a_new_key_works_at_once_a_rotated_one_twice_and_a_revoked_one_no_more(hand: Hand, gateway: Up) -> None:
    made = hand.run("key", "create", "--name", "k", "--json").json
    assert within(KNOWN_S, lambda: call(gateway, made["key"])[0] == 200)
    rotated = hand.run("key", "rotate", made["id"], "--grace", "1h", "--json").json
    assert rotated["previous_until"] is not None
    assert within(KNOWN_S, lambda: call(gateway, rotated["key"])[0] == 200)
    assert call(gateway, made["key"])[0] == 200
    assert "--yes" in hand.run("key", "rotate", made["id"], "--grace", "0s").error
    hand.run("key", "revoke", made["id"], "--yes")
    assert within(KNOWN_S, lambda: call(gateway, rotated["key"])[0] == 401)
    assert hand.run("key", "show", made["id"], "--json").json["state"] == "revoked"

    def is_told() -> bool:
        return bool(hand.run("key", "show", made["id"], "--json").json["last_address"] == "127.0.0.1")

    assert within(KNOWN_S, is_told), "from where it was last used, once its calls are stored"


def test_what_a_key_calls_is_in_budgets_usage_explanations_and_costs(hand: Hand, gateway: Up) -> None:
    project = f"{hand.name}-spends"
    hand.run("project", "create", project)
    words = ("--on", f"project:{project}", "--amount", "0.80", "--window", "day", "--threshold", "90", "--json")
    budget = hand.run("budget", "create", *words).json
    assert (budget["on"], budget["limit_usd"], budget["thresholds"]) == (f"project:{project}", "0.80", [90])
    made = hand.run("key", "create", "--name", "k", "--project", project, "--json").json
    assert within(KNOWN_S, lambda: call(gateway, made["key"])[0] == 200)
    status, request_id = call(gateway, made["key"])
    assert status == 200

    def stands() -> Any:
        (row,) = hand.run("budget", "list", "--on", f"project:{project}", "--json").json["rows"]
        return row

    assert within(STORED_S, lambda: hand.run("explain", request_id).code == 0)
    assert within(STORED_S, lambda: Decimal(stands()["reserved_usd"]) == 0)
    (row,) = hand.run("usage", "--by", "key,model", "--project", project, "--json").json["rows"]
    assert set(row) == {"key", "model", *FIGURES}
    assert (row["key"], row["model"], row["ok"]) == (made["id"], "openai/gpt-4o", row["calls"])
    assert Decimal(row["cost_usd"]) == Decimal(stands()["spent_usd"]) > 0
    csv = hand.run("usage", "--by", "model", "--project", project, "--csv").out.splitlines()
    assert csv[0].startswith("model,calls,ok,")
    for which in ("--until 1d", "--owner nobody", "--requested x", "--tag a=b", "--unpriced"):
        assert hand.run("usage", "--project", project, *which.split(), "--json").json == {"rows": []}
    tried = hand.run("policy", "test", "--key", made["id"], "--model", "openai/gpt-4o", "--json").json
    assert (tried["allowed"], [one["id"] for one in tried["budgets"]]) == (True, [budget["id"]])
    told = hand.run("cost", "--by", "project", "--since", "2d", "--json").json
    assert Decimal(told["days"][-1]["parts"][project]) == Decimal(row["cost_usd"])
    (burnt,) = (one for one in told["budgets"] if one["budget"] == budget["id"])
    assert burnt["spent_usd"] == row["cost_usd"]
    assert project in hand.run("cost", "--by", "project").out


def test_a_budget_is_changed_and_deleted_when_that_is_meant(hand: Hand) -> None:
    made = hand.run("budget", "create", "--on", "model:never/*", "--amount", "1", "--soft", "--json").json
    assert (made["hard"], made["window"]) == (False, "total")
    changed = hand.run("budget", "update", made["id"], "--amount", "2.5", "--hard", "--json").json
    assert (changed["limit_usd"], changed["hard"]) == ("2.50", True)
    assert hand.run("budget", "show", made["id"], "--json").json == changed
    assert "--yes" in hand.run("budget", "delete", made["id"]).error
    assert hand.run("budget", "delete", made["id"], "--yes", "--json").json["id"] == made["id"]
    assert hand.run("budget", "show", made["id"]).error == f"there is no budget '{made['id']}'"


def test_a_limit_is_made_changed_and_deleted(hand: Hand) -> None:
    made = hand.run("limit", "create", "--on", "tag:a=b", "--requests-per-min", "5", "--json").json
    changed = hand.run("limit", "update", made["id"], "--requests-per-min", "none", "--concurrency", "2", "--json").json
    assert (changed["requests_per_min"], changed["concurrency"]) == (None, 2)
    assert hand.run("limit", "show", made["id"], "--json").json == changed
    assert changed in hand.run("limit", "list", "--on", "tag:a=b", "--json").json["rows"]
    assert "is deleted" in hand.run("limit", "delete", made["id"], "--yes").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("budget create --on project:defualt --amount 1", 1, "no project 'defualt': did you mean default?"),
        ("budget create --on user:nobody --amount 1", 1, "there is no user 'nobody'"),
        ("budget create --on key:nobody --amount 1", 1, "there is no key 'nobody'"),
        ("budget create --on nothing --amount 1", 2, "'nothing' is nothing that a budget or limit can be on"),
        ("budget create --on organisation --amount much", 2, "amount_usd: 'much' is not a decimal amount"),
        ("budget create --on organisation --amount 1 --window year", 2, "window: 'year' is not a window"),
        ("budget update nothing --amount 1", 1, "there is no budget 'nothing'"),
        ("limit create --on organisation", 2, "limit"),
        ("limit create --on organisation --concurrency few", 2, "'few' is neither a whole number nor none"),
        ("limit show nothing", 1, "there is no limit 'nothing'"),
        ("project show defualt", 1, "did you mean default?"),
        ("project create a/b", 2, "name: project 'a/b' has one of"),
        ("project create a --tag b", 2, "'b' is no tag: write NAME=VALUE"),
        ("user show nobody", 1, "there is no user 'nobody'"),
        ("service-account create x --project defualt", 1, "did you mean default?"),
        ("key create --name k --parent nobody", 1, "there is no key 'nobody'"),
        ("key create --name k --expires soon", 2, "expires: 'soon' is not a duration"),
        ("key show sk-kw-snobody-nothing", 1, "that is not a key's id"),
        ("limit create --on key:sk-kw-snobody-nothing --concurrency 1", 1, "that is not a key's id"),
        ("key list --project nowhere --kind robot", 2, "'robot'"),
        ("usage --since soon", 2, "since: 'soon' is not a duration"),
        ("usage --json --csv", 2, "exclude each other"),
        ("cost --by day", 2, "'day' is not one column"),
        ("explain nothing", 1, "no record of a call 'nothing'"),
    ],
)
def test_what_cannot_be_is_one_line(hand: Hand, words: str, code: int, said: str) -> None:
    done = hand.run(*words.split())
    assert said in done.error
    assert done.code == code
    assert "nobody-nothing" not in done.err


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({"KEYWRIGHT_ADMIN_KEY": ""}, 2, "there is no key for it: set KEYWRIGHT_ADMIN_KEY"),
        ({"KEYWRIGHT_ADMIN_KEY": "wrong" * 8}, 1, "the key in KEYWRIGHT_ADMIN_KEY is refused"),
        ({"KEYWRIGHT_ADMIN_KEY": "no key\nat all"}, 2, "the key in KEYWRIGHT_ADMIN_KEY has characters"),
        ({"KEYWRIGHT_URL": "http://127.0.0.1:9"}, 1, "no gateway answers at http://127.0.0.1:9"),
        ({"KEYWRIGHT_URL": "nowhere"}, 2, "KEYWRIGHT_URL"),
    ],
)
def test_a_gateway_that_cannot_be_asked_is_one_line(
    remote: Hand, variables: dict[str, str], code: int, said: str
) -> None:
    done = remote.run("key", "list", **variables)
    assert said in done.error
    assert done.code == code
    assert ADMIN_KEY not in done.err


@pytest.mark.parametrize(
    "words",
    ["prices list", "policy replay --config keywright.toml", "backup x.gz", "usage reconcile --provider openai"],
)
def test_what_needs_the_store_itself_says_so(remote: Hand, words: str) -> None:
    done = remote.run(*words.split())
    assert done.code == 2
    assert "unset KEYWRIGHT_URL" in done.error
