"""Several worker processes: started, replaced when they die, told to stop, and waited for.

Workers are forked, not started from nothing: a fork takes 30 ms in place of 360, so that a dead worker is replaced
before anybody notices, and what the start has loaded is in memory once (docs/rfd/016-workers.md). A fork copies only
the thread that calls it, and locks that others hold stay locked in the copy. So the supervisor has one thread and no
event loop: it waits in `select` for signals, for what workers report, and for the moment at which something is due.

Who holds what. The supervisor alone has the writing end of the `lifeline`: when it dies, however that happens, every
worker reads its end there and stops as if it had been told to. It also holds the listening sockets and the workers'
figures, which therefore outlive a worker. Each worker is the leader of a process group, for a terminal's Ctrl-C goes to
a whole group: the supervisor alone hears it and passes it on in its own way.
"""

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from msgspec import Struct

from keywright.core.errors import ConfigError
from keywright.server.entrance import Entrance

STEADY_S: Final = 10.0
"""A worker that lived so long did not die of its start."""
PAUSE_S: Final = 0.5
PAUSE_S_MAX: Final = 30.0
"""The first early death costs no pause, the second the first of these, and each further one twice as long."""
WAIT_S_MAX: Final = 1.0
"""How long new connections may wait for a successor. Where it comes later, the others get them."""
GRACE_S: Final = 15.0
"""How long a worker may take for writing down what is left, after its calls have had their `shutdown_s`."""
LOOK_S: Final = 5.0
FAULT: Final = 1
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
REPORT_BYTES: Final = 1
"""Who serves, counted from 0: 256 workers are the most that the configuration knows."""
READ_BYTES: Final = 4096

_log = logging.getLogger("keywright")


class Post(Struct, frozen=True, eq=False):
    """What a worker is given: its number, from 1; its listening socket; a descriptor that comes to its end when the
    supervisor is gone; and what it calls once it serves.
    """

    number: int
    bound: socket.socket
    lifeline: int
    serves: Callable[[], None]


class Tasks(Struct, frozen=True, eq=False):
    """What the supervisor has others do.

    `work`: a worker's life, in its own process; returns its exit code. `all_serve`: called once, when every worker
    does. `stopping`: called once, before workers are told. `died`: a worker of that number is no more.
    """

    work: Callable[[Post], int]
    all_serve: Callable[[], None]
    stopping: Callable[[], None]
    died: Callable[[int], None]


class _Seat:
    """The place of one worker. `pid` 0: it is empty, and `due_s` says when the next one is started."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        self.started_s = 0.0
        self.due_s = 0.0
        self.early_deaths = 0
        self.serves = False


class Supervisor:
    """`run` it in a process that has no other thread."""

    def __init__(self, workers: int, shutdown_s: float, entrance: Entrance, tasks: Tasks) -> None:
        self._seats = [_Seat(number) for number in range(1, workers + 1)]
        self._stop_s = shutdown_s + GRACE_S
        self._entrance = entrance
        self._tasks = tasks
        self._told: deque[int] = deque()
        self._is_known = False
        self._kill_at_s: float | None = None
        self._code = 0
        self._lifeline, self._life = os.pipe()
        self._reports, self._reporting = os.pipe()
        self._bells, self._bell = os.pipe()
        for end in (self._reports, self._bells, self._bell):
            os.set_blocking(end, False)

    def run(self) -> int:
        """Supervise until SIGTERM or SIGINT, and until every worker has ended. Returns the exit code.

        Another SIGINT cuts running calls. A worker that fails before all have once served ends everything, with its
        exit code.
        """
        assert threading.active_count() == 1, "a fork would copy one thread of several"
        with self._heeding_signals():
            while not self._is_over():
                self._start_due()
                select.select([self._bells, self._reports], [], [], self._pause_s())
                self._heed()
                self._reap()
                self._hear()
                self._cut_overdue()
        return self._code

    @property
    def _stopping(self) -> bool:
        return self._kill_at_s is not None

    def _is_over(self) -> bool:
        return self._stopping and not any(seat.pid for seat in self._seats)

    def _pause_s(self) -> float:
        """How long nothing is due."""
        now_s = time.monotonic()
        due = [seat.due_s for seat in self._seats if not seat.pid and not self._stopping]
        if self._kill_at_s is not None:
            due.append(self._kill_at_s)
        return max(0.0, min((moment - now_s for moment in due), default=LOOK_S))

    def _start_due(self) -> None:
        if self._stopping:
            return
        now_s = time.monotonic()
        for seat in self._seats:
            if not seat.pid and seat.due_s <= now_s:
                self._start(seat)

    def _start(self, seat: _Seat) -> None:
        seat.started_s = time.monotonic()
        try:
            bound = self._entrance.of(seat.number - 1)
        except ConfigError as error:
            _log.error("worker %d cannot be started: %s", seat.number, error)
            seat.due_s = seat.started_s + PAUSE_S_MAX
            return
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # else the copy could take one for the supervisor's
        pid = os.fork()
        if pid == 0:
            self._live(seat, bound)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        seat.pid = pid

    def _live(self, seat: _Seat, bound: socket.socket) -> NoReturn:
        """The worker's process, from its first moment to its last. What it raises must not reach the loop of `run`."""
        code = FAULT
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in SIGNALS:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            for end in (self._life, self._reports, self._bells, self._bell):
                os.close(end)
            self._entrance.close(but=seat.number - 1)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            code = self._tasks.work(Post(seat.number, bound, self._lifeline, lambda: self._report(seat.number)))
        except BaseException:  # noqa: BLE001 - this is the end of the process
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _report(self, number: int) -> None:
        """Called in a worker: it serves."""
        os.write(self._reporting, (number - 1).to_bytes(REPORT_BYTES, "big"))

    def _heed(self) -> None:
        """Do what signals say."""
        _drain(self._bells)
        while self._told:
            number = self._told.popleft()
            if number != signal.SIGCHLD:
                self._stop(number)

    def _stop(self, number: int) -> None:
        again, self._kill_at_s = self._stopping, self._kill_at_s or time.monotonic() + self._stop_s
        if not again:
            self._entrance.close()
            self._tasks.stopping()
        for seat in self._seats:
            if seat.pid:
                os.kill(seat.pid, signal.SIGINT if again and number == signal.SIGINT else signal.SIGTERM)

    def _reap(self) -> None:
        for seat in self._seats:
            if seat.pid:
                pid, status = os.waitpid(seat.pid, os.WNOHANG)
                if pid:
                    self._hear()  # what it said before it died is not its successor's word
                    self._bury(seat, os.waitstatus_to_exitcode(status))

    def _bury(self, seat: _Seat, code: int) -> None:
        served, seat.serves, seat.pid = seat.serves, False, 0
        self._tasks.died(seat.number)
        if self._stopping:
            if code and served:
                _log.error("worker %d %s while it stopped", seat.number, _how(code))
                self._code = FAULT
        elif code > 0 and not self._is_known:
            self._code = code  # it has said why
            self._stop(signal.SIGTERM)
        else:
            self._replace(seat, code)

    def _replace(self, seat: _Seat, code: int) -> None:
        now_s = time.monotonic()
        seat.early_deaths = seat.early_deaths + 1 if now_s - seat.started_s < STEADY_S else 0
        pause_s = min(PAUSE_S * 2.0 ** (seat.early_deaths - 2), PAUSE_S_MAX) if seat.early_deaths > 1 else 0.0
        seat.due_s = now_s + pause_s
        if pause_s > WAIT_S_MAX:
            self._entrance.give_back(seat.number - 1)
        when = f"in {pause_s:g} s" if pause_s else "now"
        _log.error("worker %d %s; another takes its place %s", seat.number, _how(code), when)

    def _hear(self) -> None:
        """Take note of who serves."""
        for place in _drain(self._reports):
            self._seats[place].serves = True
        if not self._is_known and not self._stopping and all(seat.serves for seat in self._seats):
            self._is_known = True
            self._tasks.all_serve()

    def _cut_overdue(self) -> None:
        if self._kill_at_s is None or time.monotonic() < self._kill_at_s:
            return
        self._kill_at_s += LOOK_S
        for seat in self._seats:
            if seat.pid:
                _log.error("worker %d does not end: it is killed", seat.number)
                os.kill(seat.pid, signal.SIGKILL)

    @contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        def told(number: int, _: FrameType | None) -> None:
            self._told.append(number)

        bell = signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        before = {number: signal.signal(number, told) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(bell)


def _drain(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, READ_BYTES)
    except BlockingIOError:
        return b""


def _how(code: int) -> str:
    """How a process ended, by its exit code as `waitstatus_to_exitcode` gives it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
