"""What a process has used, read from outside."""

import os
import subprocess
import sys
import time

from bench.cores import pinned
from bench.cpu import core_busy_s, cpu_s, rss_bytes, tree

SPIN = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
PARENT_OF_ENDED_CHILD = (
    f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPIN!r}]); print('done', flush=True)\n"
    "sys.stdin.read()"
)
PARENT_OF_LIVE_CHILD = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()']);"
    "print(child.pid, flush=True); child.wait()"
)


def started(program: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_own_cpu_time_agrees_with_what_the_process_says_of_itself() -> None:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    before = time.process_time()
    measured = cpu_s(os.getpid())
    assert before <= measured


def test_a_core_has_been_busy_for_at_least_as_long_as_it_was_kept_busy() -> None:
    core = min(os.sched_getaffinity(0))
    before = core_busy_s(core)
    with pinned(core):
        subprocess.run([sys.executable, "-c", SPIN], check=True)
    assert core_busy_s(core) - before > 0.15


def test_children_that_have_ended_are_counted() -> None:
    with started(PARENT_OF_ENDED_CHILD) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        assert cpu_s(process.pid) > 0.2


def test_descendants_belong_to_the_tree_and_its_memory() -> None:
    with started(PARENT_OF_LIVE_CHILD) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert tree(process.pid) == (process.pid, child)
        assert rss_bytes(process.pid) > rss_bytes(child) > 1_000_000
        assert process.stdin is not None
        process.stdin.close()


def test_a_process_that_is_gone_has_used_nothing() -> None:
    with started("pass") as process:
        process.wait()
        assert cpu_s(process.pid) == 0.0
        assert rss_bytes(process.pid) == 0
