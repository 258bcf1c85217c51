"""Running the embedded model: in a process of its own, so that its threads and memory are not the gateway's.

The child listens on loopback only, on a free port unless one is given, and dies with this process. It serves OpenAI
chat completions and Anthropic messages alike (`/v1/chat/completions`, `/v1/messages`).
"""

import asyncio
import contextlib
import http.client
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import msgspec

from keywright.core.errors import KeywrightError
from keywright.local.model import find_weights, require_runtime

START_S: Final = 30.0
PROBE_S: Final = 0.05
STOP_S: Final = 5.0
HANDSHAKE_BYTES_MAX: Final = 4096


class LocalModelError(KeywrightError):
    """The embedded model did not start, or not in time."""


class LocalSettings(msgspec.Struct, frozen=True):
    """How to run it. `port` 0 takes a free one; `log` is where llama.cpp writes (nowhere, when None)."""

    port: int = 0
    threads: int = 1
    log: Path | None = None
    start_s: float = START_S


class _Handshake(msgspec.Struct):
    base_url: str = ""
    error: str = ""


class LocalModel:
    """The embedded model, running. `base_url` has no version: `http://127.0.0.1:PORT`. Close it when done."""

    def __init__(self, base_url: str, process: "subprocess.Popen[bytes]") -> None:
        self.base_url = base_url
        self._process = process

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child is alive."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the child. Waits at most `STOP_S` for it to go by itself."""
        _stop(self._process)

    async def aclose(self) -> None:
        """`close`, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> "LocalModel":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def start(settings: LocalSettings | None = None) -> LocalModel:
    """Start the embedded model and wait until it answers (under a second, usually). Blocks: not for an event loop.

    Raises:
        LocalModelMissingError: it is not installed.
        LocalModelError: it did not come up within `settings.start_s`.
    """
    settings = settings or LocalSettings()
    require_runtime()
    weights = find_weights()
    deadline = time.monotonic() + settings.start_s
    process = subprocess.Popen(  # noqa: S603 - our own module, run by this very interpreter; nothing from a request
        [
            *(sys.executable, "-m", "keywright.local", str(weights)),
            *("--port", str(settings.port), "--threads", str(settings.threads)),
            *("--log", str(settings.log or os.devnull)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
    )
    with _stopped_on_failure(process):
        base_url = _handshake(process, deadline)
        _await_health(base_url, deadline)
        return LocalModel(base_url, process)


@contextlib.contextmanager
def _stopped_on_failure(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    except BaseException:
        _stop(process)
        raise


def _handshake(process: "subprocess.Popen[bytes]", deadline: float) -> str:
    """The address that the child says it listens on."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    said = b""
    while not said.endswith(b"\n") and len(said) < HANDSHAKE_BYTES_MAX:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise LocalModelError("the embedded model did not start in time")
        piece = os.read(descriptor, HANDSHAKE_BYTES_MAX)
        if not piece:
            raise LocalModelError("the embedded model ended before it listened")
        said += piece
    line = msgspec.json.decode(said, type=_Handshake)
    if line.error:
        raise LocalModelError(f"the embedded model did not start: {line.error}")
    return line.base_url


def _await_health(base_url: str, deadline: float) -> None:
    """Return once `/health` answers 200."""
    address = urlsplit(base_url)
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=1.0)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(PROBE_S)
    raise LocalModelError("the embedded model did not become healthy in time")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the child by ending its input, or, when that does not do, by force."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
