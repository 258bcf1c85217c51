"""Clients that leave at every moment of a call leave nothing behind: no task, no connection, no reservation."""

import struct
from socket import SO_LINGER, SOL_SOCKET

from keywright.core.json import JsonObject, encode
from tests.client import raw
from tests.gateway import Gateway, until
from tests.passage.mill import Guest, Mill

CHAT: JsonObject = {"model": "mill/gpt-4o", "messages": [{"role": "user", "content": "x"}]}
CALLS: list[tuple[str, JsonObject]] = [
    ("/v1/chat/completions", CHAT),
    ("/v1/chat/completions", {**CHAT, "stream": True}),
    ("/v1/messages", {**CHAT, "max_tokens": 5, "stream": True}),
    ("/v1/embeddings", {"model": "mill/text-embedding-3-small", "input": "x"}),
    ("/v1/responses/input_tokens", {"model": "mill/gpt-4o", "input": "x"}),
    ("/v2/rerank", {"model": "cohere/rerank-v3.5", "query": "x", "documents": ["x"]}),
    ("/v1/images/generations", {"model": "mill/gpt-image-1", "prompt": "x"}),
    ("/v1/files", {}),
    ("/native/mill/chat/completions", {**CHAT, "model": "gpt-4o"}),
    ("/native/signed/any/thing", {}),
]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
MOMENTS = [b"", HEAD, HEAD + b"\r\n", HEAD + b"\r\n8\r\ndata: {}"]
"""How far the upstream's answer has come when the client leaves."""


def test_a_client_that_leaves_at_any_moment_leaves_nothing_behind(gateway: Gateway, mill: Mill) -> None:
    before = len(gateway.entries())
    for moment in MOMENTS:

        async def script(guest: Guest, said: bytes = moment) -> None:
            await guest.pieces()
            await guest.send(said)
            await guest.left()

        mill.script = script
        for path, body in CALLS:
            data, seen = encode(body), len(mill.seen)
            lines = (
                f"POST {path} HTTP/1.1",
                "host: x",
                f"x-api-key: {gateway.admin_key}",
                "content-type: application/json",
            )
            with raw(gateway.url) as sock:
                sock.sendall("\r\n".join([*lines, f"content-length: {len(data)}", "", ""]).encode() + data)
                assert until(lambda seen=seen: len(mill.seen) > seen and mill.last.complete), path  # type: ignore[misc]
                sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            assert until(lambda: mill.last.gone), f"{path}: the provider's connection is still open"
    calls = len(MOMENTS) * len(CALLS)
    assert until(lambda: gateway.house.ledger.reserved == 0)
    entries = gateway.entries()[before:]
    assert len(entries) == len({entry.id for entry in entries}) == calls
    assert {entry.outcome for entry in entries} == {"cancelled"}
    assert not gateway.door.server_state.tasks
    assert not gateway.house.app.edge.running
