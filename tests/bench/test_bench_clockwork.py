"""The loop calls in the order in which things are due, and never before."""

import socket

from bench.clockwork import Clockwork, now_ns

MS = 1_000_000


def test_timers_come_in_order_and_not_before_they_are_due() -> None:
    loop = Clockwork()
    called: list[tuple[str, int]] = []
    begin = now_ns()
    loop.at(begin + 3 * MS, lambda: called.append(("second", now_ns())))
    loop.at(begin + 4 * MS, loop.stop)
    loop.at(begin + 1 * MS, lambda: called.append(("first", now_ns())))
    loop.run()
    assert [name for name, _ in called] == ["first", "second"]
    assert called[0][1] >= begin + 1 * MS
    assert called[1][1] >= begin + 3 * MS


def test_timers_due_together_come_in_the_order_in_which_they_were_set() -> None:
    loop = Clockwork()
    called: list[int] = []
    for number in range(5):
        loop.at(0, lambda number=number: called.append(number))  # type: ignore[misc]
    loop.at(0, loop.stop)
    loop.run()
    assert called == [0, 1, 2, 3, 4]


def test_what_is_forgotten_is_not_read() -> None:
    loop = Clockwork()
    near, far = socket.socketpair()
    with near, far:
        read: list[bytes] = []

        def reader() -> None:
            read.append(near.recv(10))
            loop.forget(near.fileno())

        loop.on_readable(near.fileno(), reader)
        far.send(b"one")
        loop.at(now_ns() + 20 * MS, lambda: far.sendall(b"two"))
        loop.at(now_ns() + 40 * MS, loop.stop)
        loop.run()
    assert read == [b"one"]
