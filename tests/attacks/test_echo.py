"""An upstream that says back all that it was sent, wherever it can: no credential is in what comes out."""

import json
import logging

import pytest

from keywright.core.json import JsonObject, encode
from tests.client import raw
from tests.gateway import Gateway
from tests.passage.conftest import OWN_KEY, VARIABLES
from tests.passage.mill import Guest, Mill

SECRETS = [OWN_KEY, VARIABLES["AWS_SECRET_ACCESS_KEY"], VARIABLES["AWS_SESSION_TOKEN"]]
CHAT: JsonObject = {"messages": [{"role": "user", "content": "x"}]}
NAMES = {"mill": "gpt-4o", "claude": "claude-haiku-4-5", "gemini": "gemini-2.5-flash", "cohere": "command-a-03-2025"}
NAMES |= {"mistral": "mistral-large-latest", "bedrock": "amazon.nova-lite-v1:0", "signed": "amazon.nova-lite-v1:0"}
CALLS: list[tuple[str, JsonObject]] = [
    *(("/v1/chat/completions", {"model": f"{name}/{model}", **CHAT}) for name, model in NAMES.items()),
    *(("/v1/chat/completions", {"model": f"{name}/{model}", "stream": True, **CHAT}) for name, model in NAMES.items()),
    *((f"/native/{name}/any/thing", CHAT) for name in NAMES),
    ("/v1/embeddings", {"model": "mill/text-embedding-3-small", "input": "x"}),
    ("/v1/images/generations", {"model": "mill/gpt-image-1", "prompt": "x"}),
    ("/v1/responses/input_tokens", {"model": "mill/gpt-4o", "input": "x"}),
    ("/v1/files", {}),
]


def echoing(status: int, kind: str, *, is_chunked: bool) -> object:
    """All that came, in every header that an answer may have, and in its body."""

    async def script(guest: Guest) -> None:
        await guest.pieces()
        seen = " ".join(value for _, value in guest.seen.headers if len(value) < 2000)
        names = ("x-amzn-errortype", "x-request-id", "request-id", "retry-after", "content-language", "etag", "x-any")
        headers = [f"content-type: {kind}", *(f"{name}: {seen}" for name in names)]
        error = {"error": {"message": seen, "type": seen, "code": seen, "param": seen}, "message": seen, "__type": seen}
        body = json.dumps(error).encode()
        if kind == "text/event-stream":
            body = b"event: %b\ndata: %b\n\ndata: %b\n\n" % (seen.encode(), body, seen.encode())
        if not is_chunked:
            await guest.answer(status, body, *headers)
            return
        lines = [f"HTTP/1.1 {status} {seen}", "transfer-encoding: chunked", *headers]
        await guest.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        for at in range(0, len(body), 7):
            piece = body[at : at + 7]
            await guest.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await guest.send(b"0\r\n\r\n")

    return script


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_what_an_upstream_says_back_shows_no_credential(
    gateway: Gateway, mill: Mill, caplog: pytest.LogCaptureFixture, status: int, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    mill.script = echoing(status, kind, is_chunked=status % 2 == 0)  # type: ignore[assignment]
    said = b""
    for path, body in CALLS:
        gateway.run(close_breakers(gateway))
        data = encode(body)
        lines = f"POST {path} HTTP/1.1", "host: x", f"x-api-key: {gateway.admin_key}", "connection: close"
        with raw(gateway.url) as sock:
            sock.sendall("\r\n".join([*lines, f"content-length: {len(data)}", "", ""]).encode() + data)
            while piece := sock.recv(65_536):
                said += piece
    assert len(mill.seen) >= len(CALLS), "every upstream was asked"
    assert any(OWN_KEY in str(seen.headers) for seen in mill.seen)
    out = said.decode("latin-1") + str(gateway.entries()[-len(CALLS) :]) + caplog.text
    out += gateway.get("/metrics").body.decode()
    for secret in SECRETS:
        assert secret not in out


async def close_breakers(gateway: Gateway) -> None:
    """All credentials are worth trying again: each call here is to come to its upstream."""
    for source in gateway.house.app.edge.desk.snapshot().routes.sources:
        for _ in range(3):
            source.breaker.succeeded(0.0)
