"""Where commands reach the administration API: a connection to a gateway, or an application in this process."""

import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from msgspec import Struct

from keywright.cli.errors import CommandError
from keywright.cli.place import URL_VARIABLE
from keywright.core.errors import ConfigError

if TYPE_CHECKING:
    from keywright.cli.gateway import Gateway
    from keywright.control.door import Control
    from keywright.house.control import Running
    from keywright.pipeline.snapshot import Snapshot
    from keywright.store.store import Store

ADMIN_VARIABLE: Final = "KEYWRIGHT_ADMIN_KEY"
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
LOCAL_ID: Final = "local"


class Told(Struct, frozen=True):
    """An answer: its status, its `etag`, its body."""

    status: int
    etag: str
    body: bytes


class Door(Protocol):
    """Where requests go: a connection, or an application in this process."""

    async def ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Told: ...


@asynccontextmanager
async def remote_door(url: str) -> AsyncIterator[Door]:
    """The gateway at `url`, with the key that this shell has for it.

    Raises:
        ConfigError: there is no key.
    """
    from keywright.cli.gateway import gateway_at
    from keywright.core.secret import Secret
    from keywright.guard.address import is_public
    from keywright.transport.pool import Pool

    key = os.environ.get(ADMIN_VARIABLE, "").strip()
    if not key:
        raise ConfigError(f"{URL_VARIABLE} names a gateway, but there is no key for it: set {ADMIN_VARIABLE}")
    pool = Pool(environment=os.environ, allowed=is_public)
    try:
        yield _Remote(gateway_at(url, Secret(key)), pool)
    finally:
        await pool.aclose()


def local_door(
    store: "Store",
    view: "Callable[[], Snapshot]",
    on_change: Callable[[], Awaitable[None]],
    running: "Running | None" = None,
) -> Door:
    """The API's application over `store`, for whoever has it at hand: they ask as an owner of the organisation.
    `running`: what of a gateway is at hand besides.
    """
    from keywright.core.clock import SYSTEM_CLOCK
    from keywright.core.identity import Key
    from keywright.house.control import NOT_RUNNING, open_control
    from keywright.identity.keystring import digest

    key = secrets.token_urlsafe(32)
    operator = Key(LOCAL_ID, "admin", "the local operator", digest(key), int(time.time()))

    def with_operator() -> "Snapshot":
        return msgspec.structs.replace(view(), foreign={operator.sha256: operator})

    control = open_control(
        store,
        with_operator,
        SYSTEM_CLOCK,
        lambda: f"cli_{secrets.token_hex(8)}",
        on_change,
        running=running or NOT_RUNNING,
    )
    return _Local(control, key)


class _Remote:
    """A gateway over HTTP."""

    def __init__(self, gateway: "Gateway", pool: Any) -> None:
        self._gateway = gateway
        self._pool = pool

    async def ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Told:
        from keywright.core.errors import ConnectFailedError
        from keywright.core.http import HttpRequest

        gateway = self._gateway
        sent = [(b"authorization", b"Bearer " + gateway.key.reveal().encode()), *_headers(headers, body)]
        request = HttpRequest(method.encode(), (gateway.base_path + target).encode(), tuple(sent), body)
        try:
            answer = await self._pool.send(gateway.reach, request)
        except ConnectFailedError as error:
            raise CommandError(
                f"no gateway answers at {gateway.url} ({error}): correct or unset {URL_VARIABLE}"
            ) from None
        except ValueError:
            raise ConfigError(f"the key in {ADMIN_VARIABLE} has characters that no key has") from None
        try:
            whole = await answer.read(ANSWER_BYTES_MAX)
        finally:
            answer.abort()
        return Told(answer.status, dict(answer.headers).get(b"etag", b"").decode("latin-1"), whole)


class _Local:
    """The API's application, asked in this process."""

    def __init__(self, control: "Control", key: str) -> None:
        self._control = control
        self._key = key

    async def ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Told:
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"authorization", f"Bearer {self._key}".encode()), *_headers(headers, body)],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        answer = _Answer(body)
        await self._control(scope, answer.receive, answer.send)
        return Told(answer.status, answer.etag, b"".join(answer.pieces))


class _Answer:
    """One exchange with an ASGI application."""

    def __init__(self, body: bytes) -> None:
        self.status = 0
        self.etag = ""
        self.pieces: list[bytes] = []
        self._messages: Iterator[dict[str, Any]] = iter(
            [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
        )

    async def receive(self) -> dict[str, Any]:
        return next(self._messages)

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.etag = dict(message["headers"]).get(b"etag", b"").decode("latin-1")
        else:
            self.pieces.append(message.get("body", b""))


def _headers(headers: Mapping[str, str], body: bytes) -> list[tuple[bytes, bytes]]:
    sent = [(header.encode(), value.encode("latin-1")) for header, value in headers.items()]
    return [*sent, (b"content-type", b"application/json")] if body else sent
