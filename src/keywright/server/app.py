"""The edge as one ASGI application: an exact list of paths, dispatched by the raw path before any framework.

The data plane usually does not come this far (`protocol.py` takes it out); it is here for every other ASGI server.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from keywright.core.clock import SECOND_US
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.dialects import WIRES
from keywright.pipeline.pass_on import JSON_TYPE
from keywright.server.data_plane import AsgiReply, Receive, Scope, Send, data_plane
from keywright.server.edge import Edge
from keywright.server.metrics import Meters, State, exposition
from keywright.server.models import asked_model, models, render
from keywright.server.paths import DIALECT_PREFIXES, MODELS_PATHS, OPEN_PATHS, SHOW_PATHS, data_path
from keywright.server.raw_data_plane import raw_data_plane
from keywright.server.raw_paths import raw_path
from keywright.server.reading import present
from keywright.server.shapes import SHAPES

ALLOW_GET: Final = (b"allow", b"GET, HEAD")
ALLOW_POST: Final = (b"allow", b"POST")
PATH_CHARACTERS_SHOWN: Final = 200
CONTROL_PATH: Final = b"/api/v1/"
DESCRIPTION_PATH: Final = b"/openapi.json"
TEXT_TYPE: Final = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


SMALL_BODY_BYTES_MAX: Final = 64 * 1024
VERSION_PATHS: Final = frozenset({b"/api/version", b"/ollama/api/version"})
OLLAMA_VERSION: Final = b'{"version":"0.13.0"}'
"""The version of Ollama whose API is served: its clients ask before they use what is newer."""

CLIENTS: Final = (
    (b"anthropic-version", b"", "anthropic"),
    (b"x-goog-api-key", b"", "gemini"),
    (b"user-agent", b"mistral-client", "mistral"),
    (b"x-fern-sdk-name", b"cohere", "cohere"),
)
"""Headers, and the beginning of their values, by which clients are told apart on paths that several dialects have."""


class Page(Struct, frozen=True):
    """An answer that is made here."""

    body: bytes
    status: int = 200
    kind: Header = JSON_TYPE


class App(Struct, frozen=True, eq=False):
    """The application. `ready` says why it is not ready, "" when it is; `state` is read at each scrape.

    `control` serves the administration API; None where there is none.
    """

    edge: Edge
    meters: Meters
    ready: Callable[[], str]
    state: Callable[[], State]
    control: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's own signature."""
        if scope["type"] != "http":
            return
        target: bytes = scope.get("raw_path") or scope["path"].encode()
        path = data_path(target, scope["query_string"])
        if path is not None and scope["method"] == "POST":
            await data_plane(path, scope, receive, send, self.edge)
            return
        if self.control is not None and (target.startswith(CONTROL_PATH) or target == DESCRIPTION_PATH):
            await self.control(scope, receive, send)
            return
        raw = raw_path(target, scope["query_string"], scope["headers"]) if path is None else None
        if raw is not None and scope["method"].encode() in raw.methods:
            await raw_data_plane(raw, scope, receive, send, self.edge)
            return
        reply = AsgiReply(send)
        dialect = path.dialect if path is not None else _dialect(scope["headers"], target)
        name = self.edge.new_id()
        try:
            page = await self._page(scope, target, dialect, receive)
            status, headers, body = page.status, [page.kind], page.body
        except RefusedError as refused:
            status, headers = refused.failure.status, [JSON_TYPE]
            body = WIRES[dialect].encode_error(refused.failure, name)
            if status == 401:
                self.meters.unknown(refused.failure.code)
            elif status == 405:
                headers.append(ALLOW_GET if _is_read(target) else ALLOW_POST if raw is None else raw.allow)
        headers.append((b"x-keywright-request-id", name.encode()))
        await reply.whole(status, headers, body)

    async def _page(self, scope: Scope, target: bytes, dialect: str, receive: Receive) -> Page:
        is_post = scope["method"] == "POST"
        if target in SHOW_PATHS and is_post:
            return self._models(scope, dialect, asked_model(await _small_body(receive)))
        if not _is_read(target):
            raise _no(405 if self._is_known(scope, target) else 404, scope)
        if scope["method"] not in ("GET", "HEAD"):
            raise _no(405, scope)
        match target:
            case b"/health/live":
                return Page(b'{"status":"live"}')
            case b"/health/ready":
                return self._readiness()
            case b"/metrics":
                return Page(exposition(self.meters, self.state()), kind=TEXT_TYPE)
            case _:
                page = self._models(scope, dialect, _models_path(target)[1])
                return Page(OLLAMA_VERSION) if target in VERSION_PATHS else page

    def _is_known(self, scope: Scope, target: bytes) -> bool:
        """Whether the path is there, for another method."""
        query = scope["query_string"]
        return (
            data_path(target, query) is not None
            or target in SHOW_PATHS
            or raw_path(target, query, scope["headers"]) is not None
        )

    def _models(self, scope: Scope, dialect: str, wanted: str | None) -> Page:
        desk, client = self.edge.desk, scope.get("client")
        presented = present(scope["headers"], scope["query_string"])
        snapshot = desk.snapshot()
        allowed = models(presented, client[0] if client else "", desk.clock.unix_us() // SECOND_US, snapshot)
        return Page(render(allowed, SHAPES[dialect], wanted))

    def _readiness(self) -> Page:
        why = self.ready()
        if why:
            return Page(b'{"status":"not ready","why":"%b"}' % why.encode(), status=503)
        state = self.state()
        if not state.stale and not state.missing:
            return Page(b'{"status":"ready"}')
        stale, missing = sum(state.stale.values()), sum(state.missing.values())
        return Page(b'{"status":"ready","secrets":{"stale":%d,"missing":%d}}' % (stale, missing))


def _dialect(headers: Sequence[Header], target: bytes) -> str:
    """In whose words to answer: the path says it, or a header that only one dialect's clients send."""
    for prefix, dialect in DIALECT_PREFIXES.items():
        if target.startswith(prefix):
            return dialect
    for name, beginning, dialect in CLIENTS:
        if any(header == name and value.startswith(beginning) for header, value in headers):
            return dialect
    return "openai_chat"


def _is_read(target: bytes) -> bool:
    """Whether it is a page to GET."""
    return target in OPEN_PATHS or _models_path(target)[0] is not None


def _models_path(target: bytes) -> tuple[bytes | None, str | None]:
    """The models path that `target` is or lies below, and the model's name behind it."""
    if target in MODELS_PATHS:
        return target, None
    for base in MODELS_PATHS:
        if target.startswith(base + b"/"):
            return base, unquote_to_bytes(target[len(base) + 1 :]).decode(errors="replace")
    return None, None


async def _small_body(receive: Receive) -> bytes:
    """The body of a request that needs none but a name.

    Raises:
        RefusedError: 413, it is too large.
    """
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > SMALL_BODY_BYTES_MAX:
            message_text = f"the request's body is larger than {SMALL_BODY_BYTES_MAX} bytes"
            raise RefusedError(Failure(kind="too_large", status=413, code="body_too_large", message=message_text))
    return body


def _no(status: int, scope: Scope) -> RefusedError:
    code = "not_found" if status == 404 else "method_not_allowed"
    message = f"{scope['method']} {scope['path'][:PATH_CHARACTERS_SHOWN]} is not served here"
    return RefusedError(Failure(kind="not_found", status=status, code=code, message=message))
