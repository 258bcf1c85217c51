"""Stopping: what runs is finished, up to a deadline; nothing new is taken."""

import contextlib
import json
import socket
import threading
import time

import pytest

from keywright.core.errors import ConfigError
from keywright.server.listen import Address, bind
from tests.client import events
from tests.gateway import CHAT, EDGES, Edge, Start, chat_body, until
from tests.standin.cloud import StandIn
from tests.standin.script import Script


@pytest.mark.parametrize("edge", EDGES)
def test_a_running_stream_is_finished_and_its_connection_closed(
    start: Start, openai_cloud: StandIn, edge: Edge
) -> None:
    gateway = start(edge=edge, shutdown_s=5)
    text = openai_cloud.script(Script(words=60, pace_s=0.01))
    with gateway.stream(CHAT, chat_body(text=text)) as stream:
        stream.piece()
        gateway.loop.call_soon_threadsafe(gateway.door.stop)
        assert until(lambda: _is_refused(gateway.url)), "no new connection is taken"
        assert events(stream.rest())[-1] == "[DONE]"
    assert openai_cloud.last.outcome == "complete"


def test_an_idle_connection_does_not_hold_it_up(start: Start) -> None:
    gateway = start(shutdown_s=30)
    with socket.create_connection(gateway.url.removeprefix("http://").split(":")) as sock:  # type: ignore[arg-type]
        sock.settimeout(30)
        sock.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"live" in sock.recv(65536)
        began = time.monotonic()
        gateway.loop.call_soon_threadsafe(gateway.door.stop)
        assert sock.recv(1) == b""
        assert time.monotonic() - began < 15


def test_what_takes_longer_than_the_deadline_is_cut(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(shutdown_s=1)
    with gateway.stream(CHAT, chat_body(text=openai_cloud.script(Script(words=5000, pace_s=0.01)))) as stream:
        stream.piece()
        began = time.monotonic()
        gateway.loop.call_soon_threadsafe(gateway.door.stop)
        rest = stream.rest()
        assert 0.8 < time.monotonic() - began < 25
    assert b"[DONE]" not in rest
    frames = rest.split(b"\n\n")
    assert json.loads(frames[-2].removeprefix(b"data: "))["error"]["code"] == "overloaded", (
        "the dialect's own error event"
    )
    assert until(lambda: openai_cloud.last.outcome == "left")


def test_a_call_that_still_waits_at_the_deadline_is_told_to_come_again(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(shutdown_s=1)
    marker = openai_cloud.script(Script(fault="hang"))
    stopping = threading.Timer(0.3, lambda: gateway.loop.call_soon_threadsafe(gateway.door.stop))
    stopping.start()
    answer = gateway.chat(text=marker)
    assert (answer.status, answer.code) == (503, "overloaded")
    assert answer.headers["retry-after"]
    assert answer.headers["x-keywright-request-id"]


def test_it_can_be_told_not_to_wait_at_all(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(shutdown_s=30)
    with gateway.stream(CHAT, chat_body(text=openai_cloud.script(Script(words=5000, pace_s=0.01)))) as stream:
        stream.piece()
        began = time.monotonic()
        gateway.loop.call_soon_threadsafe(gateway.door.stop)
        threading.Timer(0.3, lambda: gateway.loop.call_soon_threadsafe(lambda: gateway.door.stop(at_once=True))).start()
        with contextlib.suppress(Exception):
            stream.rest()
        assert time.monotonic() - began < 25
    assert until(lambda: openai_cloud.last.outcome == "left")


def test_an_address_that_is_taken_is_told_plainly() -> None:
    with bind(Address("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}.*--port"):
            bind(Address("127.0.0.1", port))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7", "x" * 300])
def test_an_address_that_is_not_ours_is_told_plainly(host: str) -> None:
    with pytest.raises(ConfigError, match=r"not an address of this machine|cannot listen on"):
        bind(Address(host, 0))


def _is_refused(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return True
    return False
