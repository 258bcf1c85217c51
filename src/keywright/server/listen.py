"""Opening the door: uvicorn, with our protocol class, on a socket that we bind ourselves."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import uvicorn
from msgspec import Struct

from keywright.core.errors import ConfigError
from keywright.server.app import App
from keywright.server.protocol import DataPlaneProtocol

BACKLOG: Final = 2048
KEEP_ALIVE_S: Final = 75
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Address(Struct, frozen=True):
    """Where to listen. `port` 0 takes a free one."""

    host: str
    port: int


def bind(address: Address) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigError: the address cannot be had; says why and what to do.
    """
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(f"server.host {address.host!r} is not an address of this machine: {error.strerror}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address.host, address.port))
        bound.listen(BACKLOG)
        bound.setblocking(False)  # noqa: FBT003 - the socket's own way
    except OSError as error:
        bound.close()
        hint = "is another gateway running? choose another with --port" if address.port else "choose another host"
        raise ConfigError(f"cannot listen on {address.host}:{address.port}: {error.strerror}; {hint}") from None
    return bound


async def serve_until_stopped(
    app: App, bound: socket.socket, shutdown_s: float, on_stopping: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM, then let running calls finish `shutdown_s` at most. Another SIGINT cuts them."""
    config = uvicorn.Config(
        app,
        http=partial(DataPlaneProtocol, edge=app.edge),  # type: ignore[arg-type] # makes the protocol, as a class would
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(shutdown_s)),
    )
    await _Server(config, on_stopping).serve(sockets=[bound])


class _Server(uvicorn.Server):
    """uvicorn's server, but a signal only stops it: the house has still to be closed afterwards."""

    def __init__(self, config: uvicorn.Config, on_stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stopping = on_stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Our own handlers, on the loop."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def _stop(self, number: int) -> None:
        self._on_stopping()
        self.handle_exit(number, None)
