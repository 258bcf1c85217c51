"""Workers that fail, die and do not end. (The real ones: tests/acceptance/test_workers.py.)"""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ENDS_S = 30.0
STARTS = 4
"""Of a worker that dies each time: at first, then at once, then after 0.5 s, then after a second more."""
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def supervising(what: str) -> Iterator["subprocess.Popen[str]"]:
    """The process of `supervising.py`, told `what`; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.supervising", what],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=ENDS_S)


def lines_until(process: "subprocess.Popen[str]", last: str) -> list[str]:
    said: list[str] = []
    while last not in said:
        said += next_line(process)
    return said


def next_line(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "it ended"
    return [line.strip()]


def test_a_worker_that_fails_before_it_serves_ends_everything_with_its_code() -> None:
    with supervising("failing") as process:
        out, err = process.communicate(timeout=ENDS_S)
    assert process.returncode == 3
    assert "all serve" not in out
    assert sorted(line for line in out.splitlines() if line.startswith("died")) == ["died 1", "died 2", "died 3"]
    assert err == ""


def test_a_worker_that_dies_and_dies_is_replaced_ever_more_slowly() -> None:
    with supervising("dying") as process:
        said = lines_until(process, "all serve")
        while said.count("died 1") < STARTS:
            said += next_line(process)
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate(timeout=ENDS_S)
    assert process.returncode == 0
    assert err.splitlines()[:3] == [
        "worker 1 ended with exit code 7; another takes its place now",
        "worker 1 ended with exit code 7; another takes its place in 0.5 s",
        "worker 1 ended with exit code 7; another takes its place in 1 s",
    ]
    first, at_once, *later = [float(line.rpartition(" ")[2]) for line in said if line.startswith("worker 1 serves")]
    assert first < at_once < later[0] - 0.4 < later[1] - 1.3
    assert rest.count("stopping") == 1


def test_a_worker_that_does_not_end_is_killed() -> None:
    with supervising("stubborn") as process:
        lines_until(process, "all serve")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=ENDS_S)
    assert process.returncode == 1
    assert 0.9 < time.monotonic() - began < 15.0
    assert err.splitlines() == [
        "worker 1 does not end: it is killed",
        "worker 1 was ended by SIGKILL while it stopped",
    ]


def test_what_stands_on_a_board_is_whole_whenever_its_writer_is_killed() -> None:
    with supervising("writing") as process:
        out, err = process.communicate(timeout=ENDS_S)
    assert (process.returncode, err) == (0, "")
    assert int(out.split()[0]) > 1000
