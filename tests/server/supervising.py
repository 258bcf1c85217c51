"""A supervisor and workers that do one thing each. Run as `python -m tests.server.supervising WHAT`.

`failing`: the second fails before it serves. `dying`: the first dies whenever it serves. `stubborn`: the first does not
end when it is told to. `writing`: one writes on a board until it is killed, again and again, while the others read.
Each says on standard output what it does; the supervisor says `all serve` and `stopping`.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable

from keywright.server import supervisor
from keywright.server.board import Board
from keywright.server.entrance import Entrance
from keywright.server.listen import Address
from keywright.server.supervisor import Post, Supervisor, Tasks

WORKERS = 3
LIFE_S = 20.0
GRACE_S = 0.5
KILLS = 20
READS_MIN = 51


HEARD, TOLD = os.pipe()
"""By which a worker hears that all serve: a byte for each of its lives."""


def say(what: str) -> None:
    os.write(sys.stdout.fileno(), f"{what}\n".encode())  # at once, or the words of several processes mingle


def all_serve() -> None:
    say("all serve")
    os.write(TOLD, bytes(100))


def serve(post: Post) -> int:
    """Serve until told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    post.serves()
    end_s = time.monotonic() + LIFE_S
    while time.monotonic() < end_s:
        time.sleep(0.01)
    return 9


def failing(post: Post) -> int:
    return 3 if post.number == 2 else serve(post)


def dying(post: Post) -> int:
    say(f"worker {post.number} serves at {time.monotonic():.3f}")
    if post.number > 1:
        return serve(post)
    post.serves()
    os.read(HEARD, 1)
    return 7


def stubborn(post: Post) -> int:
    if post.number == 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        post.serves()
        time.sleep(LIFE_S)
    return serve(post)


def supervise(work: Callable[[Post], int]) -> int:
    logging.basicConfig(format="%(message)s")
    supervisor.GRACE_S = GRACE_S  # type: ignore[misc]
    entrance = Entrance(Address("127.0.0.1", 0), WORKERS)

    def live(post: Post) -> int:
        try:
            return work(post)
        except SystemExit:
            return 0

    tasks = Tasks(
        work=live,
        all_serve=all_serve,
        stopping=lambda: say("stopping"),
        died=lambda number: say(f"died {number}"),
    )
    return Supervisor(WORKERS, GRACE_S, entrance, tasks).run()


def writing() -> int:
    """Whole texts of changing length, read while they are written and after their writer was killed."""
    board = Board(1)
    reads = 0
    for _ in range(KILLS):
        writer = os.fork()
        if writer == 0:
            number = 0
            while True:
                number += 1
                board.write(0, str(number % 10).encode() * (1 + number * 7919 % 60_000))
        end_s = time.monotonic() + 0.03
        target = reads + READS_MIN
        while time.monotonic() < end_s or reads < target:
            assert len(set(board.read(0))) <= 1
            reads += 1
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        assert len(set(board.read(0))) == 1
    say(f"{reads} reads")
    return 0


if __name__ == "__main__":
    what = sys.argv[1]
    sys.exit(
        writing() if what == "writing" else supervise({"failing": failing, "dying": dying, "stubborn": stubborn}[what])
    )
