"""An upstream that streams at a pace: `python -m bench.paced_upstream PORT GAP_US CHUNKS`.

It answers every POST with the frames of the dialect whose path it is, one frame per chunk and per write, each with the
time at which it was sent, and every GET with its models. A connection that does not take a frame at once is dropped:
nothing is queued here.
"""

import contextlib
import functools
import socket
import sys
from typing import Final

from bench import payloads
from bench.clockwork import Clockwork, now_ns
from bench.process import HOST
from bench.upstreams import Pace
from bench.wire import CHUNKED_END, HEAD_END, content_length, http_chunk

READ_BYTES: Final = 65_536
REQUEST_BYTES_MAX: Final = 262_144
BACKLOG: Final = 4096
NS_PER_US: Final = 1000
HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
MESSAGES_PATH: Final = b"/v1/messages"


_LIST: Final = payloads.models()
MODELS: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_LIST),
    _LIST,
)
"""The answer to every GET: a gateway may ask which models there are."""


class PacedConnection:
    """One client: reads a request, streams the answer, and is ready for the next."""

    def __init__(self, loop: Clockwork, sock: socket.socket, pace: Pace) -> None:
        self._loop = loop
        self._socket = sock
        self._pace = pace
        self._received = b""
        self._frames: payloads.Frames | None = None
        self._left = 0
        self._due_ns = 0
        self._open = True

    def read(self) -> None:
        """Take what has arrived; begin to stream when a request is complete."""
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError:
            data = b""
        self._received += data
        if not data or len(self._received) > REQUEST_BYTES_MAX:
            self._close()
        elif self._frames is None:
            self._begin_if_complete()

    def _begin_if_complete(self) -> None:
        head, separator, rest = self._received.partition(HEAD_END)
        if not separator:
            return
        length = content_length(head) or 0
        if len(rest) < length:
            return
        self._received = rest[length:]
        method, path, _ = head.split(b" ", 2)
        if method != b"POST":
            self._send(MODELS)
            return
        dialect = payloads.anthropic_frames if path.endswith(MESSAGES_PATH) else payloads.openai_frames
        self._frames = dialect(self._pace.chunks)
        self._left = self._pace.chunks
        self._due_ns = now_ns()
        self._send(HEAD + http_chunk(self._frames.head))
        self._wait()

    def _wait(self) -> None:
        self._due_ns += self._pace.gap_us * NS_PER_US
        self._loop.at(self._due_ns, self._next)

    def _next(self) -> None:
        if not self._open or self._frames is None:
            return
        if self._left:
            self._left -= 1
            self._send(http_chunk(self._frames.chunk(now_ns() // NS_PER_US)))
            self._wait()
        else:
            tail, self._frames = self._frames.tail, None
            self._send(http_chunk(tail) + CHUNKED_END)

    def _send(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data) if self._open else len(data)
        except OSError:
            sent = 0
        if sent != len(data):
            self._close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._loop.forget(self._socket.fileno())
            self._socket.close()


def serve(port: int, pace: Pace) -> None:
    """Listen on `port` of loopback, for ever."""
    loop = Clockwork()
    with socket.create_server((HOST, port), backlog=BACKLOG) as listener:
        listener.settimeout(0)
        loop.on_readable(listener.fileno(), functools.partial(_accept, loop, listener, pace))
        loop.run()


def _accept(loop: Clockwork, listener: socket.socket, pace: Pace) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            sock, _ = listener.accept()
            sock.settimeout(0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = PacedConnection(loop, sock, pace)
            loop.on_readable(sock.fileno(), connection.read)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Pace(gap_us=int(sys.argv[2]), chunks=int(sys.argv[3])))
