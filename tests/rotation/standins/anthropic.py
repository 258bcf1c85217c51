"""Anthropic with its admin API: it makes and deletes no keys; `expired` cannot be changed, and `archived` is final."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.dialects import anthropic_like
from tests.rotation.standins.plane import Uses
from tests.standin.wire import Request

ADMIN_KEY = "sk-ant-admin01-canary-5e0a-" + "a" * 60
VERSION = "2023-06-01"
KEYS_PATH = "/v1/organizations/api_keys"
LISTED = {"after_id", "before_id", "limit", "status", "workspace_id", "created_by_user_id"}


@dataclass
class ConsoleKey:
    """A key that somebody made in the Console."""

    id: str
    name: str
    key: str
    workspace: str | None = None
    status: str = "active"
    hint: str = ""

    @property
    def told(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "api_key",
            "name": self.name,
            "status": self.status,
            "partial_key_hint": self.hint or f"{self.key[:16]}...{self.key[-4:]}",
            "created_at": "2026-01-01T00:00:00Z",
            "created_by": {"id": "user_1", "type": "user"},
            "expires_at": None,
            "workspace_id": self.workspace,
        }


class Anthropic:
    """`keys` in the order of the list. `page_max`: how many are given at once, whatever is asked for."""

    def __init__(self) -> None:
        self.keys: list[ConsoleKey] = []
        self.uses = Uses()
        self.page_max = 1000
        self.door = Door(self._answer, lambda request: request.path.startswith("/v1/organizations/"))

    @property
    def url(self) -> str:
        return self.door.url

    @contextmanager
    def open(self) -> Iterator["Anthropic"]:
        """Listens. What it had to complain of fails the test."""
        with self.door.open():
            yield self

    def make(self, name: str, workspace: str | None = None) -> ConsoleKey:
        """What a person does in the Console."""
        key = f"sk-ant-api03-{secrets.token_hex(46)}AA"
        made = ConsoleKey(f"apikey_{secrets.token_hex(8)}", name, key, workspace)
        self.keys.append(made)
        return made

    def lives(self, key: str) -> bool:
        return any(each.key == key and each.status == "active" for each in self.keys)

    def _answer(self, request: Request) -> Say:
        if request.headers.get("anthropic-version") != VERSION:
            return error(400, "invalid_request_error", "anthropic-version: header is required")
        key = request.headers.get("x-api-key", "")
        if not request.path.startswith("/v1/organizations/"):
            return self._serve(request, key)
        if key != ADMIN_KEY:
            return error(401, "authentication_error", f"invalid x-api-key {key}")
        path, _, query = request.path.partition("?")
        if path == KEYS_PATH:
            assert request.method == "GET", f"{request.method} of keys: Anthropic makes none"
            return self._page(dict(parse_qsl(query, strict_parsing=True)))
        found = next((each for each in self.keys if path == f"{KEYS_PATH}/{each.id}"), None)
        if found is None:
            return error(404, "not_found_error", "not found")
        assert request.method in {"GET", "POST"}, f"{request.method} of a key: Anthropic deletes none"
        return self._changed(found, request.body) if request.method == "POST" else Say(found.told)

    def _page(self, asked: dict[str, str]) -> Say:
        assert set(asked) <= LISTED, f"unknown: {asked}"
        limit = int(asked.get("limit", "20"))
        assert 1 <= limit <= 1000, f"limit {limit}"
        workspace = asked.get("workspace_id")
        there = [each for each in self.keys if workspace in (None, each.workspace)]
        if "after_id" in asked:
            start = [each.id for each in there].index(asked["after_id"]) + 1
            there = there[start:]
        page = there[: min(limit, self.page_max)]
        ends = {"first_id": page[0].id if page else None, "last_id": page[-1].id if page else None}
        return Say({"data": [each.told for each in page], "has_more": len(there) > len(page), **ends})

    def _changed(self, key: ConsoleKey, raw: bytes) -> Say:
        body = json.loads(raw)
        assert set(body) <= {"name", "status"}, f"unknown: {body}"
        status = body.get("status", key.status)
        if status not in {"active", "inactive", "archived"}:
            return error(400, "invalid_request_error", f"status: {status!r} cannot be set")
        if key.status in {"archived", "expired"} and status != key.status:
            return error(400, "invalid_request_error", f"an {key.status} key cannot be changed")
        key.status = status
        return Say(key.told)

    def _serve(self, request: Request, key: str) -> Say:
        found = next((each for each in self.keys if each.key == key and each.status == "active"), None)
        if found is None:
            self.uses.refused += 1
            return error(401, "authentication_error", "invalid x-api-key")
        return anthropic_like(request, found.id, self.uses)


def error(status: int, kind: str, message: str) -> Say:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": f"req_{time.time_ns()}"}
    return Say(body, status)
