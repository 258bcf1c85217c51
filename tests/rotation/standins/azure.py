"""Azure OpenAI and its resource manager in one: an account with exactly two keys, whose old values die at once."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.plane import Uses, openai_like, refusal
from tests.standin.wire import Request

TOKEN = "eyJ.entra-canary-4f1d.token"
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = "ai group"
ACCOUNT = "acct-1"
ACCOUNT_PATH = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ai%20group/providers/Microsoft.CognitiveServices/accounts/{ACCOUNT}"
)
VERSION = "api-version=2025-06-01"
TENANT = "66666666-7777-8888-9999-000000000000"
TOKEN_PATH = f"/{TENANT}/oauth2/v2.0/token"
"""Of Entra, which is in it, too."""

KEY_CHARACTERS = 84


class Azure:
    """`keys`: the two values now. `busy`: how many questions are answered with 409 first."""

    def __init__(self) -> None:
        self.keys = {"Key1": new_key(), "Key2": new_key()}
        self.uses = Uses()
        self.regenerated: list[str] = []
        self.busy = 0
        self.token = TOKEN
        self.door = Door(self._answer, lambda request: request.path.startswith("/subscriptions/"))

    @property
    def url(self) -> str:
        return self.door.url

    @contextmanager
    def open(self) -> Iterator["Azure"]:
        """Listens. What it had to complain of fails the test."""
        with self.door.open():
            yield self

    def lives(self, key: str) -> bool:
        return key in self.keys.values()

    def _answer(self, request: Request) -> Say:
        if request.path.startswith("/subscriptions/"):
            return self._manage(request)
        if request.path == TOKEN_PATH:
            return Say({"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"})
        return self._serve(request)

    def _manage(self, request: Request) -> Say:
        assert request.method == "POST", "ARM's actions are POSTs"
        assert "content-length" in request.headers, "411 Length Required"
        path, _, query = request.path.partition("?")
        assert query == VERSION, f"api-version {query!r}"
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return error(401, "InvalidAuthenticationToken", f"The token {request.headers.get('authorization')} is bad.")
        account, _, action = path.rpartition("/")
        if account != ACCOUNT_PATH:
            return error(404, "ResourceNotFound", "The Resource was not found.")
        if self.busy:
            self.busy -= 1
            return error(409, "RequestConflict", "Another operation is being performed on the parent resource.")
        if action == "regenerateKey":
            assert request.headers["content-type"] == "application/json"
            body = json.loads(request.body)
            assert set(body) == {"keyName"}, f"regenerateKey of {body}"
            assert body["keyName"] in self.keys, f"there is no key {body['keyName']}"
            self.keys[body["keyName"]] = new_key()
            self.regenerated.append(body["keyName"])
        else:
            assert action == "listKeys", f"there is no action {action}"
            assert request.body == b"", "listKeys takes no body"
        return Say({"key1": self.keys["Key1"], "key2": self.keys["Key2"]})

    def _serve(self, request: Request) -> Say:
        key = request.headers.get("api-key", "")
        slot = next((slot for slot, value in self.keys.items() if value == key), None)
        if slot is None:
            return refusal(401, "Access denied due to invalid subscription key or wrong API endpoint.", self.uses)
        return openai_like(request, slot, self.uses)


def error(status: int, code: str, message: str) -> Say:
    return Say({"error": {"code": code, "message": message}}, status)


def new_key() -> str:
    return secrets.token_hex(KEY_CHARACTERS // 2)
