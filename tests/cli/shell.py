"""The installed program as a person runs it: in a folder, with an environment of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "keywright"
WITHIN_S = 30.0
"""No command takes longer."""


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


def interrupt(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGINT) -> Done:
    """What the process says from now on, and how it ends, after the signal."""
    process.send_signal(number)
    out, err = process.communicate(timeout=WITHIN_S)
    return Done(process.returncode, out, err)
