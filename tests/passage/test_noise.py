"""Requests made of odd parts: each is answered or its connection closed, and none is a fault of the gateway's."""

import random
import socket

import pytest

from tests.client import raw
from tests.gateway import Gateway

METHODS = ["GET", "POST", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "FROB"]
PATHS = [
    *(
        "/native/mill/x",
        "/native/mill/%",
        "/native/mill/chat/completions",
        "/native/gemini/v1/models/x:generateContent",
    ),
    *("/v1/files", "/v1/files/a/content", "/v1/batches", "/v1/moderations", "/v1/audio/transcriptions"),
    *("/v1/images/edits?x=%&y", "/v1/files?key=&key", "/native/mill/x?key=sk-kw-%00"),
]
NAMES = [
    *("accept", "content-type", "content-type", "range", "cookie", "te", "trailer", "connection", "upgrade", "expect"),
    *("transfer-encoding", "content-length", "host", "x-forwarded-for", "content-encoding", "x-keywright-provider"),
    *("x-keywright-tags", "proxy-authorization", "if-match", "x-" + "a" * 200),
]
VALUES = [
    *("", "a", "chunked", "gzip", "close", "upgrade", "websocket", "h2c", "100-continue", "5", "0", "-1", "\xe9\xff"),
    *("a" * 3000, "a\tb", "multipart/form-data; boundary=B", "multipart/form-data", "application/json", "; ;", "\x7f"),
]
BODIES = [
    *(b"", b"{}", b"hello", b'{"model":"x"}', b'{"model":7}', b"--B\r\n", b"--B--\r\n", b"\x00" * 100),
    b"5\r\nhello\r\n0\r\n\r\n",
    b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--B--\r\n',
]
REQUESTS = 600


def odd_request(chance: random.Random, key: str) -> bytes:
    """Nobody's request, with a key."""
    body = chance.choice(BODIES)
    lines = [f"{chance.choice(METHODS)} {chance.choice(PATHS)} HTTP/1.1", "host: x", f"x-api-key: {key}"]
    lines += [f"{chance.choice(NAMES)}: {chance.choice(VALUES)}" for _ in range(chance.randint(0, 4))]
    if chance.random() < 0.8:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@pytest.mark.parametrize("seed", [1, 2])
def test_no_request_is_a_fault_of_ours(gateway: Gateway, seed: int) -> None:
    chance = random.Random(seed)
    statuses = set()
    for _ in range(REQUESTS):
        request = odd_request(chance, gateway.admin_key)
        with raw(gateway.url) as sock:
            sock.settimeout(0.5)
            try:
                sock.sendall(request)
                if chance.random() < 0.3:
                    sock.shutdown(socket.SHUT_WR)
                answer = sock.recv(65_536)
            except (ConnectionError, TimeoutError):
                answer = b""
        assert not answer.startswith(b"HTTP/1.1 500"), request
        statuses.add(answer[9:12])
    assert {b"200", b"400", b"404", b"405"} <= statuses
