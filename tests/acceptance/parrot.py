"""An upstream that repeats the key that it was sent, in every place of an answer and of a failure."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Literal

from keywright.core.json import JsonObject
from tests.standin.wire import Link, Request, Server

SAYS = re.compile(rb"parrot:([a-z]+)(?:-(\d+))?")
SSE = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
WAYS = (
    *(f"error-{status}" for status in (400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 529)),
    *("text-400", "text-500", "redirect-302", "malformed", "foreign", "headers", "nothttp", "headless"),
    *("streamerror", "laterror", "streammalformed", "streamcut"),
)
"""What a prompt may ask for, as `parrot:WAY`."""


class Parrot:
    """It speaks the dialect `kind`. `heard`: which ways were asked for with a key."""

    def __init__(self, kind: Literal["openai", "anthropic"]) -> None:
        self.kind = kind
        self.heard: set[str] = set()
        self.server = Server(self._answer)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}" + ("/v1" if self.kind == "openai" else "")

    async def _answer(self, request: Request, link: Link) -> None:
        key = request.headers.get("x-api-key") or request.headers["authorization"].removeprefix("Bearer ")
        found = SAYS.search(request.body)
        if found is None:
            await link.whole(200, b'{"data":[]}')
            return
        way, status = found[1].decode(), int(found[2] or 200)
        self.heard.add(found[0].decode().removeprefix("parrot:"))
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "error": lambda: link.whole(status, _json(self._error(key)), _headers(key)),
            "text": lambda: link.whole(status, f"<h1>no: {key}</h1>".encode(), _headers(key)),
            "redirect": lambda: link.whole(status, b"", {"location": f"http://127.0.0.1/{key}", **_headers(key)}),
            "malformed": lambda: link.whole(200, f'{{"id": "{key}", "choices": ["{key}'.encode(), _headers(key)),
            "foreign": lambda: link.whole(200, _json({"authorization": key, "object": key}), _headers(key)),
            "headers": lambda: link.whole(200, _json(self._good()), _headers(key)),
            "nothttp": lambda: link.write(f"{key}\r\n{key}\r\n\r\n".encode()),
            "headless": lambda: link.write(f"HTTP/1.1 200 {key}\r\n{key} {key}\r\n\r\n".encode()),
            "streamerror": lambda: self._stream(link, key, [self._event(self._error(key))]),
            "laterror": lambda: self._stream(link, key, [*self._begin(), self._event(self._error(key))]),
            "streammalformed": lambda: self._stream(link, key, [*self._begin(), f'data: {{"{key}\n\n'.encode()]),
            "streamcut": lambda: self._stream(link, key, [*self._begin(), f": {key}\n\n".encode()]),
        }
        await ways[way]()
        if way in ("nothttp", "headless", "streamcut"):
            link.cut()

    async def _stream(self, link: Link, key: str, frames: list[bytes]) -> None:
        await link.head(200, {**SSE, **_headers(key)})
        for frame in frames:
            await link.chunk(frame)
        await link.chunk(b"")

    def _error(self, key: str) -> JsonObject:
        error: JsonObject = {"type": f"bad {key}", "message": f"Bearer {key} is wrong", "code": key, "param": key}
        return {"type": "error", "error": error, "request_id": key}

    def _event(self, error: JsonObject) -> bytes:
        name = b"event: error\n" if self.kind == "anthropic" else b""
        return name + b"data: " + _json(error) + b"\n\n"

    def _begin(self) -> list[bytes]:
        if self.kind == "openai":
            delta: JsonObject = {"index": 0, "delta": {"role": "assistant", "content": "hm"}, "finish_reason": None}
            return [b"data: " + _json({**OPENAI_TOP, "object": "chat.completion.chunk", "choices": [delta]}) + b"\n\n"]
        start: JsonObject = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
        return [b"event: message_start\ndata: " + _json(start) + b"\n\n"]

    def _good(self) -> JsonObject:
        if self.kind == "anthropic":
            return MESSAGE
        message: JsonObject = {"role": "assistant", "content": "fine"}
        choice: JsonObject = {"index": 0, "message": message, "finish_reason": "stop"}
        usage: JsonObject = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return {**OPENAI_TOP, "object": "chat.completion", "choices": [choice], "usage": usage}


OPENAI_TOP: JsonObject = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o"}
MESSAGE: JsonObject = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "fine"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
NAMES = ("x-request-id", "request-id", "openai-organization", "retry-after", "x-ratelimit-limit-requests", "x-api-key")


def _headers(key: str) -> dict[str, str]:
    return dict.fromkeys(NAMES, key)


def _json(value: JsonObject) -> bytes:
    return json.dumps(value).encode()
