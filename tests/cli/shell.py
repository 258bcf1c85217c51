"""The program as a person runs it: in a folder, with an environment of its own.

Most of the second that a command takes goes to loading modules. So most commands of these tests are forked from a
process that has loaded them (`Shell.run`): processes of their own, too, with their own streams and exit code. What the
installed program does from its first byte on is asked with `Shell.run_installed` and `Shell.start`.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "keywright"
WITHIN_S = 30.0
"""No command takes longer."""

LOADED = "tests.cli.loaded"
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([LOADED])


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of a failure; nothing else was said."""
        assert self.code not in (0, 130), self
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        return line.removeprefix("error: ")


@dataclass
class Shell:
    """Runs commands in `folder`. `variables` is all of their environment that matters."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, piped: str = "", **variables: str) -> Done:
        """Run to the end, with `piped` on standard input."""
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(tempfile.NamedTemporaryFile("w+", encoding="utf-8")) for _ in range(3)]
            given, out, err = streams
            given.write(piped)
            given.flush()
            names = [stream.name for stream in streams]
            process = FORKS.Process(target=_act, args=(words, str(self.folder), self.environment(variables), names))
            process.start()
            process.join(WITHIN_S)
            process.kill()
            process.join()
            assert process.exitcode is not None
            return Done(process.exitcode, out.read(), err.read())

    def run_installed(self, *words: str, piped: str = "", **variables: str) -> Done:
        """As `run`, by the program that is installed, from the start of its process on."""
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=self.folder,
            env=self.environment(variables),
            input=piped,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def start(self, *words: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
        """Run beside the test, killed at the end if it still runs."""
        process = subprocess.Popen(
            [PROGRAM, *words],
            cwd=self.folder,
            env=self.environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        """The environment of a command: nothing of this process's but where programs are."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.variables, **variables}


def _act(words: tuple[str, ...], folder: str, variables: Mapping[str, str], names: list[str]) -> None:
    """What a forked process does: it becomes the command."""
    from keywright.cli import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, (name, flags) in enumerate(zip(names, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        opened = os.open(name, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
    sys.argv = [str(PROGRAM), *words]
    main()


def interrupt(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGINT) -> Done:
    """What the process says from now on, and how it ends, after the signal."""
    process.send_signal(number)
    out, err = process.communicate(timeout=WITHIN_S)
    return Done(process.returncode, out, err)
