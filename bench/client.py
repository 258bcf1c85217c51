"""Our own client programs: run on the load core, one job each, measured between the moment they are warm and the end.

A client reads its job as JSON from standard input, prints `WARM` when the load is steady, and its result as JSON when
the time is over. Whoever runs it reads the target's CPU clock at both moments.
"""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from bench.cores import pinned
from bench.cpu import cpu_s, rss_bytes
from bench.errors import BenchError
from bench.process import LOG_CHARS_SHOWN, stop

WARM: Final = b"warm"
CLIENT_S_MAX: Final = 120.0
ROOT: Final = Path(__file__).resolve().parents[1]

ResultT = TypeVar("ResultT")


class Used(Struct, frozen=True):
    """What the target used while a client measured it. All zero for a target without a process."""

    cpu_s: float = 0.0
    rss_bytes: int = 0


def run_client(module: str, job: Struct, result: type[ResultT], core: int, pid: int | None) -> tuple[ResultT, Used]:
    """Run `python -m module` with `job`; its result, and what the process tree of `pid` used meanwhile.

    Raises BenchError when the client fails or takes longer than `CLIENT_S_MAX`.
    """
    with pinned(core):
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    watchdog = threading.Timer(CLIENT_S_MAX, process.kill)
    watchdog.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(job))
        process.stdin.close()
        warm = process.stdout.readline().strip() == WARM
        before_s = cpu_s(pid) if pid else 0.0
        answer = process.stdout.readline()
        used = Used(cpu_s=cpu_s(pid) - before_s, rss_bytes=rss_bytes(pid)) if pid else Used()
        if not warm or not answer:
            raise BenchError(f"{module} failed: {_said(process)}")
        return msgspec.json.decode(answer, type=result), used
    finally:
        watchdog.cancel()
        stop(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _said(process: "subprocess.Popen[bytes]") -> str:
    """The last line on its standard error: of a traceback, the error."""
    assert process.stderr is not None
    text = process.stderr.read().decode("utf-8", "replace").strip()
    return text.rpartition("\n")[2][-LOG_CHARS_SHOWN:] or "it took too long"
