"""One address, several processes behind it: a listening socket for each.

On Linux each process has a socket of its own (`SO_REUSEPORT`), and the kernel deals connections out by their hash. From
one socket that all share, whoever wakes first takes all that wait: of 400 connections that came at once, one of eight
processes got 319 (docs/rfd/016-workers.md). Elsewhere the kernel does not deal out, so there all share one.

The supervisor makes the sockets and holds them, too. So when a process dies, what waits in its queue is not reset: its
successor finds it there. Where none will come soon, the socket is given back, and the others get everything.
"""

import socket
import sys

from keywright.server.listen import Address, bind

DEALS_OUT = sys.platform == "linux"


class Entrance:
    """The sockets of `count` processes at `address`. `of(n)` is that of the n-th, from 0."""

    def __init__(self, address: Address, count: int) -> None:
        """Listen there.

        Raises:
            ConfigError: the address cannot be had; another gateway that listens there is one reason.
        """
        first = bind(address)  # alone: who may share an address would not notice that another gateway has it
        self._address = Address(address.host, first.getsockname()[1])
        self._sockets: list[socket.socket | None] = []
        if DEALS_OUT:
            first.close()
            self._sockets = [bind(self._address, shared=True) for _ in range(count)]
        else:
            self._sockets = [first, *(first.dup() for _ in range(count - 1))]

    def of(self, number: int) -> socket.socket:
        """The socket of that process, opened anew if it was given back.

        Raises:
            ConfigError: it cannot be had any more.
        """
        bound = self._sockets[number]
        if bound is None:
            bound = self._sockets[number] = bind(self._address, shared=True)
        return bound

    def give_back(self, number: int) -> None:
        """Let the others have the connections of that process."""
        bound = self._sockets[number]
        if DEALS_OUT and bound is not None:
            bound.close()
            self._sockets[number] = None

    def close(self, *, but: int | None = None) -> None:
        """Close the sockets, `but` that of one process. Called in each process for what is not its own."""
        for number, bound in enumerate(self._sockets):
            if bound is not None and number != but:
                bound.close()
                self._sockets[number] = None
