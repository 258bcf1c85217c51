"""The edge as one ASGI application: an exact list of paths, dispatched by the raw path before any framework.

The data plane usually does not come this far (`protocol.py` takes it out); it is here for every other ASGI server.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.dialects import DIALECTS
from keywright.server.data_plane import JSON_TYPE, AsgiReply, Edge, Receive, Scope, Send, data_plane
from keywright.server.metrics import Meters, State, exposition
from keywright.server.models import models, render
from keywright.server.paths import DATA_PATHS, MODELS_PATHS
from keywright.server.reading import KEY_HEADERS, read_key

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
        try:
            if scope["method"] not in ("GET", "HEAD"):
                known = path is not None or target in MODELS_PATHS
                raise _no(405 if known else 404, "method_not_allowed" if known else "not_found", scope)
            status, kind, body = self._page(scope, target, dialect)
        except RefusedError as refused:
            status, kind = refused.failure.status, JSON_TYPE
            body = DIALECTS[dialect].encode_error(refused.failure, "")
        await reply.whole(status, [kind], body)

    def _page(self, scope: Scope, target: bytes, dialect: str) -> tuple[int, tuple[bytes, bytes], bytes]:
        if target == b"/health/live":
            return 200, JSON_TYPE, b'{"status":"live"}'
        if target == b"/health/ready":
            return self._readiness()
        if target == b"/metrics":
            return 200, TEXT_TYPE, exposition(self.meters, self.state())
        base, wanted = _models_path(target)
        if base is None:
            raise _no(404, "not_found", scope)
        desk = self.edge.desk
        found = {name: value for name, value in scope["headers"] if name in KEY_HEADERS}
        presented = read_key(found, scope["query_string"])
        client = scope.get("client")
        now_s = desk.clock.unix_us() // 1_000_000
        names = models(presented, client[0] if client else "", now_s, desk.snapshot())
        return 200, JSON_TYPE, render(names, dialect, wanted)

    def _readiness(self) -> tuple[int, tuple[bytes, bytes], bytes]:
        why = self.ready()
        if why:
            return 503, JSON_TYPE, b'{"status":"not ready","why":"%b"}' % why.encode()
        return 200, JSON_TYPE, b'{"status":"ready"}'


def _dialect(scope: Scope, target: bytes) -> str:
    """In whose words to answer: the path says it, or a header that only one dialect's clients send."""
    base, _ = _models_path(target)
    path = DATA_PATHS.get(target)
    named = path.dialect if path is not None else MODELS_PATHS.get(base or b"", "")
    if named:
        return named
    is_anthropic = any(name == b"anthropic-version" for name, _ in scope["headers"])
    return "anthropic" if is_anthropic else "openai_chat"


def _models_path(target: bytes) -> tuple[bytes | None, str | None]:
    """The models path that `target` is or lies below, and the model's name behind it."""
    if target in MODELS_PATHS:
        return target, None
    for base in MODELS_PATHS:
        if target.startswith(base + b"/"):
            return base, target[len(base) + 1 :].replace(b"%2F", b"/").replace(b"%2f", b"/").decode("latin-1")
    return None, None


def _no(status: int, code: str, scope: Scope) -> RefusedError:
    what = f"{scope['method']} {scope['path'][:200]}"
    message = f"{what} is not served here"
    return RefusedError(Failure(kind="not_found", status=status, code=code, message=message))
