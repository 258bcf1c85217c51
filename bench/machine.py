"""Where a run took place: figures of different machines are not compared."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

from msgspec import Struct

from bench.nginx import find_nginx


class Machine(Struct, frozen=True):
    """What a reader must know of it."""

    date: str
    commit: str
    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    nginx: str


def this_machine() -> Machine:
    """This one, now."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    version = subprocess.run([find_nginx(), "-v"], capture_output=True, text=True, timeout=10, check=False).stderr
    return Machine(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        commit=_commit(),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=memory / 2**30,
        kernel=platform.release().partition("-")[0],
        python=platform.python_version(),
        nginx=version.rpartition(" ")[2].strip(),
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            cwd=Path(__file__).parent,
        )
    except FileNotFoundError:
        return "unknown"
    return found.stdout.strip() or "unknown"
