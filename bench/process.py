"""Programs that a benchmark starts: on a core, on a free port, with a log, and never left behind."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.cores import pinned
from bench.errors import BenchError

HOST: Final = "127.0.0.1"
STOP_S: Final = 5.0
PROBE_S: Final = 0.005
LOG_CHARS_SHOWN: Final = 800


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[str], core: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """`command`, running on `core`, what it says in `log`; ended on the way out, by force if need be."""
    with log.open("ab") as out, pinned(core):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
    try:
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End `process`: politely, and by force after `STOP_S`."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def await_listening(process: "subprocess.Popen[bytes]", port: int, log: Path, limit_s: float) -> None:
    """Return once something accepts connections on `port`.

    Raises BenchError, with the end of the log, when `process` ends before or `limit_s` seconds pass.
    """
    deadline = time.monotonic() + limit_s
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1.0):
            return
        check_alive(process, log)
        if time.monotonic() > deadline:
            raise BenchError(f"nothing listens on port {port} after {limit_s:g} s{last_words(log)}")
        time.sleep(PROBE_S)


def check_alive(process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Raise BenchError, with the end of the log, when `process` has ended."""
    if process.poll() is not None:
        name = Path(str(process.args[0] if isinstance(process.args, list | tuple) else process.args)).name
        raise BenchError(f"{name} ended with status {process.returncode}{last_words(log)}")


def last_words(log: Path) -> str:
    """The end of a log, as the tail of an error message."""
    text = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    return f"; the end of its log:\n{text[-LOG_CHARS_SHOWN:]}" if text else ""
