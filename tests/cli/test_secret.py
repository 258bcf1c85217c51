"""`keywright secret`: keys go in, are checked and moved, and never come out."""

from pathlib import Path

import pytest

from keywright.cli.program import run
from keywright.core.secret import Secret
from tests.cli.shell import Done, Shell

VALUE = "sk-canary-5f1d0c9e7b0a1b2c3d4e"
CONFIG = """
[secrets.sealed]
kek = "file:{folder}/kek"
[providers.openai]
api_key = "env:OPENAI_KEY"
[providers.groq]
api_key = "dotenv:GROQ"
"""
ALL_PLACES = """
admin_key = "env:ADMIN"
[store]
password = "env:PASSWORD"
[secrets.vault]
address = "http://127.0.0.1:9"
login = "approle"
role_id = "gateway"
secret_id = "env:VAULT_SECRET"
[providers.vertex]
service_account = "file:/nowhere/account.json"
project = "p"
[providers.mistral]
api_key = "keyring:a/b"
"""


@pytest.fixture
def ready(shell: Shell) -> Shell:
    assert asked(shell, "create-kek", str(shell.folder / "kek")).code == 0
    (shell.folder / "keywright.toml").write_text(CONFIG.format(folder=shell.folder))
    return shell


def asked(shell: Shell, *words: str, piped: str = "") -> Done:
    done = shell.run("secret", *words, piped=piped, OPENAI_KEY=VALUE)
    assert VALUE not in done.out + done.err
    return done


def test_a_secret_is_put_from_standard_input_and_known_by_its_fingerprint(ready: Shell) -> None:
    done = asked(ready, "put", "sealed:mine", "--json", piped=VALUE + "\n")
    assert done.json == {"reference": "sealed:mine", "fingerprint": Secret(VALUE).fingerprint, "version": "1"}
    assert asked(ready, "get-fingerprint", "sealed:mine").out.strip() == Secret(VALUE).fingerprint
    assert asked(ready, "list", "sealed", "--json").json == {"rows": ["sealed:mine"]}
    assert VALUE.encode() not in b"".join(path.read_bytes() for path in ready.folder.glob("keywright.db*"))


def test_a_secret_as_an_argument_is_refused_and_not_repeated(ready: Shell) -> None:
    plain = "f7Qz0LmP2vXy"
    done = ready.run("secret", "put", "sealed:mine", plain, piped=VALUE)
    assert done.code == 2
    assert "a secret is no argument" in " ".join(done.err.split())
    assert plain not in done.out + done.err
    assert asked(ready, "get-fingerprint", "sealed:mine").code != 0


def test_what_is_no_reference_is_refused_before_a_secret_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEYWRIGHT_URL", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert run(["secret", "put", "sealled:openai"]) == 2
    assert "a secret reference is written env:NAME" in capsys.readouterr().err


def test_a_file_of_keys_that_others_may_read_or_git_would_track_is_warned_of(ready: Shell) -> None:
    (ready.folder / ".env").write_text(f"GROQ={VALUE}")
    (ready.folder / ".git").mkdir()
    (ready.folder / ".env").chmod(0o644)
    said = asked(ready, "check").err
    assert "git would track .env: add .env to .gitignore" in said
    assert "run chmod 600 .env" in said


def test_what_cannot_be_read_is_told_and_fails_the_check(ready: Shell) -> None:
    done = asked(ready, "check", "--json")
    assert done.code == 1
    good, bad, kek = done.json["rows"]
    assert (good["reference"], good["state"], good["used_for"]) == ("env:OPENAI_KEY", "ok", "the key of openai")
    assert good["fingerprint"] == Secret(VALUE).fingerprint
    assert (bad["state"], bad["credential"]) == ("absent", "groq")
    assert bad["why"].startswith("dotenv:GROQ: there is no file")
    assert (kek["state"], kek["used_for"]) == ("ok", "the store sealed: encrypts its keys")


def test_every_secret_that_is_named_anywhere_is_checked(ready: Shell) -> None:
    text = CONFIG.format(folder=ready.folder).replace("[providers.groq]", ALL_PLACES + "[providers.groq]")
    (ready.folder / "keywright.toml").write_text(text)
    (ready.folder / "open").write_text("sk-open-to-others")
    (ready.folder / "open").chmod(0o644)
    (ready.folder / "kek").write_text("not a key")
    done = asked(ready, "check", "--json")
    states = {row["reference"]: row["state"] for row in done.json["rows"]}
    assert states == {
        "env:OPENAI_KEY": "ok",
        "env:ADMIN": "absent",
        "file:/nowhere/account.json": "absent",
        "dotenv:GROQ": "absent",
        "keyring:a/b": states["keyring:a/b"],
        "env:VAULT_SECRET": "absent",
        "env:PASSWORD": "absent",
        f"file:{ready.folder}/kek": "unusable",
    }
    assert done.code == 1


def test_looking_makes_no_database_and_stores_are_told_with_their_own_names(ready: Shell) -> None:
    (ready.folder / "keywright.toml").write_text(
        CONFIG.format(folder=ready.folder) + '[secrets.second]\nkind = "dotenv"\npath = "second.env"\n'
    )
    asked(ready, "put", "second:KEY", piped=VALUE)
    assert asked(ready, "list", "second", "--json").json == {"rows": ["second:KEY"]}
    rows = asked(ready, "list", "--json").json["rows"]
    assert [(row["name"], row["kind"], row["reachable"]) for row in rows] == [
        ("dotenv", "dotenv", True),
        ("env", "env", True),
        ("sealed", "sealed", True),
        ("second", "dotenv", True),
    ]
    assert asked(ready, "list", "sealed", "--json").json == {"rows": []}
    assert "there is no such secret" in asked(ready, "get-fingerprint", "sealed:mine").error
    asked(ready, "check")
    assert list(ready.folder.glob("keywright.db*")) == []


def test_without_a_file_the_keys_of_the_environment_are_checked(shell: Shell) -> None:
    done = shell.run("secret", "check", "--json", OPENAI_API_KEY=VALUE)
    assert [(row["reference"], row["state"]) for row in done.json["rows"]] == [("env:OPENAI_API_KEY", "ok")]
    assert done.code == 0


def test_the_proof_of_a_workload_is_checked_as_it_is_used_and_is_in_no_store(shell: Shell) -> None:
    proof = shell.folder / "proof"
    (shell.folder / "keywright.toml").write_text(
        f'[providers.openai.federation]\ntoken_file = "{proof}"\nidentity_provider_id = "i"\nservice_account_id = "s"\n'
    )
    states = []
    for text in (None, VALUE, "head.claims.signature"):
        if text is not None:
            proof.write_text(text)
            proof.chmod(0o644)  # as platforms lay it
        states.append([row["state"] for row in asked(shell, "check", "--json").json["rows"]])
    assert states == [["absent"], ["unusable"], ["ok"]]
    assert asked(shell, "list", "--json").json == {"rows": []}


def test_a_sealed_store_without_a_key_is_told_so(shell: Shell) -> None:
    assert "needs [secrets.sealed] with kek" in asked(shell, "put", "sealed:mine", piped=VALUE).error


def test_a_secret_in_a_references_place_is_not_repeated(ready: Shell) -> None:
    for words in (("check", VALUE), ("get-fingerprint", VALUE), ("put", VALUE)):
        assert "reference" in asked(ready, *words, piped=VALUE).error


def test_wrong_input_changes_nothing(ready: Shell, tmp_path: Path) -> None:
    assert "no secret was given" in asked(ready, "put", "sealed:mine").error
    assert "cannot be written" in asked(ready, "put", "env:A", piped=VALUE).error
    assert "there is no store" in asked(ready, "list", "nowhere").error
    assert "File exists" in asked(ready, "create-kek", str(tmp_path / "kek")).error
