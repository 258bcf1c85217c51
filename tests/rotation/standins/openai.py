"""A stand-in of OpenAI: one project, whose keys belong to users or service accounts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.plane import Now, Uses, bearer, openai_like, refusal, wall
from tests.standin.wire import Request

LIFETIME_S_MAX = 31_536_000


@dataclass
class Key:
    id: str
    name: str
    value: str
    account: str | None
    """None: it is a user's."""
    created_s: int
    expires_s: int | None = None
    last_used_s: int | None = None

    @property
    def redacted(self) -> str:
        return f"{self.value[:11]}********{self.value[-4:]}"


class OpenAi:
    """Its administration, and its models. `pages_of`: how many keys it gives at once, whatever is asked for.
    `tells_expiry`: when a listed key runs out; the description says nothing of that. `keeps`: it deletes none.
    """

    admin_key = "sk-admin-canary-openai-0123456789"
    project = "proj_1"

    def __init__(self, now: Now = wall) -> None:
        self.keys: dict[str, Key] = {}
        self.accounts = {"svc_acct_1", "svc_acct_2"}
        self.pages_of = 100
        self.tells_expiry = False
        self.keeps = False
        self.uses = Uses()
        self.spoken: list[tuple[str, Any, Any]] = []
        """Operation, body of the question, answer."""
        self.door = Door(self._answer, lambda request: "/organization/" in request.path)
        self._now = now
        self._made = 0

    @property
    def url(self) -> str:
        return f"{self.door.url}/v1"

    @contextmanager
    def open(self) -> Iterator["OpenAi"]:
        with self.door.open():
            yield self

    def add(self, name: str, account: str | None = "svc_acct_1", lifetime_s: int | None = None) -> Key:
        """Make a key, as an administrator does."""
        self._made += 1
        kind = "proj" if account is None else "svcacct"
        now_s = int(self._now())
        expires_s = None if lifetime_s is None else now_s + lifetime_s
        value = f"sk-{kind}-{sha256(b'openai %d' % self._made).hexdigest()}"
        key = Key(f"key_{self._made}", name, value, account, now_s, expires_s)
        self.keys[key.id] = key
        return key

    def works(self, value: str) -> Key | None:
        """The key with that text, if it is good now."""
        now_s = self._now()
        return next(
            (k for k in self.keys.values() if k.value == value and (k.expires_s is None or k.expires_s > now_s)), None
        )

    def _answer(self, request: Request) -> Say:
        path = urlsplit(request.path).path.removeprefix("/v1")
        if not path.startswith("/organization/"):
            return self._call(request)
        if bearer(request) != self.admin_key:
            return refusal(401, f"Incorrect API key provided: {bearer(request)}.")
        head, _, rest = path.removeprefix("/organization/projects/").partition("/")
        if head != self.project:
            return refusal(404, f"No project {head}.")
        match (request.method, rest.split("/")):
            case ("GET", ["api_keys"]):
                return self._list(parse_qs(urlsplit(request.path).query))
            case ("GET", ["api_keys", key]):
                return self._spoken("show", None, self._shown(self.keys[key])) if key in self.keys else _gone(key)
            case ("DELETE", ["api_keys", key]):
                return self._delete(key)
            case ("POST", ["service_accounts", account, "api_keys"]):
                return self._create(account, json.loads(request.body))
            case _:
                raise AssertionError(f"there is no {request.method} {path}")

    def _call(self, request: Request) -> Say:
        key = self.works(bearer(request))
        if key is None:
            return refusal(401, f"Incorrect API key provided: {bearer(request)[:8]}***.", self.uses)
        key.last_used_s = int(self._now())
        return openai_like(request, key.id, self.uses)

    def _list(self, query: dict[str, list[str]]) -> Say:
        assert set(query) <= {"limit", "after", "owner_project_access"}, query
        limit = int(query.get("limit", ["20"])[0])
        assert 1 <= limit <= 100, "limit is 1 to 100"
        assert query.get("owner_project_access", ["any"])[0] in {"active", "inactive", "any"}
        ids = list(self.keys)
        after = query.get("after", [""])[0]
        assert not after or after in ids, "after is no key"
        rest = ids[ids.index(after) + 1 :] if after else ids
        page = [self._shown(self.keys[each]) for each in rest[: min(limit, self.pages_of)]]
        ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
        return self._spoken("list", None, {"object": "list", "data": page, **ends, "has_more": len(page) < len(rest)})

    def _create(self, account: str, body: dict[str, Any]) -> Say:
        assert set(body) <= {"name", "scopes", "expires_in_seconds"}, body
        lifetime_s = body.get("expires_in_seconds")
        if account not in self.accounts:
            return refusal(404, f"No service account {account}.")
        if lifetime_s is not None and not 1 <= lifetime_s <= LIFETIME_S_MAX:
            return refusal(400, "expires_in_seconds must be between 1 and 31536000.")
        key = self.add(body["name"], account, lifetime_s)
        made = {
            "object": "organization.project.service_account.api_key",
            "id": key.id,
            "name": key.name,
            "value": key.value,
            "created_at": key.created_s,
            "expires_at": key.expires_s,
        }
        return self._spoken("create", body, made)

    def _delete(self, key: str) -> Say:
        if key not in self.keys:
            return _gone(key)
        if not self.keeps:
            del self.keys[key]
        deleted = {"object": "organization.project.api_key.deleted", "id": key, "deleted": not self.keeps}
        return self._spoken("delete", None, deleted)

    def _shown(self, key: Key) -> dict[str, Any]:
        named = {"created_at": key.created_s, "role": "member"}
        if key.account is None:
            user = {"id": "user_1", "name": "Ada", "email": "ada@example.com", **named}
            owner: dict[str, Any] = {"type": "user", "user": user}
        else:
            account = {"id": key.account, "name": "gateway", **named}
            owner = {"type": "service_account", "service_account": account}
        return {
            "object": "organization.project.api_key",
            "id": key.id,
            "name": key.name,
            "redacted_value": key.redacted,
            "created_at": key.created_s,
            "last_used_at": key.last_used_s,
            "owner_project_access": "active",
            "owner": owner,
            **({"expires_at": key.expires_s} if self.tells_expiry else {}),
        }

    def _spoken(self, operation: str, body: Any, answer: Any) -> Say:
        self.spoken.append((operation, body, answer))
        return Say(answer)


def _gone(key: str) -> Say:
    return refusal(404, f"No API key {key}.")
