"""From a blueprint to a gateway that listens, and back to nothing."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from keywright.core.errors import ConfigError
from keywright.house import Blueprint, House
from keywright.house.watch import Watch
from keywright.server.listen import Address, bind, serve_until_stopped

WORKERS_MAX: Final = 1
WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised here, not bound
"""What a client on this machine writes where the gateway listens on every address."""


class Listening(Struct, frozen=True, eq=False):
    """An open house and its socket, which takes connections already. `url` is where this machine reaches it."""

    house: House
    bound: socket.socket
    url: str


@asynccontextmanager
async def listening(blueprint: Blueprint, *, other_port: bool = False) -> AsyncIterator[Listening]:
    """The gateway of `blueprint`, closed at the end. `other_port`: take a free port when that one is taken.

    The socket comes first: a start that fails because of it has changed nothing, and shown no key.

    Raises:
        ConfigError, SecretError, StoreError: what is wrong, where, and what to do.
    """
    server = blueprint.config.server
    bound = _bind(Address(server.host, server.port), other_port=other_port)
    try:
        house = await House.open(blueprint)
        watch = Watch(house)
        watch.start()
        try:
            yield Listening(house, bound, url_of(bound))
        finally:
            await watch.stop()
            await house.close()
    finally:
        bound.close()


async def serve(gateway: Listening, on_stopping: Callable[[int], None]) -> None:
    """Serve until SIGINT or SIGTERM. `on_stopping` is told, once, how many calls are running then."""
    house = gateway.house

    def stopping() -> None:
        if not house.stopping:
            house.stopping = True
            on_stopping(house.ledger.reserved)

    await serve_until_stopped(house.app, gateway.bound, house.blueprint.config.server.shutdown_s, stopping)


def require_workers(asked: int) -> None:
    """Return when `asked` worker processes can be had.

    Raises:
        ConfigError: they cannot.
    """
    if asked > WORKERS_MAX:
        raise ConfigError(f"{asked} workers: this version runs one worker process, more are not available yet")


def url_of(bound: socket.socket) -> str:
    """The URL by which this machine reaches the socket."""
    host, port = bound.getsockname()[:2]
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bind(address: Address, *, other_port: bool) -> socket.socket:
    try:
        return bind(address)
    except ConfigError:
        if not other_port:
            raise
    return bind(Address(address.host, 0))
