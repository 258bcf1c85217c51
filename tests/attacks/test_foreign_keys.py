"""A provider that fails and names somebody's key, which is not the one it was asked with: it does not get through."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.json import JsonObject, encode
from keywright.pipeline.passage.opening import HELD_BYTES_MAX, Opening, opening_of
from tests.attacks.test_echo import close_breakers
from tests.client import ask
from tests.gateway import Gateway
from tests.passage.mill import Guest, Mill

CORE = "Zb4dYf7hXj8kWm1nVp6qUs9tTv2wSy5z"
KEYS = (f"sk-proj-{CORE}T3BlbkFJ{CORE}", f"sk-ant-api03-{CORE * 2}", f"api-key: {CORE}", f'{{"api_key": "{CORE}"}}')
CHAT: JsonObject = {"messages": [{"role": "user", "content": "x"}]}
PATHS: tuple[tuple[str, JsonObject], ...] = (
    ("/v1/chat/completions", {"model": "mill/gpt-4o", **CHAT}),
    ("/v1/chat/completions", {"model": "mill/gpt-4o", "stream": True, **CHAT}),
    ("/v1/chat/completions", {"model": "gemini/gemini-2.5-flash", **CHAT}),
    ("/v1/messages", {"model": "claude/claude-haiku-4-5", "max_tokens": 5, "stream": True, **CHAT}),
    ("/v1/images/generations", {"model": "mill/gpt-image-1", "prompt": "x"}),
    ("/native/mill/chat/completions", {"model": "gpt-4o", "stream": True, **CHAT}),
    ("/native/claude/v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 5, "stream": True, **CHAT}),
    ("/native/mill/any/thing", CHAT),
)
NATIVE = tuple((path, body) for path, body in PATHS if path.startswith("/native"))
"""Where a frame that comes in pieces waits for its end."""


def said(key: str) -> JsonObject:
    """An error with a key in each of its fields, of every dialect at once."""
    error: JsonObject = {"message": f"no such key: {key}.", "type": key, "code": key, "param": key, "status": key}
    error["details"] = [{"@type": "x", "metadata": {"consumer": key}, "said": json.dumps({"in": key})}]
    return {"type": "error", "error": error, "message": key}


def calls(gateway: Gateway, paths: tuple[tuple[str, JsonObject], ...] = PATHS) -> str:
    """What all of them say, and what is written down of them."""
    out = ""
    for path, body in paths:
        gateway.run(close_breakers(gateway))
        answer = ask(gateway.url, "POST", path, encode(body), {"x-api-key": gateway.admin_key})
        out += f"{path} {answer.status} {answer.headers} {answer.body.decode()}\n"
    return out + str(gateway.entries()[-len(paths) :])


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_shows_nobodys_key(gateway: Gateway, mill: Mill, status: int) -> None:
    async def refusing(guest: Guest) -> None:
        await guest.pieces()
        headers = ("x-request-id", "request-id", "x-any", "retry-after", "x-amzn-errortype")
        body = encode([said(key) for key in KEYS] if "any" in guest.seen.target else said(KEYS[status % 3]))
        kind = "content-type: application/json"
        await guest.answer(status, body, kind, *(f"{name}: {KEYS[0]}, {KEYS[1]}" for name in headers))

    mill.script = refusing
    out = calls(gateway)
    assert out.count("no such key: <secret ") + out.count("no such key: api-key: <secret ") >= 3, (
        "errors are as they came"
    )
    assert CORE not in out


@pytest.mark.parametrize(("size", "paths"), [(7, NATIVE), (10_000, PATHS)], ids=["pieces", "whole"])
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:9])
def test_a_stream_that_begins_with_an_error_shows_nobodys_key(
    gateway: Gateway, mill: Mill, key: str, size: int, paths: tuple[tuple[str, JsonObject], ...]
) -> None:
    told = {name: value for name, value in said(key).items() if name != "message"}
    frame = b"event: error\ndata: %b\n\n" % encode(told)

    async def failing(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(frame), size):
            piece = frame[at : at + size]
            await guest.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await guest.send(b"0\r\n\r\n")

    mill.script = failing
    assert CORE not in calls(gateway, paths)


def test_what_is_no_error_comes_byte_for_byte_whatever_it_looks_like(gateway: Gateway, mill: Mill) -> None:
    body = b"".join(b'data: {"text": "%b"}\r\n\r\n' % key.encode() for key in KEYS[:3]) + b"data: [no end"

    async def writing(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(200, body, "content-type: text/event-stream; charset=utf-8", f"x-any: {KEYS[0]}")

    mill.script = writing
    answer = ask(gateway.url, "POST", "/native/mill/any/thing", b"{}", {"x-api-key": gateway.admin_key})
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["x-any"] == KEYS[0]


@pytest.mark.parametrize("kind", ["application/x-ndjson", "Text/Event-Stream"])
def test_a_stream_that_says_how_long_it_is_comes_whole_though_a_key_in_it_is_not_shown(
    gateway: Gateway, mill: Mill, kind: str
) -> None:
    body = b'data: {"error": {"message": "%b"}}\n\n' % KEYS[0].encode()

    async def failing(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(200, body, f"content-type: {kind}")

    mill.script = failing
    answer = ask(gateway.url, "POST", "/native/mill/any/thing", b"{}", {"x-api-key": gateway.admin_key})
    assert answer.status == 200
    assert answer.body.startswith(b'data: {"error": {"message": "<secret ')
    assert answer.body.endswith(b'>"}}\n\n')


EVENTS = b"text/event-stream; charset=utf-8"
ERROR = b'event: error\r\ndata: {"error": {"message": "%b"}}\r\n\r\n' % KEYS[0].encode()
PLAIN = b'data: {"delta": "%b"}\n\n' % KEYS[0].encode()


def opened(stream: bytes, cuts: list[int], kind: bytes = EVENTS) -> bytes:
    """What passes of a stream that comes in pieces."""
    opening = opening_of(kind)
    assert isinstance(opening, Opening)
    places = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    return b"".join([opening.feed(stream[start:end]) for start, end in pairwise(places)]) + opening.end()


@given(
    st.lists(st.integers(0, 10_000), max_size=8), st.sampled_from([b"", b": ping\n\n", b"\n\n", b": a\n\n: b\r\n\r\n"])
)
def test_the_first_frame_is_cleared_if_it_is_an_error_and_nothing_else_is(cuts: list[int], before: bytes) -> None:
    assert opened(before + PLAIN + ERROR, cuts) == before + PLAIN + ERROR
    cleared = opened(before + ERROR + PLAIN, cuts)
    assert cleared.startswith(before + b'event: error\r\ndata: {"error": {"message": "<secret ')
    assert cleared.endswith(b'"}}\r\n\r\n' + PLAIN)
    assert opened(ERROR.rstrip(), cuts).count(b"<secret ") == 1


def test_a_first_frame_without_an_end_is_not_waited_for_for_ever() -> None:
    opening = opening_of(EVENTS)
    assert opening is not None
    assert opening.feed(b"data: ") == b""
    assert opening.feed(b"a" * HELD_BYTES_MAX) == b"data: " + b"a" * HELD_BYTES_MAX
    assert opening.feed(b"b") == b"b"
    assert opening.end() == b""


def test_lines_of_json_are_frames_and_other_bodies_are_not_waited_for() -> None:
    line = b'{"error": "no such key: %b"}\n' % KEYS[0].encode()
    assert CORE.encode() not in opened(line + line[:10], [], b"application/x-ndjson")
    assert opening_of(b"application/json") is None
    assert opening_of(b"audio/mpeg") is None
