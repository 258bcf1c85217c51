"""Local runtimes are found when they answer, and cost a start-up next to nothing when they do not."""

import asyncio
import time

import pytest

from keywright.providers import PROVIDERS
from keywright.providers.discovery import Probe, discover, probes
from keywright.providers.lmstudio import LMSTUDIO
from keywright.providers.ollama import OLLAMA


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
    await writer.drain()
    writer.close()


async def answers_http(probe: Probe) -> bool:
    reader, writer = await asyncio.open_connection(probe.host, probe.port)
    try:
        writer.write(f"GET {probe.path} HTTP/1.1\r\nhost: {probe.host}\r\n\r\n".encode())
        return (await reader.readline()).startswith(b"HTTP/1.1 200")
    finally:
        writer.close()
        await writer.wait_closed()


def test_both_local_runtimes_are_tried_at_their_ports_with_a_list_of_models() -> None:
    tried = {(probe.provider.name, probe.host, probe.port, probe.path) for probe in probes(PROVIDERS)}
    assert tried == {
        ("ollama", "127.0.0.1", 11434, "/v1/models"),
        ("lmstudio", "127.0.0.1", 1234, "/v1/models"),
    }


async def test_only_those_that_answer_are_found() -> None:
    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    free = await asyncio.start_server(greet, "127.0.0.1", 0)
    port, closed_port = (each.sockets[0].getsockname()[1] for each in (server, free))
    free.close()
    await free.wait_closed()
    async with server:
        candidates = (
            Probe(provider=OLLAMA, host="127.0.0.1", port=closed_port, path="/v1/models"),
            Probe(provider=LMSTUDIO, host="127.0.0.1", port=port, path="/v1/models"),
        )
        assert await discover(candidates, answers_http, limit_s=5.0) == (LMSTUDIO,)


async def test_a_silent_port_delays_the_start_by_no_more_than_the_limit() -> None:
    async def never(_: Probe) -> bool:
        await asyncio.sleep(30)
        return True

    before = time.monotonic()
    assert await discover(probes(PROVIDERS), never, limit_s=0.05) == ()
    assert time.monotonic() - before < 15.0


async def test_nothing_to_try_finds_nothing() -> None:
    assert await discover((), answers_http) == ()


async def test_a_defect_of_the_prober_is_not_mistaken_for_silence() -> None:
    async def broken(_: Probe) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await discover(probes([OLLAMA]), broken)
