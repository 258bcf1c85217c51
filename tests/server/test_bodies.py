"""Bodies: how large, whose, and how early somebody without a key is turned away."""

import contextlib
import socket
import time

import pytest

from keywright.core.json import encode
from tests.client import Answer, is_closed, raw, read_answer
from tests.gateway import CHAT, EDGES, MESSAGES, Edge, Gateway, Start, chat_body, counted, message_body, until
from tests.standin.cloud import StandIn

KIB = 1024
UNPROVEN = 256 * KIB


def head(gateway: Gateway, key: str, framing: str, path: str = CHAT) -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\n{framing}\r\n\r\n".encode()


def send_until_answered(sock: socket.socket, piece: bytes, times: int) -> tuple[Answer, int]:
    """The answer, and how many pieces had been sent when it came."""
    sock.settimeout(5)
    sent = 0
    with contextlib.suppress(ConnectionError):
        for _ in range(times):
            sock.sendall(piece)
            sent += 1
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                if sock.recv(1, socket.MSG_PEEK):
                    break
            sock.settimeout(5)
            time.sleep(0.001)
    sock.settimeout(5)
    return read_answer(sock), sent


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("key", ["", "sk-nobody"])
def test_a_large_body_of_a_stranger_is_refused_when_it_has_hardly_begun(
    gateway: Gateway, is_chunked: bool, key: str
) -> None:
    before = counted(gateway, "invalid_api_key")
    piece = b"x" * 16 * KIB
    framing = "transfer-encoding: chunked" if is_chunked else f"content-length: {30_000 * KIB}"
    with raw(gateway.url) as sock:
        sock.sendall(head(gateway, key, framing))
        answer, sent = send_until_answered(sock, b"4000\r\n" + piece + b"\r\n" if is_chunked else piece, 1800)
        assert (answer.status, answer.code) == (401, "invalid_api_key")
        assert answer.headers["connection"] == "close"
        assert UNPROVEN < sent * len(piece) < 8 * UNPROVEN, "most of it was never sent"
        assert is_chunked or key or is_closed(sock)
    assert counted(gateway, "invalid_api_key") == before + 1


def test_a_large_body_of_a_known_key_is_taken(gateway: Gateway, openai_cloud: StandIn) -> None:
    text = "word " * 200_000
    assert gateway.chat(text=text).status == 200
    assert len(openai_cloud.last.raw) > 1_000_000
    assert gateway.message("anthropic/claude-opus-4-5", text).status == 200


def test_a_small_body_of_a_stranger_is_refused_by_the_pipeline(gateway: Gateway) -> None:
    answer = gateway.chat(text="x" * (UNPROVEN - 1000), key="sk-nobody")
    assert answer.status == 401
    assert answer.request_id


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_body_over_the_limit_is_413(
    start: Start, openai_cloud: StandIn, edge: Edge, is_chunked: bool, path: str
) -> None:
    gateway = start("[server]\nbody_bytes_max = 2048", edge=edge)
    fitting = encode(chat_body()) if path == CHAT else encode(message_body())
    for size, status in ((2048, 200), (2049, 413), (200_000, 413)):
        body = fitting + b" " * (size - len(fitting))
        framing = "transfer-encoding: chunked" if is_chunked else f"content-length: {size}"
        with raw(gateway.url) as sock:
            sock.sendall(head(gateway, gateway.admin_key, framing, path))
            sock.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (size, body) if is_chunked else body)
            answer = read_answer(sock)
            assert answer.status == status, size
            if status == 413:
                assert answer.code == "body_too_large"
                assert "2048" in answer.message
                assert is_closed(sock)
    assert len(openai_cloud.exchanges) == (1 if path == CHAT else 0)


def test_a_pipelined_body_over_the_limit_is_413_in_its_turn(start: Start, openai_cloud: StandIn) -> None:
    gateway = start("[server]\nbody_bytes_max = 2048")
    good = encode(chat_body())
    large = good + b" " * 4000
    key = gateway.admin_key
    with raw(gateway.url) as sock:
        sock.sendall(
            head(gateway, key, f"content-length: {len(good)}")
            + good
            + head(gateway, key, f"content-length: {len(large)}")
            + large
            + head(gateway, key, f"content-length: {len(good)}")
            + good
        )
        left = bytearray()
        assert [read_answer(sock, left).status for _ in range(2)] == [200, 413]
        assert is_closed(sock)
    time.sleep(0.05)
    assert len(openai_cloud.exchanges) == 1, "what stands behind a refused request is not run"


def test_a_client_that_leaves_within_its_body_leaves_nothing_behind(gateway: Gateway) -> None:
    before = counted(gateway, "invalid_api_key")
    for size in (10, 200 * KIB, 1024 * KIB):
        with raw(gateway.url) as sock:
            sock.sendall(head(gateway, gateway.admin_key, "content-length: 9000000") + b"x" * size)
    assert until(lambda: len(gateway.door.server_state.connections) == 0)
    assert gateway.door.server_state.tasks == set()
    assert counted(gateway, "invalid_api_key") == before
    assert gateway.chat().status == 200


def test_a_trailer_is_no_header(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    body = encode(chat_body())
    chunks = b"%x\r\n%b\r\n0\r\n" % (len(body), body)
    key = f"authorization: Bearer {gateway.admin_key}\r\n".encode()
    tags = b"x-keywright-tags: a=b\r\nopenai-beta: smuggled\r\n"
    request = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n".encode()
    with raw(gateway.url) as sock:
        sock.sendall(request + b"\r\n" + chunks + key + b"\r\n")
        assert read_answer(sock).status == 401
    with raw(gateway.url) as sock:
        sock.sendall(request + key + b"\r\n" + chunks + tags + b"\r\n")
        answer = read_answer(sock)
        assert answer.status == 200
        sock.sendall(request + key + b"openai-beta: said\r\n\r\n" + chunks + b"\r\n")
        assert read_answer(sock).status == 200, "the next request has headers again"
    assert gateway.entry(answer.request_id).tags == ()
    assert [exchange.headers.get("openai-beta") for exchange in openai_cloud.exchanges] == [None, "said"]
