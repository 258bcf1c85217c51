"""A provider that answers every call with one recorded answer, byte for byte."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.conformance.bar.recordings import Exchange
from tests.conformance.cost.ledger import whole_answer


class Replay:
    """What it answers with is `exchange`; it listens at `url`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.exchange: Exchange | None = None


@contextlib.contextmanager
def replaying() -> Iterator[Replay]:
    """A running one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            exchange = replay.exchange
            assert exchange is not None
            body = whole_answer(exchange)
            kind = "text/event-stream" if exchange.streams else "application/json"
            self.send_response(exchange.status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class has it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    replay = Replay(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
