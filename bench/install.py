"""How much is installed? A fresh environment with the project and what it needs, no extras, in the locked versions."""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.errors import BenchError
from bench.gateway import NAME
from bench.lab import Lab
from bench.process import LOG_CHARS_SHOWN
from bench.sample import Case, Figures

INSTALL_S_MAX: Final = 600.0
ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements" / "run.txt"
NOT_OURS: Final = ("pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack")
"""What an environment has before anything is installed."""
BLOCK_BYTES: Final = 512
MB: Final = 1e6


@contextlib.contextmanager
def install(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """The gateway only: nginx is not a Python package. Needs a package index."""
    if any(program.name == NAME for program in lab.programs):
        yield (Case(name="base install", target=NAME, measure=functools.partial(_measure, lab)),)
    else:
        yield ()


def _measure(lab: Lab) -> Figures:
    folder = lab.new_folder("install")
    constraints = folder / "constraints.txt"
    constraints.write_text(without_hashes(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
    _run([sys.executable, "-m", "venv", str(folder / "venv")])
    python = str(folder / "venv" / "bin" / "python")
    _run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", str(constraints), str(ROOT)])
    (packages,) = (folder / "venv" / "lib").glob("python3.*/site-packages")
    return {
        "install_mb": disk_bytes(packages, NOT_OURS) / MB,
        "packages": sum(1 for info in packages.glob("*.dist-info") if _distribution(info.name) not in NOT_OURS),
    }


def without_hashes(lock: str) -> str:
    """The pins of a lock file, as constraints: what is not needed is then not installed."""
    pins = (line.removesuffix("\\").strip() for line in lock.splitlines() if "==" in line)
    return "".join(f"{pin}\n" for pin in pins)


def disk_bytes(folder: Path, ignored: tuple[str, ...]) -> int:
    """What `du` says of `folder`, without the distributions `ignored`."""
    total = 0
    for entry in folder.iterdir():
        if _distribution(entry.name) not in ignored:
            total += entry.lstat().st_blocks * BLOCK_BYTES
            for parent, folders, files in os.walk(entry):
                total += sum((Path(parent) / name).lstat().st_blocks for name in (*folders, *files)) * BLOCK_BYTES
    return total


def _distribution(name: str) -> str:
    return name.partition("-")[0].lower()


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False)
    if ended.returncode != 0:
        raise BenchError(f"`{' '.join(command[:6])} …` failed: {ended.stderr[-LOG_CHARS_SHOWN:]}")
