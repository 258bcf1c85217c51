"""A running moto: a server that is not ours, and answers as AWS does."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_moto() -> Iterator[str]:
    """Its address."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            found = None
            while found is None:
                line = server.stderr.readline()
                assert line, "moto did not start"
                found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", line)
            # Its log of requests is let go at once: a pipe that nobody reads would fill, and stop it.
            with subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL) as drain:
                yield found[1]
                server.kill()
                drain.wait(5)
        finally:
            server.kill()
