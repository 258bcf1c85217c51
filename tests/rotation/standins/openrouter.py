"""A stand-in of OpenRouter: keys in two workspaces, with limits, that can be turned off."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.plane import Now, Uses, bearer, openai_like, refusal, wall
from tests.standin.wire import Request

DEFAULT_WORKSPACE = str(uuid.UUID(int=1))
OTHER_WORKSPACE = str(uuid.UUID(int=2))
MADE_WITH = {
    "creator_user_id",
    "expires_at",
    "include_byok_in_limit",
    "limit",
    "limit_reset",
    "name",
    "workspace_id",
}
CHANGED_WITH = {"disabled", "include_byok_in_limit", "limit", "limit_reset", "name"}


@dataclass
class Key:
    name: str
    value: str
    created_s: float
    workspace: str = DEFAULT_WORKSPACE
    limit: float | None = None
    limit_reset: str | None = None
    include_byok_in_limit: bool = False
    expires_s: float | None = None
    creator: str | None = "user_1"
    disabled: bool = False
    usage: float = 0.0

    @property
    def hash(self) -> str:
        return sha256(self.value.encode()).hexdigest()

    @property
    def label(self) -> str:
        return f"{self.value[:12]}...{self.value[-4:]}"

    @property
    def remaining(self) -> float | None:
        return None if self.limit is None else self.limit - self.usage


class OpenRouter:
    """Its management, and its models."""

    admin_key = "sk-or-v1-canary-management-0123456789"

    def __init__(self, now: Now = wall) -> None:
        self.keys: dict[str, Key] = {}
        self.pages_of = 100
        self.hashes_are_plain = True
        """Whether a key's hash is its SHA-256, as it seems to be everywhere; it is promised nowhere."""
        self.uses = Uses()
        self.spoken: list[tuple[str, Any, Any]] = []
        self.door = Door(self._answer, lambda request: "/keys" in request.path)
        self._now = now
        self._made = 0

    @property
    def url(self) -> str:
        return f"{self.door.url}/api/v1"

    @contextmanager
    def open(self) -> Iterator["OpenRouter"]:
        with self.door.open():
            yield self

    def add(self, name: str, *, workspace: str = DEFAULT_WORKSPACE) -> Key:
        """Make a key, as an administrator does."""
        self._made += 1
        value = f"sk-or-v1-{sha256(b'openrouter %d' % self._made).hexdigest()}"
        key = Key(name, value, int(self._now()), workspace)
        self.keys[self.id(key)] = key
        return key

    def id(self, key: Key) -> str:
        return key.hash if self.hashes_are_plain else key.hash[::-1]

    def works(self, value: str) -> Key | None:
        """The key with that text, if it is good now."""
        now_s = self._now()
        return next(
            (
                key
                for key in self.keys.values()
                if key.value == value and not key.disabled and (key.expires_s is None or key.expires_s > now_s)
            ),
            None,
        )

    def _answer(self, request: Request) -> Say:
        path = urlsplit(request.path).path.removeprefix("/api/v1")
        if not path.startswith("/keys"):
            return self._call(request, path)
        if bearer(request) != self.admin_key:
            return refusal(401, f"No management key: {bearer(request)}")
        body = json.loads(request.body) if request.body else {}
        match (request.method, path.split("/")[2:]):
            case ("GET", []):
                return self._list(parse_qs(urlsplit(request.path).query))
            case ("POST", []):
                return self._create(body)
            case (_, [key]) if key not in self.keys:
                return refusal(404, "Resource not found")
            case ("GET", [key]):
                return self._spoken("show", None, {"data": self._shown(self.keys[key])})
            case ("PATCH", [key]):
                assert set(body) <= CHANGED_WITH, body
                self.keys[key].disabled = body.get("disabled", self.keys[key].disabled)
                return self._spoken("change", body, {"data": self._shown(self.keys[key])})
            case ("DELETE", [key]):
                del self.keys[key]
                return self._spoken("delete", None, {"deleted": True})
            case _:
                raise AssertionError(f"there is no {request.method} {path}")

    def _call(self, request: Request, path: str) -> Say:
        key = self.works(bearer(request))
        if key is None:
            return refusal(401, "User not found.", self.uses)
        if path == "/key":
            return Say({"data": {"label": key.label, "limit": key.limit, "usage": key.usage}})
        if key.remaining is not None and key.remaining <= 0:
            return refusal(403, "Key limit exceeded", self.uses)
        return openai_like(request, self.id(key), self.uses)

    def _list(self, query: dict[str, list[str]]) -> Say:
        assert set(query) <= {"include_disabled", "offset", "workspace_id"}, query
        workspace = query.get("workspace_id", [DEFAULT_WORKSPACE])[0]
        hidden = query.get("include_disabled") != ["true"]
        keys = [key for key in self.keys.values() if key.workspace == workspace and not (hidden and key.disabled)]
        offset = int(query.get("offset", ["0"])[0])
        assert offset >= 0
        return self._spoken("list", None, {"data": [self._shown(key) for key in keys[offset:][: self.pages_of]]})

    def _create(self, body: dict[str, Any]) -> Say:
        assert set(body) <= MADE_WITH, body
        assert body["name"], "a name is needed"
        assert body.get("limit_reset") in {None, "daily", "weekly", "monthly"}
        expires = body.get("expires_at")
        if expires is not None and not expires.endswith("Z"):
            return refusal(400, "expires_at must be UTC")
        key = self.add(body["name"], workspace=body.get("workspace_id", DEFAULT_WORKSPACE))
        key.limit = body.get("limit")
        key.limit_reset = body.get("limit_reset")
        key.include_byok_in_limit = body.get("include_byok_in_limit", False)
        key.creator = body.get("creator_user_id")
        key.expires_s = None if expires is None else datetime.fromisoformat(expires).timestamp()
        said = self._spoken("create", body, {"data": self._shown(key), "key": key.value})
        said.status = 201
        return said

    def _shown(self, key: Key) -> dict[str, Any]:
        spans = ("", "_daily", "_weekly", "_monthly")
        return {
            "hash": self.id(key),
            "name": key.name,
            "label": key.label,
            "disabled": key.disabled,
            "limit": key.limit,
            "limit_remaining": key.remaining,
            "limit_reset": key.limit_reset,
            "include_byok_in_limit": key.include_byok_in_limit,
            **{f"usage{span}": key.usage for span in spans},
            **{f"byok_usage{span}": 0.0 for span in spans},
            "created_at": _iso(key.created_s),
            "updated_at": None,
            "creator_user_id": key.creator,
            "workspace_id": key.workspace,
            "expires_at": None if key.expires_s is None else _iso(key.expires_s),
        }

    def _spoken(self, operation: str, body: Any, answer: Any) -> Say:
        self.spoken.append((operation, body, answer))
        return Say(answer)


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
