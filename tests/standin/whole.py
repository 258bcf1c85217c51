"""Endpoints whose answers come whole: vectors, rankings and counts. Keys and errors are those of chats."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.standin.cloud import Wire
from tests.standin.reply import RejectedError, Reply, Used, compact
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary
Answer = Callable[[Body], tuple[Body, int]]
"""An answer and its prompt tokens, to a body that has the path's `model`. Raises `RejectedError`."""


@dataclass(frozen=True)
class WholeWire:
    """One such endpoint. `path` may have a group: the model."""

    like: Wire
    path: str
    answer: Answer

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.like.name

    @property
    def base_suffix(self) -> str:
        """What follows the provider's address."""
        return self.like.base_suffix

    @property
    def stream_type(self) -> str:
        """Never sent."""
        return ""

    def serves(self, path: str) -> bool:
        """Whether `path` is this endpoint."""
        return self._match(path) is not None

    def read(self, path: str, raw: bytes) -> Body:
        """The body, with the model that the path says."""
        body: Body = json.loads(raw)
        if body.get("stream"):
            raise RejectedError("stream: not here")
        found = self._match(path)
        assert found is not None
        return {**body, "model": found[1]} if found.groups() else body

    def unauthorised(self, headers: dict[str, str], key: str) -> str | None:
        """Why the headers are refused, if they are."""
        return self.like.unauthorised(headers, key)

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when the provider would answer 400."""
        self.answer(body)

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        said, tokens = self.answer(body)
        return Reply(number, body["model"], "", "", False, (), "stop", None, Used(tokens), said)

    def whole(self, reply: Reply) -> bytes:
        """The answer."""
        return compact(reply.told)

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """No stream is ever asked for."""
        raise NotImplementedError

    def error(self, status: int, message: str) -> bytes:
        """An error's body."""
        return self.like.error(status, message)

    def error_headers(self, status: int) -> dict[str, str]:
        """The headers that belong to an error."""
        return self.like.error_headers(status)

    def error_frame(self) -> bytes:
        """Never sent."""
        return b""

    def broken_frame(self) -> bytes:
        """Never sent."""
        return b""

    def models(self, names: tuple[str, ...]) -> bytes:
        """The list of the provider's models."""
        return self.like.models(names)

    def _match(self, path: str) -> re.Match[str] | None:
        return re.fullmatch(self.path, path.partition("?")[0])
