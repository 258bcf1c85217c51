"""Slow clients, slow upstreams and huge bodies cost no memory that they should not."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keywright.core.json import JsonObject
from tests.acceptance.crowd import END, Visit, request, visit, visits
from tests.acceptance.program import Program, gateway, until
from tests.acceptance.scale import SOAK
from tests.client import raw
from tests.gateway import ADMIN_KEY, CHAT, MESSAGES, chat_body, message_body
from tests.standin.cloud import StandIn
from tests.standin.script import Script
from tests.standin.wire import Link, Request, Server

OPENAI, ANTHROPIC = "openai/gpt-4o", "anthropic/claude-haiku-4-5"
MIB = 2**20
BIG = Script(text=" ".join(["x" * 65_536] * 800))
"""50 MiB, in frames of 64 KiB."""
SLOW_GROWTH_KB_MAX = 20 * 1024
FREED_KB_MAX = 50 * 1024
"""What the C library may keep of two freed bodies for the next. Four that were kept would be 80 MiB and more."""
LANES = [(CHAT, OPENAI), (MESSAGES, ANTHROPIC), (CHAT, ANTHROPIC), (MESSAGES, OPENAI)]
LANE_NAMES = ["verbatim openai", "verbatim anthropic", "openai to anthropic", "anthropic to openai"]
lanes = pytest.mark.parametrize(
    ("path", "model"), LANES if SOAK else LANES[::2], ids=LANE_NAMES if SOAK else LANE_NAMES[::2]
)


def body_of(path: str, model: str, text: str) -> JsonObject:
    return chat_body(model, text) if path == CHAT else {**message_body(model, text), "max_tokens": 8000}


@lanes
def test_a_slow_client_of_a_big_stream_throttles_its_provider(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str
) -> None:
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    mark = cloud.script(BIG)
    with gateway(tmp_path, openai_cloud, anthropic_cloud) as program:
        asyncio.run(
            visit(program.url, Visit("warm", path, {**body_of(path, model, "hello"), "stream": True}, ADMIN_KEY))
        )
        before_kb = program.memory_kb
        with slow_client(program, path, {**body_of(path, model, mark), "stream": True}) as sock:
            got = read_slowly(sock, 2 * MIB, 1.0)
            sent = cloud.last.sent
            time.sleep(0.5)
            assert cloud.last.sent == sent < 400  # nothing was sent on while the client did not read
            assert program.memory_kb - before_kb < SLOW_GROWTH_KB_MAX
            tail, peak_kb, pieces = b"", 0, 0
            while not tail.endswith(END):
                piece = sock.recv(MIB)
                assert piece, "the gateway closed before the end"
                got += len(piece)
                tail = (tail + piece)[-64:]
                pieces += 1
                if pieces % 64 == 0:
                    peak_kb = max(peak_kb, program.memory_kb)
        assert got > 50 * MIB
        assert peak_kb - before_kb < SLOW_GROWTH_KB_MAX
        print(f"{got} bytes; memory grew by {peak_kb - before_kb} KiB at most")
        assert [line.outcome for line in program.settle()] == ["ok", "ok"]


@contextlib.contextmanager
def slow_client(program: Program, path: str, body: JsonObject) -> Iterator[socket.socket]:
    """A client with a small receive buffer, who has asked."""
    with raw(program.url, buffer_bytes=65_536) as sock:
        sock.sendall(request(Visit("slow", path, body, ADMIN_KEY)))
        yield sock


def read_slowly(sock: socket.socket, size: int, over_s: float) -> int:
    """Read so much in that time. How much it was."""
    got = 0
    while got < size:
        piece = sock.recv(65_536)
        assert piece
        got += len(piece)
        time.sleep(over_s * len(piece) / size)
    return got


class Trickle:
    """An upstream whose streams come one byte at a time."""

    def __init__(self, answer: bytes) -> None:
        self.server = Server(self._answer)
        self._bytes = answer

    async def _answer(self, _: Request, link: Link) -> None:
        await link.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        for number, byte in enumerate(self._bytes):
            await link.chunk(bytes((byte,)))
            if number % 50 == 0:
                await asyncio.sleep(0.001)
        await link.chunk(b"")


def test_an_upstream_that_trickles_byte_by_byte_is_passed_on_whole(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    asked: JsonObject = {**chat_body(OPENAI, "one two three four five six seven"), "stream": True}
    with gateway(tmp_path, openai_cloud, anthropic_cloud) as program:
        answer = dechunked(asyncio.run(visit(program.url, Visit("model", CHAT, asked, ADMIN_KEY))).body)
        program.stop()
    trickle = Trickle(answer)
    trickle.server.start()
    try:
        slow = '[providers.slow]\nkind = "openai"\napi_key = "env:STANDIN_OPENAI"\n'
        slow += f'base_url = "http://127.0.0.1:{trickle.server.port}/v1"\n'
        with gateway(tmp_path, openai_cloud, anthropic_cloud, slow) as program:
            same: JsonObject = {**asked, "model": "slow/gpt-4o"}
            verbatim = [Visit(f"same-{number}", CHAT, same, ADMIN_KEY) for number in range(10)]
            other: JsonObject = {**message_body("slow/gpt-4o", "hello"), "stream": True}
            translated = [Visit(f"other-{number}", MESSAGES, other, ADMIN_KEY) for number in range(10)]
            before_kb = program.memory_kb
            seen = asyncio.run(visits(program.url, [*verbatim, *translated]))
            assert all(dechunked(one.body) == answer for one in seen[:10])
            assert all(one.body.count(b"message_stop") == 2 for one in seen[10:])
            assert program.memory_kb - before_kb < SLOW_GROWTH_KB_MAX
            assert [line.outcome for line in program.settle()][1:] == ["ok"] * 20
    finally:
        trickle.server.close()


def dechunked(body: bytes) -> bytes:
    """The body within the chunks."""
    pieces = []
    while body:
        size, _, body = body.partition(b"\r\n")
        pieces.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(pieces)


@lanes
def test_a_request_of_20_megabytes_arrives_whole(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str
) -> None:
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    text = f"{cloud.script(Script(text='seen'), always=True)} " + "x" * 20 * MIB
    with gateway(tmp_path, openai_cloud, anthropic_cloud) as program:
        visitors = [Visit(f"big-{number}", path, body_of(path, model, text), ADMIN_KEY) for number in range(2)]
        for visitor in visitors:
            seen = asyncio.run(visit(program.url, visitor))
            assert (seen.status, seen.complete) == (200, True)
        assert all(len(each.raw) > 20 * MIB and each.raw.count(b"x" * 1000) for each in cloud.exchanges)
        before_kb = program.memory_kb
        for visitor in visitors * 2:
            asyncio.run(visit(program.url, visitor))
        until(lambda: program.memory_kb - before_kb < FREED_KB_MAX, 30.0, "bodies are kept")
        assert [line.outcome for line in program.settle()] == ["ok"] * 6
        print(f"{program.memory_kb} KiB after six bodies of 20 MiB, {before_kb} after two")


def test_clients_that_reset_their_connections_leave_nothing_in_memory(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    rude = [Visit(f"rude-{number}", CHAT, chat_body(OPENAI), ADMIN_KEY, rudely=True) for number in range(100)]
    with gateway(tmp_path, openai_cloud, anthropic_cloud) as program:
        memory_kb = []
        for _ in range(40):
            seen = asyncio.run(visits(program.url, rude))
            assert all(one.complete for one in seen)
            memory_kb.append(program.memory_kb)
        print(memory_kb)
        assert memory_kb[-1] - memory_kb[19] < 6 * 1024  # of 2000 calls, each of which once left 7 KiB
