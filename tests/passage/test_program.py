"""The real program: its memory while large bodies pass through, and its ledger when it is killed or stopped."""

import asyncio
import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.program import Program, ledger, until, up
from tests.client import raw, read_answer
from tests.passage.conftest import ADMIN_KEY, VARIABLES, config
from tests.passage.mill import Guest, Mill

PIECE = bytes(range(256)) * 256
PIECES = 800
SIZE = len(PIECE) * PIECES
"""Fifty megabytes."""
AT_ONCE = 4
MEMORY_KB_MAX = 12_000
"""For four such bodies at once: a few pieces of each, and what the allocator keeps."""


@pytest.fixture
def program(tmp_path: Path, mill: Mill) -> Iterator[Program]:
    text = config(mill.port) + "[server]\nport = 0\nshutdown_s = 2\n"
    with up(tmp_path, text, VARIABLES) as started:
        yield started


def head(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: x", f"x-api-key: {ADMIN_KEY}", *headers]).encode() + b"\r\n\r\n"


def uploaded(program: Program, answers: list[int]) -> None:
    with raw(program.url) as sock:
        sock.sendall(head("/native/mill/files", f"content-length: {SIZE}"))
        for _ in range(PIECES):
            sock.sendall(PIECE)
        answers.append(read_answer(sock).status)


def downloaded(program: Program, digests: list[str]) -> None:
    digest = hashlib.sha256()
    with raw(program.url) as sock:
        sock.sendall(head("/native/mill/files/f/content", "content-length: 0"))
        with sock.makefile("rb") as file:
            while file.readline().strip():
                pass
            for _ in range(PIECES):
                digest.update(file.read(len(PIECE)))
    digests.append(digest.hexdigest())


def test_large_bodies_pass_in_little_memory(program: Program, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces(keep=False)
        if guest.seen.size:
            await asyncio.sleep(0.3)
            await guest.answer(200, b"taken")
            return
        await guest.send(b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: %d\r\n\r\n" % SIZE)
        for _ in range(PIECES):
            await guest.send(PIECE)

    mill.script = script
    answers: list[int] = []
    digests: list[str] = []
    uploaded(program, answers)
    before = program.memory_kb
    most = before
    threads = [threading.Thread(target=uploaded, args=(program, answers)) for _ in range(AT_ONCE)]
    threads += [threading.Thread(target=downloaded, args=(program, digests)) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, program.memory_kb)
        time.sleep(0.01)
    assert answers == [200] * (AT_ONCE + 1)
    assert digests == [hashlib.sha256(PIECE * PIECES).hexdigest()] * AT_ONCE
    assert most - before < MEMORY_KB_MAX
    assert [(line.outcome, line.status) for line in program.settle()] == [("ok", 200)] * (2 * AT_ONCE + 1)


@contextlib.contextmanager
def uploading(program: Program, mill: Mill) -> Iterator[socket.socket]:
    """An upload in the middle of its body."""

    async def script(guest: Guest) -> None:
        while await guest.some():
            pass

    mill.script = script
    with raw(program.url) as sock:
        sock.sendall(head("/native/mill/files", f"content-length: {SIZE}", "x-keywright-tags: call=one") + PIECE)
        until(lambda: bool(mill.seen) and mill.last.size > 0, 5, "nothing went up")
        yield sock


def test_a_call_that_passes_at_a_kill_is_lost_in_the_ledger_once(program: Program, mill: Mill) -> None:
    with uploading(program, mill):
        program.kill()
    text = (program.folder / "keywright.toml").read_text()
    with up(program.folder, text, VARIABLES) as again:
        lines = again.settle()
    assert [(line.outcome, line.model) for line in lines] == [("lost", "")]


def test_a_call_that_passes_when_the_program_stops_is_ended_and_entered(program: Program, mill: Mill) -> None:
    with uploading(program, mill) as sock:
        program.stop()
        answer = read_answer(sock)
        assert (answer.status, answer.code) == (503, "overloaded")
    assert [(line.outcome, line.call) for line in ledger(program.folder)] == [("cancelled", "one")]


def test_an_answer_that_passes_when_the_program_stops_breaks_off(program: Program, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n")
        await guest.left()

    mill.script = script
    with raw(program.url) as sock:
        sock.sendall(head("/native/mill/x", "content-length: 0"))
        data = b""
        while b"ab" not in data:
            data += sock.recv(65_536)
        program.stop()
        while piece := sock.recv(65_536):
            data += piece
    assert data.endswith(b"2\r\nab\r\n"), "no end, so that nobody takes it for whole"
    assert [line.outcome for line in ledger(program.folder)] == ["cancelled"]
