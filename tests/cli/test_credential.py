"""`keywright credential` and `keywright rotate`: the inventory, and keys that are replaced; none of them is shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keywright.core.secret import Secret
from tests.cli.conftest import ADMIN_KEY
from tests.cli.shell import Done, Shell
from tests.rotation.standins.openai import Key, OpenAi


@pytest.fixture
def cloud() -> Iterator[OpenAi]:
    cloud = OpenAi()
    with cloud.open():
        yield cloud


@pytest.fixture
def old(cloud: OpenAi, shell: Shell) -> Key:
    """The key in use, of a gateway whose store there is."""
    key = cloud.add("gateway")
    kept(shell.folder / "key", key.value)
    kept(shell.folder / "admin", cloud.admin_key)
    (shell.folder / "keywright.toml").write_text(
        f'[providers.openai]\nbase_url = "{cloud.url}"\napi_key = "file:{shell.folder}/key"\n'
        f'admin_key = "file:{shell.folder}/admin"\nrotation = {{ project = "{cloud.project}" }}\n'
        f'[providers.edge]\nkind = "openai"\nbase_url = "{cloud.url}"\napi_key = "env:EDGE_KEY"\n'
    )
    assert asked(shell, "key", "create", "--name", "first", "--json").code == 0
    return key


def kept(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def asked(shell: Shell, *words: str) -> Done:
    done = shell.run(*words, KEYWRIGHT_ADMIN_KEY=ADMIN_KEY, EDGE_KEY="sk-edge-canary-0123456789")
    assert "canary" not in done.out + done.err
    return done


def test_the_inventory_tells_where_a_key_lives_and_what_it_is_and_never_shows_it(
    shell: Shell, cloud: OpenAi, old: Key
) -> None:
    done = asked(shell, "credential", "list", "--verify", "--json")
    edge, openai = done.json["rows"]
    assert (openai["name"], openai["lives_at"]) == ("openai", [f"file:{shell.folder}/key"])
    assert openai["fingerprint"] == Secret(old.value).fingerprint
    assert (openai["kind"], openai["age_days"], openai["state"]) == ("service account", 0, "in_use")
    assert (openai["verdict"], edge["verdict"]) == ("live", "dead")
    assert openai["last_verified"] is not None
    assert edge["last_verified"] is None
    assert old.value not in done.out


def test_a_disabled_credential_stays_in_the_inventory(shell: Shell, old: Key) -> None:
    assert asked(shell, "credential", "disable", "openai").code == 0
    assert asked(shell, "credential", "list", "--json").json["rows"][1]["state"] == "disabled"
    assert asked(shell, "credential", "enable", "openai").code == 0
    assert "did you mean openai" in asked(shell, "credential", "disable", "opena").error


def test_a_dry_run_says_what_would_be_done_and_does_nothing(shell: Shell, cloud: OpenAi, old: Key) -> None:
    done = asked(shell, "rotate", "openai", "--dry-run", "--json")
    (plan,) = done.json["rows"]
    assert (plan["driver"], plan["obstacles"]) == ("api", [])
    assert plan["old"]["id"] == old.id
    assert list(cloud.keys) == [old.id]
    assert "env:EDGE_KEY cannot be written" in asked(shell, "rotate", "edge", "--dry-run").out


def test_nothing_is_replaced_without_a_yes_or_a_name(shell: Shell, cloud: OpenAi, old: Key) -> None:
    assert "say --yes" in asked(shell, "rotate", "openai").error
    assert "say --all or --due" in asked(shell, "rotate").error
    assert asked(shell, "rotate", "--due", "--yes", "--json").json == {"rows": []}
    assert list(cloud.keys) == [old.id]
