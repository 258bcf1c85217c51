"""Cohere: keys are made and ended in its dashboard; a key may ask whether it is valid."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.dialects import cohere_like
from tests.rotation.standins.plane import Uses, bearer
from tests.standin.wire import Request

ORGANISATION = "org-7f21"
KEY_CHARACTERS = 40
CHECK = "/v1/check-api-key"


class Cohere:
    """`keys` that live. `trial`: those with which calls are counted against a trial's limits."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.trial: set[str] = set()
        self.uses = Uses()
        self.door = Door(self._answer, lambda request: request.path == CHECK)

    @property
    def url(self) -> str:
        return self.door.url

    @contextmanager
    def open(self) -> Iterator["Cohere"]:
        """Listens. What it had to complain of fails the test."""
        with self.door.open():
            yield self

    def make(self) -> str:
        """What a person does in the dashboard."""
        key = secrets.token_hex(KEY_CHARACTERS // 2)
        self.keys.add(key)
        return key

    def lives(self, key: str) -> bool:
        return key in self.keys

    def _answer(self, request: Request) -> Say:
        key = bearer(request)
        if request.path == CHECK:
            assert request.method == "POST", "the check is a POST"
            known = {"organization_id": ORGANISATION, "owner_id": "owner-1"} if self.lives(key) else {}
            return Say({"valid": self.lives(key), **known})
        if not self.lives(key):
            self.uses.refused += 1
            return Say({"id": "1", "message": "invalid api token"}, 401)
        said = cohere_like(request, key[:8], self.uses)
        if key in self.trial:
            said.headers["x-trial-endpoint-call-limit"] = "40"
        return said
