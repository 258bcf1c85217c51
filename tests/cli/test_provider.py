"""`keywright provider`: who there is, what each wants, and whether our key is alive."""

import pytest

from keywright.providers import PROVIDERS
from tests.cli.shell import Shell
from tests.standin.cloud import StandIn
from tests.standin.fixtures import anthropic_cloud, anthropic_server

__all__ = ["anthropic_cloud", "anthropic_server"]


def configured(shell: Shell, cloud: StandIn, key: str) -> None:
    (shell.folder / "keywright.toml").write_text(
        f'[providers.edge]\nkind = "anthropic"\nbase_url = "{cloud.base_url}"\napi_key = "env:EDGE_KEY"\n'
    )
    shell.variables["EDGE_KEY"] = key


def test_list_names_every_provider_and_those_of_the_configuration(shell: Shell, anthropic_cloud: StandIn) -> None:
    configured(shell, anthropic_cloud, "k")
    listed = shell.run("provider", "list", "--json").json["providers"]
    assert [row["name"] for row in listed] == ["edge", *(row.name for row in PROVIDERS)]
    assert [row["name"] for row in listed if row["configured"]] == ["edge"]
    shown = shell.run("provider", "list")
    assert shown.code == 0
    assert all(row.name in shown.out for row in PROVIDERS)


@pytest.mark.parametrize("name", ["openai", "bedrock", "vertex", "azure", "ollama"])
def test_show_says_what_a_provider_wants(shell: Shell, name: str) -> None:
    facts = shell.run("provider", "show", name, "--json").json
    assert facts["name"] == name
    assert facts["endpoints"]
    shown = shell.run("provider", "show", name)
    assert facts["docs"] in shown.out
    assert all(each["dialect"] in shown.out for each in facts["endpoints"])


def test_an_unknown_provider_is_an_error_with_the_nearest_name(shell: Shell) -> None:
    for command in ("show", "test"):
        done = shell.run("provider", command, "opnai")
        assert done.code == 1
        assert "there is no provider opnai" in done.error
        assert "openai" in done.error
    assert "openai is not configured" in shell.run("provider", "test", "openai").error


def test_a_good_key_is_live_and_a_wrong_one_is_not(shell: Shell, anthropic_cloud: StandIn) -> None:
    configured(shell, anthropic_cloud, anthropic_cloud.key)
    done = shell.run("provider", "test", "edge", "--json")
    assert done.code == 0
    assert done.json["live"] is True
    (proof,) = done.json["credentials"]
    assert (proof["verdict"], proof["provider"]) == ("live", "edge")
    assert anthropic_cloud.key not in done.out + done.err
    configured(shell, anthropic_cloud, "sk-wrong-0123456789")
    done = shell.run("provider", "test", "edge")
    assert done.code == 1
    assert "dead" in done.out
    assert "401" in done.out
    assert "sk-wrong" not in done.out + done.err


def test_a_server_that_is_not_there_proves_nothing(shell: Shell) -> None:
    (shell.folder / "keywright.toml").write_text(
        '[providers.edge]\nkind = "openai-compatible"\nbase_url = "http://127.0.0.1:1/v1"\n'
    )
    done = shell.run("provider", "test", "edge", "--json")
    assert done.code == 1
    (proof,) = done.json["credentials"]
    assert proof["verdict"] == "unknown"
    assert "no connection" in proof["why"]
