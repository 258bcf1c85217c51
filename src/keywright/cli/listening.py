"""From a blueprint to a gateway that listens, and back to nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from keywright.cli.logs import log_loop_fault
from keywright.core.errors import ConfigError
from keywright.house import Blueprint, House
from keywright.house.watch import Watch
from keywright.server.listen import Address, Tls, bind, require_tls, serve_until_stopped

WORKERS_MAX: Final = 1
WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised here, not bound
"""What a client on this machine writes where the gateway listens on every address."""


class Listening(Struct, frozen=True, eq=False):
    """An open house that serves. `url` is where this machine reaches it; `served` ends when it is told to stop."""

    house: House
    bound: socket.socket
    url: str
    served: "asyncio.Task[None]"


@asynccontextmanager
async def listening(
    blueprint: Blueprint, on_stopping: Callable[[int], None], *, other_port: bool = False
) -> AsyncIterator[Listening]:
    """The gateway of `blueprint`, which serves until SIGINT or SIGTERM, and no longer than this context lasts.

    `on_stopping` is told, once, how many calls are running then. `other_port`: take a free port when the one in the
    blueprint is taken. The socket comes first: a start that fails because of it has changed nothing and shown no key.

    Raises:
        ConfigError, SecretError, StoreError: what is wrong, where, and what to do.
    """
    asyncio.get_running_loop().set_exception_handler(log_loop_fault)
    server = blueprint.config.server
    tls = _tls(blueprint)
    if tls is not None:
        require_tls(tls)
    bound = _bind(Address(server.host, server.port), other_port=other_port)
    try:
        house = await House.open(blueprint)
        watch = Watch(house)
        served = asyncio.create_task(_serve(house, bound, on_stopping, tls))
        try:
            watch.start()
            await asyncio.sleep(0)  # from here on signals and changes are heeded; before, a signal broke off the start
            yield Listening(house, bound, url_of(bound, tls), served)
        finally:
            served.cancel()
            await asyncio.gather(served, return_exceptions=True)
            await watch.stop()
            await house.close()
    finally:
        bound.close()


async def _serve(house: House, bound: socket.socket, on_stopping: Callable[[int], None], tls: Tls | None) -> None:
    def stopping() -> None:
        if not house.stopping:
            house.stopping = True
            on_stopping(house.ledger.reserved)

    await serve_until_stopped(house.app, bound, house.blueprint.config.server.shutdown_s, stopping, tls)


def require_workers(asked: int) -> None:
    """Return when `asked` worker processes can be had.

    Raises:
        ConfigError: they cannot.
    """
    if asked > WORKERS_MAX:
        raise ConfigError(f"{asked} workers: this version runs one worker process, more are not available yet")


def _tls(blueprint: Blueprint) -> Tls | None:
    server = blueprint.config.server
    if server.tls_certificate is None or server.tls_key is None:
        return None
    return Tls(blueprint.base / server.tls_certificate, blueprint.base / server.tls_key)


def url_of(bound: socket.socket, tls: Tls | None = None) -> str:
    """The URL by which this machine reaches the socket."""
    host, port = bound.getsockname()[:2]
    host = WILDCARDS.get(host, host)
    scheme = "http" if tls is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _bind(address: Address, *, other_port: bool) -> socket.socket:
    try:
        return bind(address)
    except ConfigError:
        if not other_port:
            raise
    return bind(Address(address.host, 0))
