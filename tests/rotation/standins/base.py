"""One running provider for rotation drills: it answers by its rules, misbehaves as told, and remembers what was asked.

A provider of these tests has one `Door`, and gives it the function that answers. What that function cannot accept,
because no real provider would, it raises as an `AssertionError`: it is answered with 400 and fails the test at the end.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.standin.wire import Link, Request, Server

Misdeed = Literal["error", "throttled", "slow", "silent", "dropped", "lost"]
"""`error`: 500. `throttled`: 429. `slow`: the answer comes after `SLOW_S`. `silent`: no answer ever. `dropped`: the
connection ends and nothing was done. `lost`: it was done, and the connection ends before the answer.
"""

SLOW_S = 0.05
SILENT_S = 120.0


@dataclass
class Say:
    """An answer: JSON, or bytes as they are."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Say]


def losing(times: int, after: int = 1) -> list[Misdeed]:
    """After so many questions that are answered, so many whose answers are lost."""
    answered: list[Misdeed] = ["slow"]
    lost: list[Misdeed] = ["lost"]
    return answered * after + lost * times


class Door:
    """A listening provider. `misdeeds`: what it does next instead of answering, each once, to those requests that
    `is_admin` holds for. `always`: what it does to all of those. `loses`: methods: the next request of the first has
    its answer lost, then one of the next. `asked`: method and path of each request.
    """

    def __init__(self, answer: Answer, is_admin: Callable[[Request], bool] = lambda _: True) -> None:
        self.misdeeds: list[Misdeed] = []
        self.always: Misdeed | None = None
        self.loses: list[str] = []
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self._answer = answer
        self._is_admin = is_admin
        self._server = Server(self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listens. What it had to complain of fails the test."""
        self._server.start()
        try:
            yield
        finally:
            self._server.close()
        assert not self.complaints, self.complaints

    async def _serve(self, request: Request, link: Link) -> None:
        self.asked.append(f"{request.method} {request.path}")
        misdeed = self._misdeed(request)
        if misdeed in {"error", "throttled"}:
            await link.whole(500 if misdeed == "error" else 429, b"{}", {"retry-after": "0"})
            return
        if misdeed == "dropped":
            link.reset()
            return
        if misdeed in {"slow", "silent"}:
            await asyncio.sleep(SLOW_S if misdeed == "slow" else SILENT_S)
        said = self._said(request)
        if misdeed == "lost":
            link.reset()
            return
        body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        await link.whole(said.status, body, said.headers)

    def _misdeed(self, request: Request) -> Misdeed | None:
        if not self._is_admin(request):
            return None
        if self.loses and request.method == self.loses[0]:
            self.loses.pop(0)
            return "lost"
        return self.misdeeds.pop(0) if self.misdeeds else self.always

    def _said(self, request: Request) -> Say:
        try:
            return self._answer(request)
        except AssertionError as error:
            self.complaints.append(f"{request.method} {request.path}: {error}")
            return Say({"error": {"message": f"the stand-in refuses: {error}"}}, 400)
