"""Bodies as they come, both ways: paced by who takes them, ended by whoever ends first, in bounded memory."""

import asyncio
import contextlib
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, IncompleteRead
from urllib.parse import urlsplit

import pytest

from tests.client import is_closed, post, raw, read_answer
from tests.gateway import Gateway, until
from tests.passage.conftest import is_asgi
from tests.passage.mill import Guest, Mill

PIECE = bytes(range(256)) * 256
PIECES = 800
SIZE = len(PIECE) * PIECES
"""Fifty megabytes."""
DIGEST = hashlib.sha256(PIECE * PIECES).hexdigest()
BUFFERED_BYTES_MAX = SIZE // 2
"""More than the buffers of the sockets from end to end, four of them on loopback. What the gateway holds is measured in
test_program.py.
"""
FILES = "/native/mill/files"


async def taking(guest: Guest) -> None:
    """Take all and keep nothing."""
    await guest.pieces(keep=False)
    await guest.answer(200, b"taken")


def head(gateway: Gateway, *headers: str, path: str = FILES, key: str | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"x-api-key: {gateway.admin_key if key is None else key}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def reset(sock: socket.socket) -> None:
    """Go away without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@contextlib.contextmanager
def sending(sock: socket.socket, pieces: int = PIECES) -> Iterator[list[int]]:
    """Send so many pieces from another thread; the list holds how many bytes have gone."""
    sent = [0]

    def send() -> None:
        with contextlib.suppress(OSError):
            for _ in range(pieces):
                sock.sendall(PIECE)
                sent[0] += len(PIECE)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        thread.join(20)
        assert not thread.is_alive()


def stands(sent: list[int]) -> int:
    """How much has been sent when nothing more goes."""
    before = -1
    while before != sent[0]:
        before = sent[0]
        time.sleep(0.15)
    return before


def test_fifty_megabytes_go_up_whole(gateway: Gateway, mill: Mill) -> None:
    mill.script = taking
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}"))
        with sending(sock):
            answer = read_answer(sock)
    assert (answer.status, answer.body) == (200, b"taken")
    assert (mill.last.size, mill.last.digest) == (SIZE, DIGEST)
    assert mill.last.header("content-length") == str(SIZE)
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.status, len(entry.attempts)) == ("ok", 200, 1)
    assert entry.overhead_us < entry.total_us


def test_a_body_of_unknown_length_goes_up_in_chunks(gateway: Gateway, mill: Mill) -> None:
    mill.script = taking
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, "transfer-encoding: chunked"))
        for _ in range(100):
            sock.sendall(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
        sock.sendall(b"0\r\n\r\n")
        assert read_answer(sock).status == 200
    assert mill.last.digest == hashlib.sha256(PIECE * 100).hexdigest()
    assert mill.last.header("transfer-encoding") == "chunked"
    assert mill.last.header("content-length") is None


def test_the_client_is_read_no_faster_than_the_upstream_takes(gateway: Gateway, mill: Mill) -> None:
    go = threading.Event()

    async def script(guest: Guest) -> None:
        while not go.is_set():
            await asyncio.sleep(0.01)
        await taking(guest)

    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}"))
        with sending(sock) as sent:
            assert 0 < stands(sent) < BUFFERED_BYTES_MAX
            go.set()
            assert read_answer(sock).status == 200
    assert mill.last.digest == DIGEST


def test_the_upstream_is_read_no_faster_than_the_client_reads(gateway: Gateway, mill: Mill) -> None:
    sent = [0]

    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: %d\r\n\r\n" % SIZE)
        for _ in range(PIECES):
            await guest.send(PIECE)
            sent[0] += len(PIECE)

    mill.script = script
    with raw(gateway.url, buffer_bytes=65_536) as sock:
        sock.sendall(head(gateway, "content-length: 0"))
        assert 0 < stands(sent) < BUFFERED_BYTES_MAX
        answer = read_answer(sock)
    assert hashlib.sha256(answer.body).hexdigest() == DIGEST


def test_the_answer_may_come_while_the_body_still_goes(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n")
        while not (await guest.some()).endswith(b"0\r\n\r\n"):
            pass
        await guest.send(b"4\r\nlate\r\n0\r\n\r\n")

    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, "transfer-encoding: chunked") + b"1\r\na\r\n")
        data = b""
        while b"early" not in data:
            data += sock.recv(65_536)
        sock.sendall(b"1\r\nb\r\n0\r\n\r\n")
        while b"late" not in data:
            data += sock.recv(65_536)


@pytest.mark.parametrize("key", ["", "sk-kw-wrong"])
def test_nobody_is_asked_for_a_body_who_proves_no_key(gateway: Gateway, mill: Mill, key: str) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}", "expect: 100-continue", key=key))
        assert read_answer(sock).status == 401
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}", key=key) + PIECE)
        assert read_answer(sock).status == 401
    assert mill.seen == []


def test_who_waits_to_be_asked_is_asked_when_the_body_is_wanted(gateway: Gateway, mill: Mill) -> None:
    mill.script = taking
    refused = gateway.issue(permission="restricted", endpoints=("chat",))
    for path, key, status in (
        (FILES, None, 100),
        ("/native/nobody/files", None, 404),
        ("/native/mill/a%2fb", None, 400),
        (FILES, refused, 403),
    ):
        with raw(gateway.url) as sock:
            left = bytearray()
            sock.sendall(head(gateway, f"content-length: {len(PIECE) * 4}", "expect: 100-continue", path=path, key=key))
            assert read_answer(sock, left).status == status
            if status == 100:
                sock.sendall(PIECE * 4)
                assert read_answer(sock, left).status == 200


def test_a_body_that_is_too_long_is_refused_by_its_head(gateway: Gateway, mill: Mill) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {(1 << 30) + 1}"))
        answer = read_answer(sock)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert [seen.complete for seen in mill.seen] in ([], [False])


def test_an_error_before_the_body_has_gone_is_the_client_s_at_once(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.some()
        await guest.answer(413, b'{"error":{"message":"too large for us"}}', "content-type: application/json")
        await guest.left()

    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}") + PIECE)
        answer = read_answer(sock)
        assert (answer.status, answer.body) == (413, b'{"error":{"message":"too large for us"}}')
    assert until(lambda: mill.last.gone)
    assert len(mill.seen) == 1
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.status, len(entry.attempts)) == ("failed", 413, 1)


def test_a_body_that_has_been_read_is_not_sent_again(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.some()
        await guest.answer(429, b'{"error":{"message":"later"}}', "content-type: application/json", "retry-after: 0")
        await guest.left()

    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}") + PIECE * 4)
        answer = read_answer(sock)
    assert answer.status == 429
    assert len(mill.seen) == 1
    mill.script = taking
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, "content-length: 0"))
        assert read_answer(sock).status == 200


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_a_request_that_would_switch_protocols_is_a_request_or_none(
    gateway: Gateway, mill: Mill, protocol: str
) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, "content-length: 5", "connection: upgrade", f"upgrade: {protocol}") + b"hello")
        assert read_answer(sock).status in (200, 400)
    assert all(seen.body == b"hello" and seen.header("upgrade") is None for seen in mill.seen if seen.complete)


def test_a_client_that_leaves_in_its_body_ends_the_call(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        while await guest.some():
            pass
        guest.seen.gone = True

    mill.script = script
    before = len(gateway.entries())
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}") + PIECE * 3)
        assert until(lambda: bool(mill.seen) and mill.last.size >= len(PIECE) * 3)
        reset(sock)
    assert until(lambda: mill.last.gone)
    assert until(lambda: len(gateway.entries()) == before + 1)
    entry = gateway.entries()[-1]
    assert (entry.outcome, entry.status, entry.provider) == ("cancelled", 499, "mill")


def test_a_client_that_leaves_in_the_answer_ends_the_call(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n")
        await guest.left()

    mill.script = script
    before = len(gateway.entries())
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, "content-length: 2") + b"{}")
        while b"ab" not in sock.recv(65_536):
            pass
        reset(sock)
    assert until(lambda: mill.last.gone)
    assert until(lambda: len(gateway.entries()) == before + 1)
    assert gateway.entries()[-1].outcome == "cancelled"


def test_a_client_that_stops_in_its_body_is_told(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.left()

    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, f"content-length: {SIZE}") + PIECE)
        answer = read_answer(sock)
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert until(lambda: mill.last.gone)
    assert gateway.entry(answer.request_id).status == 408


@pytest.mark.parametrize("path", ["/native/mill/x", "/v1/images/generations", "/v1/audio/transcriptions"])
def test_a_client_that_sends_by_drops_is_told(gateway: Gateway, mill: Mill, path: str) -> None:
    mill.script = taking
    kind = "multipart/form-data; boundary=B" if "audio" in path else "application/json"
    lines = f"POST {path} HTTP/1.1", "host: x", f"x-api-key: {gateway.admin_key}", f"content-type: {kind}"
    began = time.monotonic()
    with raw(gateway.url) as sock:
        sock.sendall("\r\n".join([*lines, "content-length: 30000", "", "--B\r\n"]).encode())
        sock.settimeout(0.2)
        data = b""
        while not data and time.monotonic() - began < 30:
            sock.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                data = sock.recv(65_536)
    assert data.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 20  # all of it would take hours
    assert [entry.status for entry in gateway.entries()[-1:]] == [408]


@pytest.mark.parametrize("framing", ["content-length: 100", "transfer-encoding: chunked"])
def test_an_answer_that_breaks_off_breaks_off_for_the_client(gateway: Gateway, mill: Mill, framing: str) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        body = b"3\r\nabc\r\n" if "chunked" in framing else b"abc"
        await guest.send(f"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\n{framing}\r\n\r\n".encode() + body)
        await asyncio.sleep(0.05)
        raise ConnectionError

    mill.script = script
    with contextlib.closing(HTTPConnection(urlsplit(gateway.url).netloc, timeout=10)) as connection:
        connection.request("POST", FILES, b"{}", {"x-api-key": gateway.admin_key})
        response = connection.getresponse()
        assert response.status == 200
        with pytest.raises(IncompleteRead):
            response.read()
    entry = gateway.entry(response.headers["x-keywright-request-id"])
    assert (entry.outcome, entry.status, entry.code) == ("failed", 502, "upstream_failed")


def test_calls_on_one_connection_one_behind_the_other(gateway: Gateway, mill: Mill) -> None:
    mill.script = taking
    small = post(FILES, b"{}", f"x-api-key: {gateway.admin_key}")
    large = post(FILES, PIECE * 4, f"x-api-key: {gateway.admin_key}")
    health = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    everything = small + large + health + large + small
    with raw(gateway.url) as sock:
        sender = threading.Thread(target=sock.sendall, args=(everything,))
        sender.start()
        left = bytearray()
        assert [read_answer(sock, left).status for _ in range(5)] == [200] * 5
        sender.join()
    assert [seen.size for seen in mill.seen] == [2, len(PIECE) * 4, len(PIECE) * 4, 2]


def test_http_1_0_is_served_and_closed(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")

    if is_asgi(gateway):
        pytest.skip("how HTTP/1.0 is spoken is the server's affair there")
    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(post(FILES, b"{}", f"x-api-key: {gateway.admin_key}").replace(b"HTTP/1.1", b"HTTP/1.0"))
        data = b""
        while piece := sock.recv(65_536):
            data += piece
    assert data.endswith(b"\r\n\r\nabc")
    assert b"transfer-encoding" not in data


def test_a_refused_upload_closes_its_connection(gateway: Gateway) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, "content-length: 100000", path="/native/nobody/x") + b"a")
        assert read_answer(sock).status == 404
        assert is_asgi(gateway) or is_closed(sock, within_s=10)


def test_a_trailer_goes_no_further(gateway: Gateway, mill: Mill) -> None:
    if is_asgi(gateway):
        pytest.skip("there the server makes headers of them")
    mill.script = taking
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, "transfer-encoding: chunked"))
        sock.sendall(b"2\r\n{}\r\n0\r\nx-smuggled: 1\r\ncontent-type: evil/x\r\n\r\n")
        assert read_answer(sock).status == 200
    assert {"x-smuggled", "content-type"} & {name for name, _ in mill.last.headers} == set()
