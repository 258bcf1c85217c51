"""The administration API, as every command uses it: over the network, or on the store that is at hand.

`KEYWRIGHT_URL` with `KEYWRIGHT_ADMIN_KEY` names a gateway. Without it, the very same API is asked in this process, over
the store of the configuration, as an owner of the organisation: who may read the store may do everything.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from keywright.cli.doors import ADMIN_VARIABLE, Door, Told, local_door, remote_door
from keywright.cli.errors import ApiRefusedError, CommandError
from keywright.cli.place import local_blueprint, local_store, remote_url

ROOT: Final = "/api/v1"
PAGE_ROWS: Final = 500
UNPROVEN: Final = 401

T = TypeVar("T")
Query: TypeAlias = Mapping[str, str | list[str] | None]


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
        async with remote_door(url) as door:
            yield Api(door)
        return
    from keywright.house.view import view_of

    blueprint = local_blueprint(config)
    async with local_store(blueprint, create=create) as store:
        view = await view_of(blueprint.config, blueprint.base, blueprint.environment, store, int(time.time()))

        async def nobody_else() -> None:
            """No gateway runs in this process; those that do look at the store."""

        yield Api(local_door(store, lambda: view, nobody_else))


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
