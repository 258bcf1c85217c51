"""`backup` and `restore`: one file, while a gateway runs, and back into a store of either kind."""

import gzip
import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import ADMIN_KEY
from tests.cli.shell import Shell, interrupt
from tests.postgres import PASSWORD, PASSWORD_USER, USER, PostgresServer, empty_postgres_url, postgres

__all__ = ["empty_postgres_url", "postgres"]


def make_key(shell: Shell) -> str:
    """The id of a new key."""
    made: str = shell.run("key", "create", "--name", "ci", "--json").json["id"]
    return made


def keys(shell: Shell, *words: str) -> set[str]:
    return {key["id"] for key in shell.run("key", "list", "--json", *words).json["keys"]}


def test_a_backup_is_restored_to_an_empty_place(shell: Shell, tmp_path: Path) -> None:
    made = make_key(shell)
    done = shell.run("backup", "b.gz", "--json").json
    assert done["file"] == "b.gz"
    assert done["bytes"] == (shell.folder / "b.gz").stat().st_size
    assert done["rows"]["keys"] == 1
    assert stat.S_IMODE((shell.folder / "b.gz").stat().st_mode) == 0o600
    (tmp_path / "other").mkdir()
    other = Shell(tmp_path / "other")
    told = other.run("restore", "../b.gz")
    assert told.code == 0
    assert "rows are restored, as they were at 2" in told.out
    assert keys(other) == {made}


def test_what_is_there_is_replaced_only_when_that_is_meant(shell: Shell) -> None:
    first = make_key(shell)
    assert shell.run("backup", "b.gz").code == 0
    second = make_key(shell)
    refused = shell.run("restore", "b.gz")
    assert refused.code == 2
    assert "Replace all that is in the database" in refused.error
    assert keys(shell) == {first, second}
    assert shell.run("backup", "b.gz").code == 2
    assert shell.run("restore", "b.gz", "--yes", "--json").json["rows"]["keys"] == 1
    assert keys(shell) == {first}


def test_no_secret_is_in_a_backup(shell: Shell) -> None:
    secret = shell.run("key", "create", "--name", "ci", "--json").json["key"]
    assert shell.run("backup", "b.gz").code == 0
    held = gzip.decompress((shell.folder / "b.gz").read_bytes()).decode()
    assert '"ci' in held.replace("\\", "")
    assert secret not in held
    assert secret.rpartition("-")[2][:20] not in held


def test_a_bad_file_is_one_line_and_makes_no_store(shell: Shell) -> None:
    (shell.folder / "b.gz").write_bytes(b"dear diary")
    assert "b.gz is damaged" in shell.run("restore", "b.gz", "--yes").error
    assert "absent.gz cannot be read" in shell.run("restore", "absent.gz", "--yes").error
    assert "there is no store" in shell.run("backup", "c.gz").error
    assert [path.name for path in shell.folder.iterdir()] == ["b.gz"]


def test_a_running_gateway_is_backed_up(shell: Shell) -> None:
    (shell.folder / "keywright.toml").write_text("[server]\nport = 0\n")
    running = Shell(shell.folder, {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY})
    with running.start("up", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        made = make_key(shell)
        assert shell.run("backup", "b.gz", "--json").json["rows"]["keys"] == 1
        assert interrupt(process).code == 0
    assert keys(shell) == {made}


def test_a_store_moves_to_a_server_that_wants_a_password(
    shell: Shell, postgres: PostgresServer, empty_postgres_url: str
) -> None:
    made = make_key(shell)
    assert shell.run("backup", "b.gz").code == 0
    with postgres.connect() as administrator:
        administrator.execute(f"GRANT {USER} TO {PASSWORD_USER}")
    url = empty_postgres_url.replace(f"{USER}@", f"{PASSWORD_USER}@")
    (shell.folder / "pg.toml").write_text(f'[store]\nurl = {json.dumps(url)}\npassword = "env:STORE_PASSWORD"\n')
    words = ("--config", "pg.toml")
    assert "STORE_PASSWORD" in shell.run("restore", "b.gz", *words).error
    guarded = Shell(shell.folder, {"STORE_PASSWORD": PASSWORD})
    assert guarded.run("restore", "b.gz", *words, "--json").json["rows"]["keys"] == 1
    assert keys(guarded, *words) == {made}
    wrong = Shell(shell.folder, {"STORE_PASSWORD": "hunter2"}).run("key", "list", *words).error
    assert "does not let us in" in wrong
    assert "hunter2" not in wrong
    with postgres.connect() as administrator:
        administrator.execute(f"REVOKE {USER} FROM {PASSWORD_USER}")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_help_shows_an_example(shell: Shell, command: str) -> None:
    assert f"Example: keywright {command} /var/backups" in shell.run(command, "--help").out
