"""The edge as one ASGI application: an exact list of paths, dispatched by the raw path before any framework.

The data plane usually does not come this far (`protocol.py` takes it out); it is here for every other ASGI server.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from keywright.core.clock import SECOND_US
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.dialects import DIALECTS, anthropic, openai_chat
from keywright.server.data_plane import AsgiReply, Receive, Scope, Send, data_plane
from keywright.server.edge import Edge
from keywright.server.metrics import Meters, State, exposition
from keywright.server.models import SHAPES, models, render
from keywright.server.paths import DATA_PATHS, DIALECT_PREFIXES, MODELS_PATHS, OPEN_PATHS
from keywright.server.reading import present
from keywright.server.refusals import JSON_TYPE

ALLOW_GET: Final = (b"allow", b"GET, HEAD")
ALLOW_POST: Final = (b"allow", b"POST")
PATH_CHARACTERS_SHOWN: Final = 200
TEXT_TYPE: Final = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class App(Struct, frozen=True, eq=False):
    """The application. `ready` says why it is not ready, "" when it is; `state` is read at each scrape."""

    edge: Edge
    meters: Meters
    ready: Callable[[], str]
    state: Callable[[], State]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's own signature."""
        if scope["type"] != "http":
            return
        target: bytes = scope.get("raw_path") or scope["path"].encode()
        path = DATA_PATHS.get(target)
        if path is not None and scope["method"] == "POST":
            await data_plane(path, scope, receive, send, self.edge)
            return
        reply = AsgiReply(send)
        dialect = _dialect(scope, target)
        name = self.edge.new_id()
        headers: list[Header]
        try:
            status, kind, body = self._page(scope, target, dialect)
            headers = [kind]
        except RefusedError as refused:
            status, headers = refused.failure.status, [JSON_TYPE]
            body = DIALECTS[dialect].encode_error(refused.failure, name)
            if status == 401:
                self.meters.unknown(refused.failure.code)
            elif status == 405:
                headers.append(ALLOW_GET if path is None else ALLOW_POST)
        headers.append((b"x-keywright-request-id", name.encode()))
        await reply.whole(status, headers, body)

    def _page(self, scope: Scope, target: bytes, dialect: str) -> tuple[int, Header, bytes]:
        base, wanted = _models_path(target)
        if target not in DATA_PATHS and target not in OPEN_PATHS and base is None:
            raise _no(404, "not_found", scope)
        if target in DATA_PATHS or scope["method"] not in ("GET", "HEAD"):
            raise _no(405, "method_not_allowed", scope)
        if target == b"/health/live":
            return 200, JSON_TYPE, b'{"status":"live"}'
        if target == b"/health/ready":
            return self._readiness()
        if target == b"/metrics":
            return 200, TEXT_TYPE, exposition(self.meters, self.state())
        desk = self.edge.desk
        presented = present(scope["headers"], scope["query_string"])
        client = scope.get("client")
        now_s = desk.clock.unix_us() // SECOND_US
        snapshot = desk.snapshot()
        names = models(presented, client[0] if client else "", now_s, snapshot)
        return 200, JSON_TYPE, render(names, SHAPES[dialect], wanted, snapshot.routes)

    def _readiness(self) -> tuple[int, Header, bytes]:
        why = self.ready()
        if why:
            return 503, JSON_TYPE, b'{"status":"not ready","why":"%b"}' % why.encode()
        return 200, JSON_TYPE, b'{"status":"ready"}'


def _dialect(scope: Scope, target: bytes) -> str:
    """In whose words to answer: the path says it, or a header that only one dialect's clients send."""
    path = DATA_PATHS.get(target)
    if path is not None:
        return path.dialect
    for prefix, dialect in DIALECT_PREFIXES.items():
        if target.startswith(prefix):
            return dialect
    is_anthropic = any(name == b"anthropic-version" for name, _ in scope["headers"])
    return anthropic.NAME if is_anthropic else openai_chat.NAME


def _models_path(target: bytes) -> tuple[bytes | None, str | None]:
    """The models path that `target` is or lies below, and the model's name behind it."""
    if target in MODELS_PATHS:
        return target, None
    for base in MODELS_PATHS:
        if target.startswith(base + b"/"):
            return base, unquote_to_bytes(target[len(base) + 1 :]).decode(errors="replace")
    return None, None


def _no(status: int, code: str, scope: Scope) -> RefusedError:
    message = f"{scope['method']} {scope['path'][:PATH_CHARACTERS_SHOWN]} is not served here"
    return RefusedError(Failure(kind="not_found", status=status, code=code, message=message))
