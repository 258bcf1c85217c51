"""`keywright secret migrate`: all that the configuration names in a store is copied, or nothing is; it goes on."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from keywright.cli.interrupt import heeding_interrupts
from keywright.cli.secret_migrate import _copied
from keywright.config.file import parse
from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.house.secrets.destination import place_of, read_destination
from keywright.house.secrets.migration import (
    Migration,
    Move,
    Surroundings,
    config_changes,
    copied,
    looked_at,
    planned,
    unneeded,
)
from keywright.house.secrets.named import named_secrets
from keywright.vault.stores import kinds_of, open_vault
from tests.cli.hand import Hand
from tests.store.disks import files_at_most

KEY, SPARE, ADMIN = "sk-canary-5f1d0c9e7b0a1b2c", "sk-canary-0000111122223333", "sk-canary-admin-4444"
ACCOUNT = '{\n  "private_key": "-----BEGIN-----\\nA\'b\\"c $X\\n-----END-----"\n}\n'
ENVIRONMENT = {"OPENAI": KEY, "SPARE": SPARE, "ADMIN": ADMIN, "ACCOUNT": ACCOUNT, "TOKEN": "hvs.canary", "PG": "p"}
CONFIG = """
[store]
password = "env:PG"
[secrets.vault]
token = "env:TOKEN"
[secrets.sealed]
kek = ["file:{base}/kek", "file:{base}/old"]
[secrets.twin]
kind = "dotenv"
path = ".env"
[providers.openai]  # the first
api_key = ["env:OPENAI", "env:SPARE"]
admin_key = "env:ADMIN"
[providers.vertex]
service_account = "env:ACCOUNT"
[[providers.mistral.credentials]]
name = "team.a"
api_key = ["dotenv:MISTRAL", "env:OPENAI"]
[providers.groq]
api_key = "file:{base}/kek"
"""


def migration(base: Path, source: str, target: str, text: str = CONFIG, **found: str) -> Migration:
    """What of `text` moves. `found`: keys that the configuration does not name, by their credentials."""
    config = parse(text.format(base=base))
    places: dict[str, tuple[str, ...]] = {name: (reference,) for name, reference in found.items()}
    for name, given in config.providers.items():
        places |= {f"{name}/{table.name}": table.api_key for table in given.credentials}
        for number, reference in enumerate(given.api_key, 1):
            places[name if number == 1 else f"{name}/{number}"] = (reference,)
    around = Surroundings(kinds_of(config.secrets), config.secrets, base)
    return planned(named_secrets(config, places, {}), source, target, around)


def moved(base: Path, of: Migration, environment: Mapping[str, str] = ENVIRONMENT) -> list[tuple[str, str]]:
    """What becomes of each move."""
    vault = open_vault({}, environment, base, ".env")
    done = [copied(vault, move) for move in of.moves]
    for move in done:
        secret = Secret(environment[move.source.partition(":")[2]])
        assert vault.document(move.target) == secret
        assert move.fingerprint == secret.fingerprint
    return [(move.target, move.state) for move in done]


@pytest.mark.parametrize(
    ("prefix", "place"),
    [
        ("sealed", "sealed:a-b.c"),
        ("sealed:prod-", "sealed:prod-a-b.c"),
        ("dotenv:", "dotenv:A_B_C"),
        ("file:/etc/keys/", "file:/etc/keys/a-b.c"),
        ("keyring:keys/", "keyring:keys/a-b.c"),
        ("vault://secret/llm", "vault://secret/llm#a-b.c"),
        ("vault://secret/llm/", "vault://secret/llm/a-b.c#value"),
        ("vault://secret/llm#x-", "vault://secret/llm#x-a-b.c"),
        ("aws-sm", "aws-sm://a-b.c"),
        ("aws-sm://llm", "aws-sm://llm#a-b.c"),
        ("aws-sm://llm/", "aws-sm://llm/a-b.c"),
        ("gcp-sm://project/", "gcp-sm://project/a-b-c"),
        ("azure-kv://keys/", "azure-kv://keys/a-b-c"),
    ],
)
def test_a_copy_has_a_place_below_the_prefix_as_its_store_writes_names(prefix: str, place: str) -> None:
    stores = kinds_of({})
    assert str(place_of(read_destination(prefix, stores), "a-b.c", stores)) == place


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("env:", "cannot be written"),
        ("vualt://secret/llm", "did you mean vault"),
        ("sk-canary-5f1d", "there is no store"),
        ("file:/etc/keys", "write file:/etc/keys/"),
        ("sealed:prod", "write sealed:prod-"),
        ("dotenv:LLM", "write dotenv:LLM_"),
        ("gcp-sm", "gcp-sm://project/name"),
        ("vault://secret/llm?version=3", "names one version"),
        ("aws-sm://llm?stage=AWSPREVIOUS", "names one version"),
    ],
)
def test_a_prefix_below_which_nothing_can_be_written_is_refused(prefix: str, why: str) -> None:
    with pytest.raises(SecretError, match=why.replace("?", r"\?")) as refused:
        read_destination(prefix, kinds_of({}))
    assert "canary" not in str(refused.value)


def test_all_that_is_named_in_a_store_moves_but_what_opens_stores(tmp_path: Path) -> None:
    of = migration(tmp_path, "env", "sealed:")
    assert [(move.source, move.target) for move in of.moves] == [
        ("env:OPENAI", "sealed:openai"),
        ("env:SPARE", "sealed:openai-2"),
        ("env:ADMIN", "sealed:openai-admin"),
        ("env:ACCOUNT", "sealed:vertex-service-account"),
    ]
    assert of.moves[0].used_for == ("the key of openai", "the key of mistral/team.a, if the first is gone")
    assert [(stay.reference, "kept on this machine" in stay.why) for stay in of.stays] == [
        ("env:PG", True),
        ("env:TOKEN", True),
    ]
    near = migration(tmp_path, "env:", f"file:{tmp_path}/")
    assert [move.target.rpartition("/")[2] for move in near.moves[-2:]] == ["database-password", "vault-token"]
    assert near.stays == ()


def test_the_lines_to_change_and_what_is_needed_no_longer_are_told(tmp_path: Path) -> None:
    of = migration(tmp_path, "env", "sealed:")
    told = config_changes(CONFIG.format(base=tmp_path), "keywright.toml", of)
    assert [(change.line, change.table, change.new) for change in told] == [
        (12, "[providers.openai]", 'api_key = ["sealed:openai", "sealed:openai-2"]'),
        (13, "[providers.openai]", 'admin_key = "sealed:openai-admin"'),
        (15, "[providers.vertex]", 'service_account = "sealed:vertex-service-account"'),
        (18, "[[providers.mistral.credentials]]", 'api_key = ["dotenv:MISTRAL", "sealed:openai"]'),
    ]
    assert unneeded(of) == ("env:OPENAI", "env:SPARE", "env:ADMIN", "env:ACCOUNT")
    shared = migration(
        tmp_path, "env", "sealed:", '[store]\npassword = "env:A"\n[providers.bedrock]\nregion = "r"', bedrock="env:A"
    )
    assert unneeded(shared) == ()
    (added,) = config_changes("[providers.bedrock]", "keywright.toml", shared)
    assert (added.table, added.new) == ("[providers.bedrock]", 'api_key = "sealed:bedrock"')


def test_a_key_that_encrypts_keys_stays(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="never copied"):
        migration(tmp_path, "file", "sealed:", CONFIG.partition("[providers.groq]")[0])


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("nowhere", "sealed:", "there is no store"),
        ("keyring", "sealed:", "names no secret in keyring"),
        ("dotenv", "twin:", "are one place"),
        ("dotenv", "dotenv:", "are one place"),
    ],
)
def test_what_would_copy_nothing_is_refused(tmp_path: Path, source: str, target: str, why: str) -> None:
    with pytest.raises(SecretError, match=why):
        migration(tmp_path, source, target, CONFIG.replace("dotenv:MISTRAL", "dotenv:MISTRAL_TEAM_A"))


def test_two_names_for_one_place_are_refused(tmp_path: Path) -> None:
    table = '[providers."{name}"]\nkind = "openai"\napi_key = "env:{key}"\n'
    with pytest.raises(SecretError, match="env:X and env:Y would both be dotenv:A_B"):
        migration(tmp_path, "env", "dotenv:", table.format(name="a.b", key="X") + table.format(name="a_b", key="Y"))
    (tmp_path / "openai").symlink_to(tmp_path / "real")
    with pytest.raises(SecretError, match="are one place"):
        migration(tmp_path, "file", f"file:{tmp_path}/", '[providers.openai]\napi_key = "file:{base}/real"')


@pytest.mark.parametrize("target", ["dotenv:LLM_", "file:{base}/keys/"])
def test_a_run_that_was_ended_is_gone_on_with_and_a_copy_is_what_was_copied(tmp_path: Path, target: str) -> None:
    (tmp_path / "keys").mkdir()
    of = migration(tmp_path, "env", target.format(base=tmp_path))
    half = Migration(of.moves[:2], ())
    assert {state for _, state in moved(tmp_path, half)} == {"copied"}
    assert [state for _, state in moved(tmp_path, of)] == ["there", "there"] + ["copied"] * (len(of.moves) - 2)
    assert {state for _, state in moved(tmp_path, of)} == {"there"}


def test_another_secret_is_never_written_over(tmp_path: Path) -> None:
    first, second, *_ = migration(tmp_path, "env", "dotenv:").moves
    vault = open_vault({}, {**ENVIRONMENT, "OPENAI": "sk-canary-another"}, tmp_path, ".env")
    copied(vault, first)
    vault = open_vault({}, ENVIRONMENT, tmp_path, ".env")
    assert [looked_at(vault, move).state for move in (first, second)] == ["differs", "to copy"]
    with pytest.raises(SecretError, match="has another secret already") as refused:
        copied(vault, first)
    assert "canary" not in str(refused.value)
    assert vault.resolve("dotenv:OPENAI") == Secret("sk-canary-another")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    first, *_, document = migration(tmp_path, "env", "dotenv:").moves[:4]
    vault = open_vault({}, ENVIRONMENT, tmp_path, ".env")
    copied(vault, first)
    with files_at_most((tmp_path / ".env").stat().st_size + 10), pytest.raises(SecretError, match="is not written"):
        copied(vault, document)
    assert looked_at(vault, first).state == "there"
    assert copied(vault, document).state == "copied"


async def test_the_second_interrupt_is_as_usual() -> None:
    with heeding_interrupts() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        while not interrupted():
            await asyncio.sleep(0.001)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_an_interrupt_no_other_copy_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KEYWRIGHT_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    told: list[str] = []

    def tell(move: Move) -> None:
        if not told:
            os.kill(os.getpid(), signal.SIGINT)
        told.append(move.state)

    text = '[providers.openai]\napi_key = ["env:OPENAI", "env:SPARE", "env:ADMIN"]\n'
    (tmp_path / "keywright.toml").write_text(text)
    outcome = asyncio.run(_copied(None, "dotenv:", migration(tmp_path, "env", "dotenv:", text), tell))
    assert outcome.interrupted
    assert outcome.left == 3 - len(told) > 0


def test_the_command_shows_the_plan_asks_copies_and_says_what_to_change(tmp_path: Path) -> None:
    hand = Hand(tmp_path, {"OPENAI": KEY})
    (tmp_path / "keywright.toml").write_text('[providers.openai]\napi_key = "env:OPENAI"\n')
    words = ("secret", "migrate", "--from", "env", "--to", "dotenv:")
    asked = hand.run(*words)
    assert asked.code == 2
    assert "to copy" in asked.out
    assert "say --yes" in asked.err
    assert not (tmp_path / ".env").exists()
    assert "to copy" in hand.run(*words, "--dry-run").out
    assert not (tmp_path / ".env").exists()
    done = hand.run(*words, "--yes")
    assert done.code == 0
    assert '  + api_key = "dotenv:OPENAI"\n' in done.out
    assert "the variable OPENAI of the environment" in done.out
    again = hand.run(*words, "--json")
    assert again.json["done"]
    (row,) = again.json["rows"]
    assert (row["from"], row["to"], row["state"]) == ("env:OPENAI", "dotenv:OPENAI", "there")
    assert row["fingerprint"] == Secret(KEY).fingerprint
    assert KEY not in asked.out + asked.err + done.out + done.err + again.out
    assert "has another secret already" in hand.run(*words, "--yes", OPENAI=SPARE).err
    empty = hand.run(*words, OPENAI="")
    assert "env:OPENAI is empty" in empty.err
    assert "nothing was written" in empty.err
