"""What each process of a sweep does first: it writes down the secrets that it holds, and keeps what it says.

Python imports this at its start where the folder is on PYTHONPATH. It touches nothing unless KEYWRIGHT_CANARY names the
folder of a sweep, and imports nothing of the product by itself.
"""

import base64
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

VARIABLE = "KEYWRIGHT_CANARY"
SECRET = "keywright.core.secret"
LOOKALIKES = "keywright.core.redaction:_shown"
"""Makes a secret of what only looks like one: a value that is noted so may still come to be held."""
BORN = "born"
SAID = "said"
KEPT = "kept"
"""Folders of a sweep: the secrets, by process; beside it what is searched, and in that what processes said."""


class Noting(importlib.abc.MetaPathFinder):
    """Lets `Secret` note its values, from its import on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != SECRET:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load, folder = spec.loader.exec_module, self._folder

            def loaded(module: Any) -> None:
                load(module)
                note(module.Secret, folder)

            spec.loader.exec_module = loaded  # type: ignore[method-assign]
        return spec


class Tee(io.FileIO):
    """A standard stream, with a copy in a file."""

    def __init__(self, number: int, copy: int) -> None:
        super().__init__(number, "wb", closefd=False)
        self._copy = copy

    def write(self, data: Any) -> int | None:
        with contextlib.suppress(OSError):  # a test may let its process write no more
            os.write(self._copy, data)
        return super().write(data)


def note(secret: Any, folder: Path) -> None:
    """Write down each value of `secret`, a class, with where it was made."""
    book = opened(folder / BORN)
    made, seen = secret.__init__, set()

    def noting(self: Any, value: str) -> None:
        made(self, value)
        if value not in seen:
            frame = sys._getframe(1)
            site = f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}"
            if site != LOOKALIKES:
                seen.add(value)
            line = f"{base64.b64encode(value.encode('utf-8', 'replace')).decode()} {site}\n"
            os.write(book, b"\n" + line.encode())  # behind a line that a full disk may have cut

    secret.__init__ = noting


def opened(folder: Path) -> int:
    """A file of this process's, and of those that it forks, to be written by whole lines."""
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f"{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def keep_what_is_said(folder: Path) -> None:
    """Copy standard output and standard error."""
    copy = opened(folder / KEPT / SAID)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            continue
        try:
            tee: Any = Tee(stream.fileno(), copy)
        except (OSError, ValueError):
            continue
        again = io.TextIOWrapper(
            io.BufferedWriter(tee),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, again)
        setattr(sys, f"__{name}__", again)


def watch_children() -> None:
    """Let every process that is started from here do the same, whatever environment it is given."""
    start = subprocess.Popen.__init__
    handed = {name: os.environ[name] for name in (VARIABLE, "PYTHONPATH")}

    def starting(self: Any, *words: Any, **options: Any) -> None:
        given = options.get("env")
        if given is not None:
            path = [handed["PYTHONPATH"], given["PYTHONPATH"]] if given.get("PYTHONPATH") else [handed["PYTHONPATH"]]
            options["env"] = {VARIABLE: handed[VARIABLE], **given, "PYTHONPATH": os.pathsep.join(path)}
        start(self, *words, **options)

    subprocess.Popen.__init__ = starting  # type: ignore[method-assign]


def run_the_next() -> None:
    """Run the file of this name that would have been imported if this one were not there."""
    for folder in sys.path:
        file = Path(folder) / Path(__file__).name
        if file.is_file() and not file.samefile(__file__):
            runpy.run_path(str(file))
            return


if VARIABLE in os.environ:
    sys.meta_path.insert(0, Noting(Path(os.environ[VARIABLE])))
    keep_what_is_said(Path(os.environ[VARIABLE]))
    watch_children()
run_the_next()
