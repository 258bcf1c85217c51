"""Connections: kept, pipelined, closed, half sent, flooded; behind both edges."""

import contextlib
import threading
import time

import pytest

from keywright.core.json import JsonObject, encode
from tests.client import Answer, events, is_closed, post, raw, read_answer
from tests.gateway import CHAT, EDGES, MESSAGES, Gateway, Start, chat_body, message_body, until
from tests.standin.cloud import StandIn
from tests.standin.script import Script


def call(gateway: Gateway, body: JsonObject | None = None, path: str = CHAT, *headers: str) -> bytes:
    """The bytes of a call."""
    return post(path, encode(body or chat_body()), f"authorization: Bearer {gateway.admin_key}", *headers)


HEALTH = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"


def read_all(data: bytes) -> list[tuple[int, bytes]]:
    """Status and the rest of each answer in `data`, split where the next begins."""
    return [(int(part[:3]), part) for part in data.split(b"HTTP/1.1 ")[1:]]


def test_a_connection_is_kept_for_the_next_call(gateway: Gateway, openai_cloud: StandIn) -> None:
    with raw(gateway.url) as sock:
        left = bytearray()
        for _ in range(5):
            sock.sendall(call(gateway))
            assert read_answer(sock, left).status == 200
            sock.sendall(HEALTH)
            assert read_answer(sock, left).status == 200
    assert len(openai_cloud.exchanges) == 5


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_request_may_come_in_pieces(gateway: Gateway, size: int) -> None:
    data = call(gateway)
    with raw(gateway.url) as sock:
        for at in range(0, len(data), size):
            sock.sendall(data[at : at + size])
        assert read_answer(sock).status == 200


def test_a_chunked_request_is_a_request(gateway: Gateway, openai_cloud: StandIn) -> None:
    body = encode(chat_body())
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-api-key: {gateway.admin_key}\r\n\r\n"
    with raw(gateway.url) as sock:
        sock.sendall(head.encode())
        for byte in body:
            sock.sendall(b"1\r\n%c\r\n" % byte)
        sock.sendall(b"0\r\n\r\n")
        assert read_answer(sock).status == 200
    assert openai_cloud.last.raw == body.replace(b"openai/", b"")


def test_pipelined_calls_are_answered_in_their_order(gateway: Gateway, openai_cloud: StandIn) -> None:
    slow = chat_body(text=openai_cloud.script(Script(text="first", head_delay_s=0.2)))
    fast = chat_body(text=openai_cloud.script(Script(text="second")))
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway, slow) + HEALTH + call(gateway, fast) + call(gateway, {"model": "none"}))
        left = bytearray()
        answers = [read_answer(sock, left) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 404]
    assert said(answers[0]) == "first"
    assert answers[1].json == {"status": "live"}
    assert said(answers[2]) == "second"


def said(answer: Answer) -> str:
    return str(answer.json["choices"][0]["message"]["content"])


def test_a_pipelined_stream_is_not_disturbed_by_what_follows(gateway: Gateway, openai_cloud: StandIn) -> None:
    stream = {**chat_body(text=openai_cloud.script(Script(words=30, pace_s=0.005))), "stream": True}
    body = encode(chat_body())
    expecting = post(CHAT, b"", f"x-api-key: {gateway.admin_key}", "expect: 100-continue").replace(
        b"content-length: 0", b"content-length: %d" % len(body)
    )
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway, stream) + expecting)
        time.sleep(0.05)
        sock.sendall(body)
        left = bytearray()
        data = b""
        deadline = time.monotonic() + 10
        while b'"object":"chat.completion",' not in data and time.monotonic() < deadline:
            data += sock.recv(65536)
    first = data[: data.index(b"\r\n0\r\n\r\n")]
    assert b"HTTP/1.1 100" not in first, "nothing is written between the pieces of a stream"
    assert b"[DONE]" in first
    statuses = [status for status, _ in read_all(data)]
    assert statuses[0] == statuses[-1] == 200
    assert not left


def test_a_client_that_leaves_with_calls_waiting_ends_the_running_one_and_starts_none(
    start: Start, openai_cloud: StandIn
) -> None:
    gateway = start()
    running = chat_body(text=openai_cloud.script(Script(words=3000, pace_s=0.005)))
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway, {**running, "stream": True}) + call(gateway) + HEALTH)
        assert until(lambda: bool(openai_cloud.exchanges) and openai_cloud.last.sent > 5)
    assert until(lambda: openai_cloud.last.outcome == "left", within_s=10)
    time.sleep(0.1)
    assert len(openai_cloud.exchanges) == 1
    assert until(lambda: len(gateway.entries()) == 1)
    assert gateway.entries()[0].outcome == "cancelled"


def test_nothing_behind_a_request_that_closes_is_run(gateway: Gateway, openai_cloud: StandIn) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway, None, CHAT, "connection: close") + call(gateway))
        answer = read_answer(sock)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert is_closed(sock)
    time.sleep(0.05)
    assert len(openai_cloud.exchanges) == 1


def test_http_1_0_is_answered_and_closed(gateway: Gateway) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = read_answer(sock)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert is_closed(sock)


def test_http_1_0_is_streamed_to_without_chunks(start: Start) -> None:
    gateway = start()
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway, {**chat_body(), "stream": True}).replace(b"HTTP/1.1", b"HTTP/1.0"))
        data = b""
        while piece := sock.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body.startswith(b"data: {")
    assert events(body)[-1] == "[DONE]"


def test_a_client_may_wait_to_be_asked_for_its_body(gateway: Gateway) -> None:
    body = encode(chat_body())
    head = post(CHAT, body, f"x-api-key: {gateway.admin_key}", "expect: 100-continue")[: -len(body)]
    with raw(gateway.url) as sock:
        sock.sendall(head)
        left = bytearray()
        assert read_answer(sock, left).status == 100
        sock.sendall(body)
        assert read_answer(sock, left).status == 200


BODY = encode(chat_body())


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 5\r\ncontent-length: 6",
        b"content-length: 5\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ncontent-length: 5",
        b"content-length: -1",
        b"content-length: 1e3",
        b"content-length: 0x10",
        b"content-length: 99999999999999999999999",
        b"transfer-encoding: chunked, gzip",
        b"transfer-encoding: xchunked",
        b"content-length : 5",
        b"content-length: 5\r\n x",
        b"x\x00y: 1",
    ],
)
def test_a_request_whose_length_is_in_doubt_is_refused(gateway: Gateway, openai_cloud: StandIn, framing: bytes) -> None:
    head = b"POST %b HTTP/1.1\r\nhost: x\r\nx-api-key: %b\r\n%b\r\n\r\n"
    with raw(gateway.url) as sock:
        sock.sendall(head % (CHAT.encode(), gateway.admin_key.encode(), framing) + b"0\r\n\r\n" + BODY)
        assert read_answer(sock).status == 400
        assert is_closed(sock)
    assert openai_cloud.exchanges == []


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_what_is_no_http_is_refused(gateway: Gateway, junk: bytes) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(junk)
        assert read_answer(sock).status == 400
        assert is_closed(sock)


@pytest.mark.parametrize("path", [CHAT, "/health/live"])
def test_too_many_headers_are_refused_however_they_come(start: Start, path: str) -> None:
    gateway = start()
    floods = [
        b"".join(b"x-%d: y\r\n" % number for number in range(10_000)),
        b"x: " + b"y" * 1_000_000 + b"\r\n",
        b"x" * 1_000_000 + b": y\r\n",
    ]
    for flood in floods:
        with raw(gateway.url) as sock:
            try:
                sock.sendall(b"POST %b HTTP/1.1\r\nhost: x\r\n" % path.encode() + flood)
                assert read_answer(sock).status == 400
            except ConnectionError:
                pass  # closed with bytes unread: reset
            assert is_closed(sock)
    with raw(gateway.url) as sock:
        sock.sendall(b"GET /" + b"a" * 1_000_000)
        try:
            assert read_answer(sock).status == 400
        except ConnectionError:
            pass
    assert gateway.chat().status == 200


def test_trailers_without_end_are_refused(start: Start) -> None:
    gateway = start()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-api-key: {gateway.admin_key}\r\n\r\n"
    with raw(gateway.url) as sock:
        sock.sendall(head.encode() + b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY))
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"x: " + b"y" * 4_000_000)
            assert read_answer(sock).status == 400
        assert is_closed(sock)


def test_large_bodies_one_behind_the_other_are_no_flood(gateway: Gateway, openai_cloud: StandIn) -> None:
    large = call(gateway, chat_body(text="word " * 30_000))
    with raw(gateway.url) as sock:
        sender = threading.Thread(target=sock.sendall, args=(large * 4 + HEALTH,))
        sender.start()
        left = bytearray()
        assert [read_answer(sock, left).status for _ in range(5)] == [200] * 5
        sender.join()


def test_a_hundred_headers_are_no_flood(gateway: Gateway) -> None:
    headers = [f"x-{number}: {'y' * 100}" for number in range(100)]
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway, None, CHAT, *headers))
        assert read_answer(sock).status == 200


@pytest.mark.parametrize("sent", [b"", b"POST ", b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n", b"half a body"])
def test_a_request_that_does_not_come_to_its_end_is_given_up(start: Start, sent: bytes) -> None:
    gateway = start(read_s=0.3)
    data = call(gateway)[:-5] if sent == b"half a body" else sent
    with raw(gateway.url) as sock:
        began = time.monotonic()
        sock.sendall(data)
        assert is_closed(sock, within_s=10)
        assert 0.2 < time.monotonic() - began < 10


def test_a_second_request_has_its_own_deadline_and_a_running_answer_none(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(read_s=0.3)
    slow = chat_body(text=openai_cloud.script(Script(head_delay_s=0.6)))
    with raw(gateway.url) as sock:
        sock.sendall(call(gateway, slow))
        assert read_answer(sock).status == 200
        time.sleep(0.5)
        sock.sendall(HEALTH)
        assert read_answer(sock).status == 200
        time.sleep(0.5)
        sock.sendall(HEALTH[:20])
        assert is_closed(sock, within_s=10)


def test_more_calls_than_may_run_at_once_are_503(start: Start, openai_cloud: StandIn) -> None:
    for edge in EDGES:
        gateway = start("[server]\ncalls_max = 2", edge=edge)
        marker = openai_cloud.script(Script(words=200, pace_s=0.01), always=True)
        with gateway.stream(CHAT, chat_body(text=marker)) as one, gateway.stream(CHAT, chat_body(text=marker)) as two:
            assert (one.status, two.status) == (200, 200)
            answer = gateway.post(MESSAGES, message_body())
            assert (answer.status, answer.code) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"
            assert gateway.get("/health/live").status == 200
            one.leave()
        assert until(lambda: gateway.chat().status == 200)  # noqa: B023 - called at once
