"""An OpenAI of which several keys are good, each with limits of its own, that remembers who asked with which."""

import json
from dataclasses import dataclass, field

from keywright.core.secret import Secret
from tests.standin.wire import Link, Request, Server

KEYS = {name: f"sk-{name}-0123456789abcdef" for name in ("shared", "second", "third", "team", "other", "lost", "off")}
VARIABLES = {f"KEY_{name.upper()}": key for name, key in KEYS.items() if name != "lost"}

_NAMES = {f"Bearer {key}": name for name, key in KEYS.items()}


def fingerprint(name: str) -> str:
    """Our mark of that key."""
    return Secret(KEYS[name]).fingerprint


@dataclass
class Manner:
    """How a key is answered: with that status, and these headers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Cloud:
    """The cloud. `asked` has the key of each request and its path, in order; `manners` what is odd about a key."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.manners: dict[str, Manner] = {}
        self._server = Server(self._answer)

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.close()

    def reset(self) -> None:
        self.asked, self.manners = [], {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/v1"

    @property
    def keys(self) -> list[str]:
        """With which keys it was asked, in order."""
        return [name for name, _ in self.asked]

    async def _answer(self, request: Request, link: Link) -> None:
        name = _NAMES[request.headers["authorization"]]
        self.asked.append((name, request.path))
        manner = self.manners.get(name, Manner())
        if manner.status != 200:
            error = {"error": {"message": "no", "type": "x", "param": None, "code": None}}
            await link.whole(manner.status, json.dumps(error).encode(), manner.headers)
        elif b'"stream":true' in request.body.replace(b" ", b""):
            await link.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
            for piece in (_chunk("hi", None), _chunk("", "stop"), b"data: [DONE]\n\n"):
                await link.chunk(piece)
            await link.chunk(b"")
        else:
            await link.whole(200, json.dumps(_said(request)).encode(), manner.headers)


def _said(request: Request) -> dict[str, object]:
    if not request.path.endswith("/chat/completions"):
        return {"id": "made-1", "object": "whatever"}
    return {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": json.loads(request.body)["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
    }


def _chunk(text: str, finish: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    body = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"
