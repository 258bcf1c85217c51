"""Processes that hold secrets leave no image of themselves."""

import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.acceptance.program import command, up

CONFIG = '[store]\nurl = "sqlite:///test.db"\n[server]\nport = 0\nworkers = 2\n'
SITE = """
import ctypes, os
def note(who):
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{who} {os.getpid()} {dumpable}\\n")
os.register_at_fork(before=lambda: note("parent"), after_in_child=lambda: note("worker"))
"""


def state(variables: dict[str, str], folder: Path, *words: str) -> set[str]:
    """Whether the process of a command can be dumped when it ends: "0" or "1"."""
    notes = folder / words[0]
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "sitecustomize.py").write_text(SITE + 'import atexit\natexit.register(note, "command")\n')
    given = {**variables, "PYTHONPATH": str(folder / "site"), "NOTES": str(notes)}
    command(folder, given, *words)
    return {line.split()[2] for line in notes.read_text().splitlines() if line.startswith("command")}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows of it")
def test_no_command_that_is_given_secrets_can_be_dumped(tmp_path: Path) -> None:
    assert state({}, tmp_path, "--version") == {"1"}, "it holds none"
    assert state({"A_KEY": "sk-0123456789"}, tmp_path, "secret", "get-fingerprint", "env:A_KEY") == {"0"}


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="this system does not tell of other processes")
def test_no_process_of_a_gateway_can_be_dumped(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    notes = tmp_path / "notes"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    variables = {"PYTHONPATH": str(tmp_path / "site"), "NOTES": str(notes)}
    try:
        with up(tmp_path, CONFIG, variables) as program:
            pids = [program.process.pid, *program.workers]
            assert len(pids) == 3
            for pid in pids:
                (line,) = (
                    line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file size" in line
                )
                assert line.split()[4:6] == ["0", "0"]
            program.signal(signal.SIGABRT)
            assert program.ended() == -signal.SIGABRT
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert [file.name for file in tmp_path.rglob("core*")] == []
    told = {tuple(line.split()[:2]): line.split()[2] for line in notes.read_text().splitlines()}
    assert set(told) >= {("parent", str(pids[0])), *(("worker", str(pid)) for pid in pids[1:])}
    assert set(told.values()) == {"0"}
