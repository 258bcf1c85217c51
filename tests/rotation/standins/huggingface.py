"""Hugging Face: tokens are made and ended in the settings; a token may ask what it is."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.plane import Uses, bearer, openai_like, refusal
from tests.standin.wire import Request

WHO_AM_I = "/api/whoami-v2"


@dataclass
class HubToken:
    """A user's token."""

    token: str
    name: str
    role: Literal["read", "write", "fineGrained"]

    @property
    def told(self) -> dict[str, Any]:
        access = {"displayName": self.name, "role": self.role, "createdAt": "2026-07-23T10:27:03.276Z"}
        return {
            "type": "user",
            "id": "6a61ec32fc25ba6426e21b6f",
            "name": "somebody",
            "fullname": "Some Body",
            "canPay": False,
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": access},
        }


class HuggingFace:
    """`tokens` that live, by their text."""

    def __init__(self) -> None:
        self.tokens: dict[str, HubToken] = {}
        self.uses = Uses()
        self.door = Door(self._answer, lambda request: request.path == WHO_AM_I)

    @property
    def url(self) -> str:
        return self.door.url

    @contextmanager
    def open(self) -> Iterator["HuggingFace"]:
        """Listens. What it had to complain of fails the test."""
        with self.door.open():
            yield self

    def make(self, name: str, role: Literal["read", "write", "fineGrained"] = "fineGrained") -> HubToken:
        """What a person does in the settings."""
        made = HubToken(f"hf_{secrets.token_hex(17)}", name, role)
        self.tokens[made.token] = made
        return made

    def lives(self, token: str) -> bool:
        return token in self.tokens

    def _answer(self, request: Request) -> Say:
        found = self.tokens.get(bearer(request))
        if found is None:
            return refusal(401, f"Invalid credentials {bearer(request)} in Authorization header", self.uses)
        if request.path == WHO_AM_I:
            assert request.method == "GET"
            return Say(found.told)
        return openai_like(request, found.name, self.uses)
