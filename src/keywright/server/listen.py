"""Opening the door: uvicorn, with our protocol class, on a socket that we bind ourselves."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
from msgspec import Struct

from keywright.core.errors import ConfigError
from keywright.server.app import App
from keywright.server.protocol import DataPlaneProtocol

BACKLOG: Final = 2048
KEEP_ALIVE_S: Final = 75
CUT_S: Final = 2.0
"""How long a call that is cut may take to be settled."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Address(Struct, frozen=True):
    """Where to listen. `port` 0 takes a free one."""

    host: str
    port: int


class Tls(Struct, frozen=True):
    """With what the gateway proves its name: PEM files of the certificate with its chain, and of its key."""

    certificate: Path
    key: Path


def require_tls(tls: Tls) -> None:
    """Return when TLS can be spoken with these files.

    Raises:
        ConfigError: they cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except ssl.SSLError:
        raise ConfigError(
            f"server.tls_certificate and tls_key: no PEM certificate and its key: {tls.certificate}"
        ) from None
    except OSError as error:
        raise ConfigError(f"server.tls_certificate or tls_key cannot be read: {error.strerror}") from None


def _no_password() -> str:
    raise ConfigError("server.tls_key: the key is protected by a password; store it without one, readable by its owner")


def bind(address: Address, *, shared: bool = False) -> socket.socket:
    """A listening socket. `shared`: others of this user may listen at the same address and share its connections.

    Raises:
        ConfigError: the address cannot be had; says why and what to do.
    """
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no host's name"
        raise ConfigError(f"server.host {address.host!r} is not an address of this machine: {why}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((address.host, address.port))
        bound.listen(BACKLOG)
        bound.setblocking(False)  # noqa: FBT003 - the socket's own way
    except OSError as error:
        bound.close()
        hint = "is another gateway running? choose another with --port" if address.port else "choose another host"
        raise ConfigError(f"cannot listen on {address.host}:{address.port}: {error.strerror}; {hint}") from None
    return bound


class Door(uvicorn.Server):
    """uvicorn's server, opened with `serve(sockets=[…])` and shut with `stop`. It handles no signals: whoever opens it
    has still to close the house afterwards.

    `http` makes the protocol of a connection; None leaves the data plane to uvicorn's own, over plain ASGI.
    """

    def __init__(
        self,
        app: App,
        shutdown_s: float,
        http: type[DataPlaneProtocol] | None = DataPlaneProtocol,
        tls: Tls | None = None,
    ) -> None:
        made = "httptools" if http is None else partial(http, edge=app.edge)
        super().__init__(
            uvicorn.Config(
                app,
                http=made,  # type: ignore[arg-type] # makes the protocol, as a class would
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # an address is never a header's word
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(shutdown_s)),
                ssl_certfile=None if tls is None else tls.certificate,
                ssl_keyfile=None if tls is None else tls.key,
            )
        )

    def stop(self, *, at_once: bool = False) -> None:
        """Take no more connections and let running calls finish, `shutdown_s` at most, or `at_once` not at all."""
        self.should_exit = True
        self.force_exit = self.force_exit or at_once

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by `serve` when it has been told to stop. Afterwards no call runs, so the house may be closed."""
        await super().shutdown(sockets)
        left = list(self.server_state.tasks)
        if self.force_exit:
            for task in left:
                task.cancel()
        if left:
            await asyncio.wait(left, timeout=CUT_S)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: in place of uvicorn's own, which would end the process before the house is closed."""
        yield


async def serve_until_stopped(
    app: App, bound: socket.socket, shutdown_s: float, on_stopping: Callable[[], None], tls: Tls | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, then let running calls finish `shutdown_s` at most. Another SIGINT cuts them."""
    door = Door(app, shutdown_s, tls=tls)

    def stop(number: signal.Signals) -> None:
        on_stopping()
        door.stop(at_once=door.should_exit and number == signal.SIGINT)

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        await door.serve(sockets=[bound])
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
