"""The administration API, as every command uses it: over the network, or on the store that is at hand.

`KEYWRIGHT_URL` with `KEYWRIGHT_ADMIN_KEY` names a gateway. Without it, the very same API is asked in this process, over
the store of the configuration, as an owner of the organisation: who may read the store may do everything.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from keywright.cli.errors import ApiRefusedError, CommandError
from keywright.cli.place import URL_VARIABLE, local_blueprint, local_store, remote_url
from keywright.core.errors import ConfigError

if TYPE_CHECKING:
    from keywright.cli.gateway import Gateway
    from keywright.control.door import Control
    from keywright.house.blueprint import Blueprint
    from keywright.pipeline.snapshot import Snapshot

ADMIN_VARIABLE: Final = "KEYWRIGHT_ADMIN_KEY"
ROOT: Final = "/api/v1"
PAGE_ROWS: Final = 500
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
UNPROVEN: Final = 401
LOCAL_ID: Final = "local"

T = TypeVar("T")
Query: TypeAlias = Mapping[str, str | list[str] | None]


class Told(Struct, frozen=True):
    """An answer: its status, its `etag`, its body."""

    status: int
    etag: str
    body: bytes


class Door(Protocol):
    """Where requests go: a connection, or an application in this process."""

    async def ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Told: ...


class Api:
    """The API's client. Every method raises CommandError when the API refuses, in its words."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def get(self, path: str, kind: type[T], query: Query | None = None) -> T:
        """One resource."""
        return _decoded(await self._asked("GET", path + _query(query or {}), b"", {}), kind)

    async def text(self, path: str, query: Query, accept: str) -> str:
        """A resource as text of the type `accept`."""
        return (await self._asked("GET", path + _query(query), b"", {"accept": accept})).body.decode()

    async def rows(self, path: str, kind: type[T], query: Query | None = None) -> list[T]:
        """Everything of a list, page by page."""
        from keywright.control.resources import Page

        rows: list[T] = []
        after: str | None = None
        while True:
            asked = {**(query or {}), "limit": str(PAGE_ROWS), "after": after}
            page = _decoded(await self._asked("GET", path + _query(asked), b"", {}), Page[kind])  # type: ignore[valid-type]
            rows.extend(page.rows)
            after = page.next
            if after is None:
                return rows

    async def post(self, path: str, body: object, kind: type[T]) -> T:
        """Make something, or do something with it. Sent again by itself it would do it once only."""
        once = {"idempotency-key": secrets.token_hex(16)}
        return _decoded(await self._asked("POST", path, _encoded(body), once), kind)

    async def put(self, path: str, body: object, kind: type[T]) -> T:
        """Let it be so."""
        return _decoded(await self._asked("PUT", path, _encoded(body), {}), kind)

    async def patch(self, path: str, body: object, kind: type[T]) -> T:
        """Change what is as this moment's version has it: who changed it in between is not overruled."""
        now = await self._asked("GET", path, b"", {})
        match = {"if-match": now.etag} if now.etag else {}
        return _decoded(await self._asked("PATCH", path, _encoded(body), match), kind)

    async def delete(self, path: str) -> None:
        """Remove it."""
        now = await self._asked("GET", path, b"", {})
        await self._asked("DELETE", path, b"", {"if-match": now.etag} if now.etag else {})

    async def exists(self, path: str) -> bool:
        """Whether there is such a resource."""
        return (await self._door.ask("GET", ROOT + path, b"", {})).status == 200

    async def _asked(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Told:
        told = await self._door.ask(method, ROOT + path, body, headers)
        if told.status >= 400:
            raise _refused(told)
        return told


def run(config: Path | None, work: Callable[[Api], Coroutine[Any, Any, T]], *, create: bool = False) -> T:
    """What `work` gives, done with the API that this shell has: that of `KEYWRIGHT_URL`, else over the local store.

    `create`: a local store that is not there yet is made.
    """

    async def with_api() -> T:
        async with opened(config, create=create) as api:
            return await work(api)

    return asyncio.run(with_api())


def path(*parts: str) -> str:
    """A path of the API: `path("keys", id)` is `/keys/ID`, whatever the id holds."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


@asynccontextmanager
async def opened(config: Path | None, *, create: bool) -> AsyncIterator[Api]:
    """The API. Local, it is over the store of `config`; one that is absent is made only if `create` says so.

    Raises:
        ConfigError: no key is given for the gateway, or the configuration is wrong.
        CommandError: there is no store yet.
        StoreError, SecretError: the store cannot be opened.
    """
    url = remote_url()
    if url:
        async with _remote(url) as door:
            yield Api(door)
        return
    async with _local(local_blueprint(config), create=create) as door:
        yield Api(door)


@asynccontextmanager
async def _remote(url: str) -> AsyncIterator[Door]:
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


@asynccontextmanager
async def _local(blueprint: "Blueprint", *, create: bool) -> AsyncIterator[Door]:
    from keywright.core.clock import SYSTEM_CLOCK
    from keywright.core.identity import Key
    from keywright.house.control import open_control
    from keywright.house.view import view_of
    from keywright.identity.keystring import digest

    async with local_store(blueprint, create=create) as store:
        key = secrets.token_urlsafe(32)
        now_s = int(time.time())
        view: Snapshot = msgspec.structs.replace(
            await view_of(blueprint.config, blueprint.base, blueprint.environment, store, now_s),
            foreign={digest(key): Key(LOCAL_ID, "admin", "the local operator", digest(key), now_s)},
        )

        async def nobody_else() -> None:
            """No gateway runs in this process; those that do look at the store."""

        control = open_control(store, lambda: view, SYSTEM_CLOCK, lambda: f"cli_{secrets.token_hex(8)}", nobody_else)
        yield _Local(control, key)


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


def _query(query: Query) -> str:
    pairs = [(field, value) for field, value in query.items() if value is not None and value != []]
    return f"?{urlencode(pairs, doseq=True)}" if pairs else ""


def _encoded(body: object) -> bytes:
    return msgspec.json.encode(body) if body is not None else b""


def _decoded(told: Told, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(told.body, type=kind)
    except msgspec.DecodeError as error:
        raise CommandError(f"the gateway does not answer as this version of keywright expects ({error})") from None


def _refused(told: Told) -> CommandError:
    """What the API says is wrong, in its words, with the field that it is about."""
    from keywright.control.resources import Problem

    try:
        problem = msgspec.json.decode(told.body, type=Problem)
    except msgspec.DecodeError:
        return CommandError(f"the gateway answered {told.status}, and not as a gateway does")
    if told.status == UNPROVEN:
        return ApiRefusedError(problem.code, f"the key in {ADMIN_VARIABLE} is refused: {problem.detail}")
    faults = "; ".join(f"{fault.field}: {fault.detail}" for fault in problem.fields)
    return ApiRefusedError(problem.code, faults or problem.detail or problem.title)
