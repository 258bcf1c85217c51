"""A stand-in of Mistral: an organisation's keys, by workspace, which run out at the end of a day."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.plane import Now, Uses, bearer, openai_like, refusal, wall
from tests.standin.wire import Request

WORKSPACE = str(uuid.UUID(int=3))
USER = str(uuid.UUID(int=4))


@dataclass
class Key:
    id: str
    name: str | None
    value: str
    created_s: float
    workspace: str = WORKSPACE
    expiration: date | None = None
    last_used: date | None = None

    @property
    def hidden(self) -> str:
        return f"{self.value[:4]}...{self.value[-4:]}"


class Mistral:
    """Its administration, and its models. `signed_by`: the one header in which it takes the admin key."""

    admin_key = "canary-mistral-admin-0123456789"

    def __init__(self, now: Now = wall) -> None:
        self.keys: dict[str, Key] = {}
        self.pages_of = 100
        self.signed_by: Literal["x-api-key", "authorization"] = "x-api-key"
        self.uses = Uses()
        self.spoken: list[tuple[str, Any, Any]] = []
        self.door = Door(self._answer, lambda request: request.path.startswith("/api/admin"))
        self._now = now
        self._made = 0

    @property
    def admin_url(self) -> str:
        return f"{self.door.url}/api/admin"

    @property
    def url(self) -> str:
        return f"{self.door.url}/v1"

    @contextmanager
    def open(self) -> Iterator["Mistral"]:
        with self.door.open():
            yield self

    def add(self, name: str | None, workspace: str = WORKSPACE, expiration: date | None = None) -> Key:
        """Make a key, as an administrator does."""
        self._made += 1
        value = sha256(b"mistral %d" % self._made).hexdigest()[:32]
        key = Key(str(uuid.UUID(int=1000 + self._made)), name, value, self._now(), workspace, expiration)
        self.keys[key.id] = key
        return key

    def works(self, value: str) -> Key | None:
        """The key with that text, if it is good now."""
        today = self._today()
        return next(
            (k for k in self.keys.values() if k.value == value and (k.expiration is None or today < k.expiration)), None
        )

    def _today(self) -> date:
        return datetime.fromtimestamp(self._now(), UTC).date()

    def _answer(self, request: Request) -> Say:
        path = urlsplit(request.path).path
        if not path.startswith("/api/admin"):
            return self._call(request)
        given = [name for name in ("x-api-key", "authorization") if name in request.headers]
        assert len(given) == 1, "signed in two ways at once"
        key = request.headers[given[0]].removeprefix("Bearer ")
        if given != [self.signed_by] or key != self.admin_key:
            return Say({"detail": f"Unauthorized: {key}"}, 401)
        match (request.method, path.removeprefix("/api/admin/").split("/")):
            case ("GET", ["api-keys"]):
                return self._list(parse_qs(urlsplit(request.path).query))
            case ("POST", ["api-keys"]):
                return self._create(json.loads(request.body))
            case ("DELETE", ["api-keys", id_]):
                if self.keys.pop(id_, None) is None:
                    return Say({"detail": "API key not found"}, 404)
                return self._spoken("delete", None, {"detail": "API key deleted successfully"})
            case _:
                raise AssertionError(f"there is no {request.method} {path}")

    def _call(self, request: Request) -> Say:
        key = self.works(bearer(request))
        if key is None:
            return refusal(401, "Unauthorized", self.uses)
        key.last_used = self._today()
        return openai_like(request, key.id, self.uses)

    def _list(self, query: dict[str, list[str]]) -> Say:
        assert set(query) <= {"limit", "offset", "name"}, query
        limit, offset = int(query.get("limit", ["100"])[0]), int(query.get("offset", ["0"])[0])
        assert 1 <= limit <= 100
        assert offset >= 0
        page = list(self.keys.values())[offset:][: min(limit, self.pages_of)]
        return self._spoken("list", None, {"keys": [self._shown(key) for key in page]})

    def _create(self, body: dict[str, Any]) -> Say:
        assert set(body) <= {"name", "expiration", "workspace_uuid", "user_id"}, body
        assert body["user_id"] == USER, "no such user"
        assert len(body.get("name") or "") <= 255
        expiration = None if body.get("expiration") is None else date.fromisoformat(body["expiration"])
        if expiration is not None and expiration <= self._today():
            return Say({"detail": "expiration must be in the future"}, 422)
        key = self.add(body.get("name"), body["workspace_uuid"], expiration)
        shown = self._shown(key)
        fields = ("key_id", "name", "hidden_key", "created_at", "expiration_date", "actions")
        return self._spoken("create", body, {**{field: shown[field] for field in fields}, "key": key.value})

    def _shown(self, key: Key) -> dict[str, Any]:
        return {
            "key_id": key.id,
            "key": None,
            "name": key.name,
            "hidden_key": key.hidden,
            "created_at": datetime.fromtimestamp(key.created_s, UTC).isoformat(),
            "expiration_date": None if key.expiration is None else key.expiration.isoformat(),
            "actions": {},
            "workspace_id": key.workspace,
            "workspace_name": "Product",
            "created_by": "ada@example.com",
            "product": "API",
            "last_used": None if key.last_used is None else key.last_used.isoformat(),
            "can_delete": True,
        }

    def _spoken(self, operation: str, body: Any, answer: Any) -> Say:
        self.spoken.append((operation, body, answer))
        return Say(answer)
