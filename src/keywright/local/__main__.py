"""The child process that runs the embedded model: `python -m keywright.local WEIGHTS --port N --threads N --log FILE`.

It speaks one line of JSON on standard output, `{"base_url": …}` once it listens or `{"error": …}`, then nothing more.
It ends when its standard input does, so it never outlives the process that started it, however that one died.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from keywright.local.model import ALIAS

if TYPE_CHECKING:
    import xllamacpp

CONTEXT_TOKENS = 8192
PARALLEL_CALLS = 4


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="keywright.local", description="Serve the embedded model on this machine.")
    parser.add_argument("weights", type=Path, help="a GGUF file")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="where llama.cpp writes its log")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to end us
    handshake = _take_over_output(options.log)
    try:
        server = _serve(options.weights, options.port, options.threads)
    except Exception as error:  # noqa: BLE001 - whatever stops llama.cpp is told to the parent, which raises it
        _say(handshake, {"error": str(error)})
        sys.exit(1)
    _say(handshake, {"base_url": server.listening_address})
    sys.stdin.buffer.read()
    os._exit(0)  # llama.cpp's own end waits for calls that are still running; nobody is left to read their answers


def _take_over_output(log: Path) -> BinaryIO:
    """Point standard output and error at `log`, also for native code; what was standard output is returned."""
    handshake = os.fdopen(os.dup(1), "wb")
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return handshake


def _serve(weights: Path, port: int, threads: int) -> "xllamacpp.Server":
    """Start llama.cpp's HTTP server, which listens on return. Its threads run until the object is collected."""
    import xllamacpp  # noqa: PLC0415 - an extra, and it prints on import: only here, after output was taken over

    settings = xllamacpp.CommonParams()
    settings.model.path = str(weights)
    settings.hostnames = ["127.0.0.1"]
    settings.port = port
    settings.n_ctx = CONTEXT_TOKENS
    settings.n_parallel = PARALLEL_CALLS
    settings.cpuparams.n_threads = threads
    settings.cpuparams_batch.n_threads = threads
    settings.model_alias = {ALIAS}
    settings.ui = False
    return xllamacpp.Server(settings)


def _say(handshake: BinaryIO, line: dict[str, str]) -> None:
    handshake.write(json.dumps(line).encode() + b"\n")
    handshake.close()


if __name__ == "__main__":
    main()
