"""The program within this process: for the many commands of administration, whose API is then built only once."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keywright.cli import program
from tests.cli.shell import Done


@dataclass(frozen=True)
class Hand:
    """Runs commands in `folder`. `variables` is all of their environment that matters; `name` tells hands apart."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    name: str = "local"

    def run(self, *words: str, **variables: str) -> Done:
        """Run to the end; nobody can be asked."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as here:
            here.chdir(self.folder)
            for name in list(os.environ):
                if name.startswith("KEYWRIGHT_"):
                    here.delenv(name)
            for name, value in {**self.variables, **variables}.items():
                here.setenv(name, value)
            here.setattr(sys, "stdin", io.StringIO())
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = program.run(list(words))
        return Done(code, out.getvalue(), err.getvalue())
