"""The administration API's door: an ASGI application that does what must be done before and after any route.

It bounds and reads the body, proves who comes, answers again what was answered before, and sees that every answer is
named and kept by nobody. The routes behind it are built when the first request comes: a gateway that nobody administers
over HTTP pays neither the time nor the memory.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct

from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.desk import open_desk
from keywright.control.entry import admit
from keywright.control.idempotency import HEADER, Answered, Kept, Once, digest
from keywright.control.problems import MEDIA_TYPE, encoded, problem, problem_of
from keywright.control.resources import Problem
from keywright.control.scope import ACTOR, DESK, ID, KEPT, SLASH
from keywright.core.errors import KeywrightError, RefusedError, StoreError
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.server.data_plane import Message, Receive, Scope, Send, address_of
from keywright.server.reading import present
from keywright.store.realms import Realms
from keywright.store.replays import Replays

UNPROVEN: Final = 401
DESCRIPTION: Final = b"/openapi.json"
JSON: Final = b"application/json"
CHALLENGE: Final = (b"www-authenticate", b"Bearer")
PROBLEM: Final = (b"content-type", MEDIA_TYPE.encode())
REPLAYED: Final = (b"idempotency-replayed", b"true")
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

_log = logging.getLogger("keywright")


class Answer(Struct, frozen=True):
    """A complete answer."""

    status: int
    headers: Sequence[Header]
    body: bytes


class GoneError(Exception):
    """The client closed before its request was complete."""


class Control:
    """The administration API of one gateway, as an ASGI application. It serves `/api/v1/…` and `/openapi.json`."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._blueprint = blueprint
        self._desk = open_desk(blueprint)
        self._realms = Realms(blueprint.store.database)
        self._replays = Replays(blueprint.store.database)
        self._building = asyncio.Lock()
        self._built: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's own signature."""
        name = self._blueprint.new_id()
        try:
            answer = await self._answer(scope, receive, name)
        except GoneError:
            return
        except KeywrightError as error:
            answer = _refusal(problem_of(error), name)
        headers = [
            *answer.headers,
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-keywright-request-id", name.encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _answer(self, scope: Scope, receive: Receive, name: str) -> Answer:
        target: bytes = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
        if target == DESCRIPTION and scope["method"] == "GET":
            return Answer(200, ((b"content-type", JSON),), (await self._routes()).description)
        presented = present(scope["headers"], b"")
        now_s = self._blueprint.now_s()
        actor = await self._admitted(presented, address_of(scope), now_s)
        body = await self._body(receive)
        fault = _fault(scope, body)
        if fault is not None:
            return _refusal(fault, name)
        once = self._once(scope, target, body, actor)
        if once is None:
            return (await self._served(scope, target, body, actor, name))[0]
        earlier = await once.begin(now_s)
        if isinstance(earlier, Problem):
            return _refusal(earlier, name)
        if earlier is not None:
            return _again(earlier)
        return await self._first(once, scope, target, body, actor, name)

    async def _admitted(self, presented: str, address: str, now_s: int) -> Actor:
        try:
            return await admit(presented, address, now_s, self._blueprint.snapshot(), self._realms)
        except RefusedError as refused:
            if refused.failure.status == UNPROVEN:
                self._blueprint.on_stranger(refused.failure.code)
            raise

    async def _first(self, once: Once, scope: Scope, target: bytes, body: bytes, actor: Actor, name: str) -> Answer:
        """Work at a request that is to be worked at once, and keep its answer.

        Where it cannot be kept it is given all the same: what was done is done.
        """
        answer, kept = await self._served(scope, target, body, actor, name)
        etag = next((value.decode() for header, value in answer.headers if header == b"etag"), "")
        try:
            await once.end(answer.status, Kept((answer.body if kept is None else kept).decode(), etag))
        except StoreError as error:
            _log.warning("the answer to %s is not kept for when it comes again: %s", name, error)
        return answer

    async def _served(
        self, scope: Scope, target: bytes, body: bytes, actor: Actor, name: str
    ) -> tuple[Answer, bytes | None]:
        """The routes' answer, and what is to be kept in place of its body."""
        state: dict[str, Any] = {ID: name, ACTOR: actor, DESK: self._desk}
        inner = {
            **scope,
            "path": SLASH.join(map(unquote, re.split(SLASH, target.decode("latin-1"), flags=re.IGNORECASE))),
            "raw_path": target,
            "state": state,
        }
        answer = _Collected()
        await (await self._routes()).routes(inner, _given(body), answer)
        return Answer(answer.status, answer.headers, b"".join(answer.pieces)), state.get(KEPT)

    async def _routes(self) -> Any:
        """What `app.build` makes, made once and in a thread: it takes longer than a call may wait."""
        async with self._building:
            if self._built is None:
                self._built = await asyncio.to_thread(_build)
            return self._built

    async def _body(self, receive: Receive) -> bytes:
        """The whole body.

        Raises:
            RefusedError: 413, it is too large; 408, it takes too long.
        """
        try:
            async with asyncio.timeout(self._blueprint.read_s):
                return await self._pieces(receive)
        except TimeoutError:
            text = f"the request's body did not come within {self._blueprint.read_s:g} seconds"
            failure = Failure(kind="timeout", status=408, code="request_timeout", message=text)
            raise RefusedError(failure) from None

    async def _pieces(self, receive: Receive) -> bytes:
        pieces: list[bytes] = []
        size_bytes, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            piece = message.get("body", b"")
            size_bytes += len(piece)
            if size_bytes > self._blueprint.body_bytes_max:
                text = f"the request's body is larger than {self._blueprint.body_bytes_max} bytes"
                raise RefusedError(Failure(kind="too_large", status=413, code="body_too_large", message=text))
            pieces.append(piece)
            more = message.get("more_body", False)
        return b"".join(pieces)

    def _once(self, scope: Scope, target: bytes, body: bytes, actor: Actor) -> Once | None:
        """The request as one that is to be worked at once, if that is asked for."""
        key = next((value for header, value in scope["headers"] if header == HEADER), None)
        if key is None or scope["method"] != "POST":
            return None
        mark = digest(scope["method"], target, scope["query_string"], body)
        return Once(self._replays, actor.name, key.decode("latin-1"), mark)


class _Collected:
    """Takes an answer in, as `send` of ASGI."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Sequence[Header] = ()
        self.pieces: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = tuple(pair for pair in message["headers"] if pair[0] != b"content-length")
        else:
            self.pieces.append(message.get("body", b""))


def _build() -> Any:
    from keywright.control.app import build  # noqa: PLC0415 - Litestar is loaded when somebody administers

    return build()


def _given(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _fault(scope: Scope, body: bytes) -> Problem | None:
    """What is wrong with the body's kind."""
    if not body or scope["method"] not in WITH_BODY:
        return None
    kind = next((value for header, value in scope["headers"] if header == b"content-type"), b"")
    if kind.partition(b";")[0].strip().lower() == JSON:
        return None
    return problem(415, "unsupported_media_type", "the body must be JSON: send content-type: application/json")


def _refusal(given: Problem, name: str) -> Answer:
    headers = [PROBLEM, CHALLENGE] if given.status == UNPROVEN else [PROBLEM]
    return Answer(given.status, headers, encoded(given, name))


def _again(earlier: Answered) -> Answer:
    headers = [(b"content-type", JSON), REPLAYED]
    if earlier.kept.etag:
        headers.append((b"etag", earlier.kept.etag.encode()))
    return Answer(earlier.status, headers, earlier.kept.body.encode())
