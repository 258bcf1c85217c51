"""The program as a whole: help, failures of one line, pipes that end."""

import subprocess
import time
from pathlib import Path

import pytest
from rich.text import Text
from typer.main import get_command

from keywright.cli.program import program
from tests.cli.hand import Hand
from tests.cli.shell import PROGRAM, Shell

HELP_S = 15.0
"""On a busy machine. What makes it quick is that nothing heavy is loaded."""
"""Far above what it takes (0.2 s), as the machine may be busy; above it, something heavy is imported."""

COMMANDS = (
    "up",
    "demo",
    "init",
    "config check",
    *(f"project {word}" for word in ("create", "list", "show", "update", "archive", "restore")),
    *(f"project member {word}" for word in ("add", "remove", "list")),
    *(f"user {word}" for word in ("create", "list", "show", "update", "disable", "enable")),
    *(f"service-account {word}" for word in ("create", "list", "show", "update", "disable", "enable")),
    *(f"key {word}" for word in ("create", "list", "show", "update", "rotate", "revoke", "children")),
    *(f"{noun} {word}" for noun in ("budget", "limit") for word in ("create", "list", "show", "update", "delete")),
    "models",
    "chat",
    "usage",
    "usage reconcile",
    "cost",
    "explain",
    "policy test",
    "policy replay",
    "backup",
    "restore",
)


def test_it_says_its_version(shell: Shell) -> None:
    done = shell.run_installed("--version")
    assert done.code == 0
    assert done.out.startswith("keywright 0.")


def test_its_help_is_there_at_once_and_names_every_command(shell: Shell) -> None:
    started = time.monotonic()
    done = shell.run_installed("--help")
    assert time.monotonic() - started < HELP_S
    assert done.code == 0
    for command in COMMANDS:
        assert command.split()[0] in done.out
    assert shell.run().out == done.out


def test_its_help_imports_nothing_heavy(shell: Shell) -> None:
    done = shell.run_installed("--help", PYTHONPROFILEIMPORTTIME="1")
    assert "typer" in done.err
    assert not [
        heavy for heavy in ("sqlalchemy", "uvicorn", "alembic", "litestar", "keywright.house") if heavy in done.err
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example_and_takes_json(tmp_path: Path, command: str) -> None:
    done = Hand(tmp_path).run(*command.split(), "--help")
    assert done.code == 0
    assert "Example: " in done.out
    assert f"keywright {command}" in done.out
    assert "--json" in done.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("upp",), "No such command 'upp'. Did you mean 'up'? (see: keywright --help)"),
        (("key",), "Missing command. (see: keywright key --help)"),
        (("usage", "--zzz"), "No such option: --zzz (see: keywright usage --help)"),
        (("up", "--port", "70000"), "'--port'"),
        (("up", "--workers", "0"), "'--workers'"),
    ],
)
def test_wrong_words_are_one_line_and_exit_code_2(shell: Shell, words: tuple[str, ...], expected: str) -> None:
    done = shell.run(*words)
    assert done.code == 2
    assert expected in done.error


def test_a_reader_that_leaves_is_no_failure_to_shout_about(shell: Shell) -> None:
    with shell.start("key", "create", "--name", "ci") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stdout = None


def test_an_output_that_cannot_be_written_is_one_line(shell: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [PROGRAM, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20, check=False
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_colours_are_for_terminals_only(shell: Shell) -> None:
    shell.run("key", "create", "--name", "ci")
    assert "\x1b" not in shell.run("key", "list").out
    assert "\x1b" not in shell.run("key", "show", "none").err


def test_no_word_of_its_help_is_lost_as_markup() -> None:
    groups, helps = [get_command(program())], list[str]()
    while groups:
        command = groups.pop()
        groups.extend(getattr(command, "commands", {}).values())
        helps += filter(None, (command.help, command.epilog, *(getattr(each, "help", "") for each in command.params)))
    assert len(helps) > len(COMMANDS)
    assert [text for text in helps if Text.from_markup(text).plain != text] == []
