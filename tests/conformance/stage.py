"""A small server that stands where the gateway would, before an SDK.

It decodes each request and writes one given answer, by the dialects alone.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from keywright.core.dialect import Dialect
from keywright.core.event import Event, Failed
from keywright.core.failure import Failure
from keywright.core.fold import unfold
from keywright.core.request import Request
from keywright.core.response import Response

EVENTS_BEFORE_THE_BREAK = 3


class Stage(ThreadingHTTPServer):
    """The server: a dialect for each path, what it was asked, and whether it is to refuse or to break off."""

    daemon_threads = True

    def __init__(self, dialects: Mapping[str, Dialect], answer: Response) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dialects = dialects
        self.answer = answer
        self.asked: list[Request] = []
        self.refusal: Failure | None = None
        self.breaks = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def staged(dialects: Mapping[str, Dialect], answer: Response) -> Iterator[Stage]:
    """The server, running."""
    with Stage(dialects, answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(timeout=5)


class _Handler(BaseHTTPRequestHandler):
    """Answers as the dialect of the path does."""

    server: Stage

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        stage = self.server
        dialect = stage.dialects[self.path]
        request = dialect.decode_request(body)
        stage.asked.append(request)
        if stage.refusal is not None:
            self._send(stage.refusal.status, b"application/json", dialect.encode_error(stage.refusal, "req"))
        elif request.stream:
            writer = dialect.StreamWriter(request)
            events: list[Event] = [*unfold(stage.answer)]
            if stage.breaks:
                broken = Failed(Failure("server", 502, "upstream_failed", "it broke off"))
                events = [*events[:EVENTS_BEFORE_THE_BREAK], broken]
            self._send(200, dialect.STREAM_TYPE, b"".join(map(writer.write, events)))
        else:
            self._send(200, b"application/json", dialect.encode_response(stage.answer, request).body)

    def _send(self, status: int, kind: bytes, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind.decode())
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Nothing."""
