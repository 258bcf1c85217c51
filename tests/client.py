"""A plain HTTP client for tests: answers as they came, streams piece by piece, raw bytes where HTTP is the subject."""

import contextlib
import json
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

ANSWER_S = 20.0
"""No wait for an answer is longer."""


@dataclass(frozen=True)
class Answer:
    """One complete answer. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def request_id(self) -> str:
        return self.headers["x-keywright-request-id"]

    @property
    def code(self) -> str:
        """The code of an error, in whichever dialect."""
        error = self.json["error"]
        return str(error.get("code") or error["type"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])


@dataclass
class Stream:
    """An answer that is still coming. `headers` are here; `piece` waits for more, b"" at the end."""

    status: int
    headers: dict[str, str]
    connection: HTTPConnection
    response: HTTPResponse
    sock: socket.socket

    @property
    def request_id(self) -> str:
        return self.headers["x-keywright-request-id"]

    def piece(self) -> bytes:
        return self.response.read1(65536)

    def rest(self) -> bytes:
        return self.response.read()

    def leave(self) -> None:
        """Go away without a word, as a client that is killed does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.response.close()
        self.connection.close()


def ask(
    url: str, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own."""
    with contextlib.closing(_connect(url)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, _headers(response), response.read())


@contextlib.contextmanager
def streaming(url: str, path: str, body: bytes, headers: Mapping[str, str]) -> Iterator[Stream]:
    """A POST whose answer is read as it comes."""
    with contextlib.closing(_connect(url)) as connection:
        connection.request("POST", path, body, dict(headers))
        sock = connection.sock
        response = connection.getresponse()
        with contextlib.closing(response):
            yield Stream(response.status, _headers(response), connection, response, sock)


@contextlib.contextmanager
def raw(url: str, buffer_bytes: int = 0) -> Iterator[socket.socket]:
    """A connection on which the test says every byte. `buffer_bytes` makes its receive buffer small."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        if buffer_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.settimeout(ANSWER_S)
        sock.connect((urlsplit(url).hostname, urlsplit(url).port))
        yield sock


def read_answer(sock: socket.socket, left: bytearray | None = None, *, head_only: bool = False) -> Answer:
    """The next answer on `sock`. `left` keeps what came behind it, for the next."""
    left = bytearray() if left is None else left
    while b"\r\n\r\n" not in left:
        _more(sock, left)
    head, _, rest = bytes(left).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    left[:] = rest
    status = int(lines[0].split(" ")[1])
    if head_only or status < 200:
        return Answer(status, headers, b"")
    if headers.get("transfer-encoding") == "chunked":
        while not left.endswith(b"0\r\n\r\n"):
            _more(sock, left)
        body, left[:] = bytes(left), b""
        return Answer(status, headers, _dechunked(body))
    length = int(headers["content-length"])
    while len(left) < length:
        _more(sock, left)
    body = bytes(left[:length])
    del left[:length]
    return Answer(status, headers, body)


def is_closed(sock: socket.socket, within_s: float = 5.0) -> bool:
    """Whether the other end closes, whatever it says before that."""
    sock.settimeout(within_s)
    try:
        while sock.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def post(path: str, body: bytes, *headers: str) -> bytes:
    """The bytes of a POST, with a content-length."""
    lines = [f"POST {path} HTTP/1.1", "host: gateway", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def events(body: bytes) -> list[Any]:
    """The data of a stream's frames, decoded; a text that is no JSON as it stands."""
    found = re.findall(rb"^data: (.*)$", body, re.MULTILINE)
    return [json.loads(data) if data.startswith(b"{") else data.decode() for data in found]


def _connect(url: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_S)


def _headers(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _more(sock: socket.socket, left: bytearray) -> None:
    piece = sock.recv(65536)
    if not piece:
        raise ConnectionError(f"the gateway closed after {bytes(left[:200])!r}")
    left += piece


def _dechunked(body: bytes) -> bytes:
    pieces = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        pieces.append(body[:length])
        body = body[length + 2 :]
    return b"".join(pieces)
