"""From a blueprint to a gateway that listens, and back to nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from keywright.cli.logs import log_loop_fault
from keywright.core.errors import ConfigError
from keywright.house.blueprint import Blueprint
from keywright.house.house import House
from keywright.house.watch import Watch
from keywright.server.listen import Address, Tls, bind, require_tls, serve_until_stopped

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
    server = blueprint.config.server
    tls = tls_of(blueprint)
    bound = _bind(Address(server.host, server.port), other_port=other_port)
    try:
        async with listening_at(bound, await House.open(blueprint), tls, on_stopping) as gateway:
            yield gateway
    finally:
        bound.close()


@asynccontextmanager
async def listening_at(
    bound: socket.socket, house: House, tls: Tls | None, on_stopping: Callable[[int], None]
) -> AsyncIterator[Listening]:
    """The gateway of `house`, which serves at `bound` until SIGINT or SIGTERM; the house is closed at the end."""
    asyncio.get_running_loop().set_exception_handler(log_loop_fault)
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


async def _serve(house: House, bound: socket.socket, on_stopping: Callable[[int], None], tls: Tls | None) -> None:
    def stopping() -> None:
        if not house.stopping:
            house.stopping = True
            on_stopping(house.ledger.reserved)

    await serve_until_stopped(house.app, bound, house.blueprint.config.server.shutdown_s, stopping, tls)


def tls_of(blueprint: Blueprint) -> Tls | None:
    """With what the gateway speaks TLS, None when it does not.

    Raises:
        ConfigError: TLS cannot be spoken with the files that the configuration names.
    """
    server = blueprint.config.server
    if server.tls_certificate is None or server.tls_key is None:
        return None
    tls = Tls(blueprint.base / server.tls_certificate, blueprint.base / server.tls_key)
    require_tls(tls)
    return tls


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
