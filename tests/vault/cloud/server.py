"""A server in threads of its own, for SDKs that block: it answers as its handler says, and can be in trouble."""

import socket
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TypeAlias

from tests.vault.conformance.place import Fault
from tests.vault.standin import Received, Say

Answers: TypeAlias = Callable[[Received], Say]
SLOW_S = 2.0


class Standing:
    """A running server. `refusals`: what it answers in place of its handler, in trouble.

    What the handler finds wrong is kept in `wrong`, which its fixture looks at in the end.
    """

    def __init__(self, handler: Answers, refusals: dict[Fault, Say], tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler
        self.refusals = refusals
        self.received: list[Received] = []
        self.wrong: list[BaseException] = []
        self.trouble: Fault | None = None
        self._healed = Event()
        self._tls = tls
        self._server = _Server(self, 0, tls)
        self.port = self._server.server_address[1]
        self._serve()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def strike(self, fault: Fault) -> None:
        self._healed.clear()
        self.trouble = fault
        if fault == "kill":
            self._server.end()

    def heal(self, fault: Fault) -> None:
        assert self.trouble == fault
        self.trouble = None
        self._healed.set()
        if fault == "kill":
            self._server = _Server(self, self.port, self._tls)
            self._serve()

    def close(self) -> None:
        self._healed.set()
        self._server.end()
        if self.wrong:
            raise self.wrong[0]

    def answer(self, request: Received) -> Say:
        if self.trouble == "slow":
            self._healed.wait(SLOW_S)
        elif self.trouble in self.refusals:
            return self.refusals[self.trouble]
        self.received.append(request)
        try:
            return self.handler(request)
        except Exception as error:
            self.wrong.append(error)
            return Say(f"the stand-in refuses: {error!r}", 400)

    def _serve(self) -> None:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, standing: Standing, port: int, tls: ssl.SSLContext | None) -> None:
        self.standing = standing
        self._tls = tls
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """A client that has gone away is none of the server's errors."""

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        said = self.server.standing.answer(Received(self.command, self.path, headers, body))
        content = said.body.encode() if isinstance(said.body, str) else said.body
        lines = [f"HTTP/1.1 {said.status} Said", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in said.headers]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode() + content)
