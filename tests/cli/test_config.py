"""`init` writes a configuration, `config check` says whether one is right."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell

SECRET = "sk-a-secret-of-a-provider-000000000000"

BROKEN = """
[providers.openai]
api_key = ["env:NOT_SET", "dotenv:NOT_THERE"]
[providers.groq]
api_key = "env:ALSO_NOT_SET"
"""

SOUND = """
[providers.openai]
api_key = "env:SOME_KEY"
[models.fast]
route = ["openai/gpt-4o"]
"""


def test_what_init_writes_is_a_sound_configuration(shell: Shell) -> None:
    written = shell.run("init")
    assert written.code == 0
    assert "keywright config check" in written.out
    checked = shell.run("config", "check")
    assert checked.code == 0
    assert checked.out.endswith("keywright.toml: ok\n")


def test_init_writes_where_it_is_told(shell: Shell) -> None:
    (shell.folder / "etc").mkdir()
    assert shell.run("init", "--path", "etc", "--json").json == {"path": str(shell.folder / "etc" / "keywright.toml")}
    assert "--config other.toml" in shell.run("init", "--path", "other.toml").out


def test_init_overwrites_only_by_force(shell: Shell) -> None:
    file = shell.folder / "keywright.toml"
    file.write_text("mine")
    refused = shell.run("init")
    assert refused.code == 1
    assert refused.error == "keywright.toml exists already: --force overwrites it"
    assert file.read_text() == "mine"
    assert shell.run("init", "--force").code == 0
    assert file.read_text() != "mine"


def test_init_says_why_it_cannot_write(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    done = shell.run("init", "--path", "file/keywright.toml")
    assert done.code == 1
    assert done.error == "file/keywright.toml cannot be written: Not a directory"


def test_a_sound_configuration_is_told_with_its_references(shell: Shell) -> None:
    file = shell.folder / "keywright.toml"
    file.write_text(SOUND)
    done = shell.run("config", "check", "--json", SOME_KEY=SECRET)
    assert done.json == {
        "ok": True,
        "file": str(file),
        "providers": [{"name": "openai", "kind": "openai", "keys": ["env:SOME_KEY"]}],
        "models": [{"name": "fast", "route": ["openai/gpt-4o"]}],
    }
    told = shell.run("config", "check", SOME_KEY=SECRET)
    assert "env:SOME_KEY" in told.out
    assert SECRET not in told.out + done.out


def test_every_fault_is_told_with_its_line(shell: Shell) -> None:
    (shell.folder / "keywright.toml").write_text(BROKEN)
    done = shell.run("config", "check")
    assert done.code == 2
    assert done.out == ""
    first, second = done.err.splitlines()
    assert first.startswith("error: keywright.toml:3: providers.openai.api_key: env:NOT_SET is not set")
    assert second.startswith("error: keywright.toml:5: providers.groq.api_key: env:ALSO_NOT_SET is not set")


@pytest.mark.parametrize("how", ["argument", "option", "variable", "here"])
def test_a_configuration_is_found_in_every_way(shell: Shell, how: str) -> None:
    file = shell.folder / ("keywright.toml" if how == "here" else "mine.toml")
    file.write_text("[providers.nobody]\n")
    words = {"argument": [file.name], "option": ["--config", file.name]}.get(how, [])
    variables = {"KEYWRIGHT_CONFIG": file.name} if how == "variable" else {}
    assert shell.run("config", "check", *words, **variables).error.startswith(f"{file.name}:1: providers.nobody: ")


def test_a_configuration_that_is_not_there_is_one_line(shell: Shell) -> None:
    assert shell.run("config", "check").error == "there is no keywright.toml here: `keywright init` writes one"
    assert shell.run("up", "--config", "no.toml").error == "no.toml: cannot be read: No such file or directory"


def test_a_secret_in_the_file_is_not_repeated(shell: Shell) -> None:
    (shell.folder / "keywright.toml").write_text(f'[providers.openai]\napi_key = "{SECRET}"\n')
    for words in (("config", "check"), ("up",)):
        done = shell.run(*words)
        assert done.code == 2
        assert SECRET not in done.err


def test_a_dotenv_file_beside_the_configuration_counts(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / ".env").write_text(f"EDGE_KEY={SECRET}\n")
    (tmp_path / "etc" / "keywright.toml").write_text('[providers.openai]\napi_key = "dotenv:EDGE_KEY"\n')
    done = shell.run("config", "check", "etc/keywright.toml")
    assert done.code == 0
    assert SECRET not in done.out + done.err


def test_what_is_called_without_a_key_lacks_none(shell: Shell) -> None:
    identity = 'source = "github"\naudience = "a"\nidentity_provider_id = "i"\nservice_account_id = "s"\n'
    given = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://tokens.example/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET}
    file = shell.folder / "keywright.toml"
    file.write_text(
        f'[[providers.openai.credentials]]\nname = "a"\n[providers.openai.credentials.federation]\n{identity}'
        f'[[providers.openai.credentials]]\nname = "spare"\napi_key = "env:SPARE"\n'
    )
    assert shell.run("config", "check", SPARE="key").out.endswith("keywright.toml: ok\n")
    file.write_text(f"[providers.openai.federation]\n{identity}")
    assert shell.run("config", "check", **given).out.endswith("keywright.toml: ok\n")
    assert "providers.openai.federation.source: ACTIONS_ID_TOKEN_REQUEST_URL and" in shell.run("config", "check").error


def test_secrets_of_the_sealed_store_are_found(shell: Shell) -> None:
    assert shell.run("secret", "create-kek", "kek").code == 0
    (shell.folder / "keywright.toml").write_text(
        f'[secrets.sealed]\nkek = "file:{shell.folder}/kek"\n[providers.openai]\napi_key = "sealed:openai"\n'
    )
    absent = shell.run("config", "check")
    assert absent.error == "keywright.toml:4: providers.openai.api_key: sealed:openai: there is no such secret"
    assert shell.run("secret", "put", "sealed:openai", piped=SECRET).code == 0
    assert shell.run("config", "check").code == 0
    assert SECRET not in shell.run("config", "check", "--json").out


def test_keys_of_credentials_of_their_own_are_told_by_their_names(shell: Shell) -> None:
    (shell.folder / "keywright.toml").write_text(
        '[[providers.openai.credentials]]\nname = "main"\napi_key = ["env:ONE", "env:TWO"]\n'
        '[[providers.openai.credentials]]\nname = "spare"\napi_key = "env:THREE"\n'
    )
    shell.variables.update(ONE=SECRET, THREE=SECRET)
    assert "main: env:ONE, env:TWO; spare: env:THREE" in shell.run("config", "check").out
    (told,) = shell.run("config", "check", "--json").json["providers"]
    assert told["keys"] == ["env:ONE", "env:TWO", "env:THREE"]
