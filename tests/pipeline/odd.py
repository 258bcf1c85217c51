"""An upstream that answers what the test says, status, headers and bytes, when no stand-in for a provider would."""

import json
from collections.abc import Iterator

import pytest

from keywright.core.json import JsonObject
from tests.standin.wire import Link, Request, Server


class OddUpstream:
    """Answers every request with `status`, `headers` and `body`. `requests` is what came."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"{}"
        self.requests: list[Request] = []
        self.server = Server(self._answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/v1"

    def config(self, name: str = "odd") -> str:
        """A provider of that name, with a key that the stand-in for OpenAI has."""
        return f'[providers.{name}]\nkind = "openai"\napi_key = "env:STANDIN_OPENAI"\nbase_url = "{self.url}"\n'

    def says(self, status: int, body: JsonObject | bytes, **headers: str) -> None:
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def _answer(self, request: Request, link: Link) -> None:
        self.requests.append(request)
        await link.whole(self.status, self.body, self.headers)


@pytest.fixture
def odd() -> Iterator[OddUpstream]:
    upstream = OddUpstream()
    upstream.server.start()
    yield upstream
    upstream.server.close()
