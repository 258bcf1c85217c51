"""What a running program has used: CPU time and memory of a process and all its descendants, read from outside.

CPU time is the kernel's per-process clock (`clock_getcpuclockid`): the same account as utime + stime of
`/proc/PID/stat`, in nanoseconds where the file rounds down to ticks of 10 ms, and with the threads that have ended. Of
children that have ended and been waited for, the file's cutime and cstime are added.
"""

import os
import time
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED: Final = 2
"""Of the three clocks of a process, the one that counts time on a core exactly (linux/posix-timers.h)."""


def tree(pid: int) -> tuple[int, ...]:
    """`pid` and its descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, ()))
    return tuple(found)


def cpu_s(pid: int) -> float:
    """CPU seconds that `pid` and its descendants have used since they began."""
    return sum(_process_cpu_s(member) for member in tree(pid))


def rss_bytes(pid: int) -> int:
    """Resident memory of `pid` and its descendants. Pages that they share are counted once for each."""
    return sum(_process_rss_bytes(member) for member in tree(pid))


def core_busy_s(core: int) -> float:
    """Seconds that `core` has not been idle since the machine began, in ticks."""
    line = next(
        line for line in (PROC / "stat").read_text(encoding="utf-8").splitlines() if line.startswith(f"cpu{core} ")
    )
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = map(int, line.split()[1:9])
    return (user + nice + system + sum(interrupts_and_stolen)) / TICKS_PER_S


def stat_fields(pid: int) -> list[str]:
    """Of `/proc/PID/stat`, what follows the name: state, ppid, …; empty when the process is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _process_cpu_s(pid: int) -> float:
    fields = stat_fields(pid)
    if not fields:
        return 0.0
    try:
        own = time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        own = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return own + (int(fields[13]) + int(fields[14])) / TICKS_PER_S


def _process_rss_bytes(pid: int) -> int:
    fields = stat_fields(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") if fields else 0
