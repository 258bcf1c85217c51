"""A stand-in of Google: the API Keys API with its operations, and Gemini, which hears of changes a little later."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.plane import Uses, bearer
from tests.standin.wire import Request

PARENT = "projects/123456789/locations/global"
PROJECT = "my-project"
"""The id of the same project: it may be asked for by it, and answers by its number."""

KEY_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CALLER = "198.51.100.7"
"""The address from which Gemini is called here."""

CLIENT_RESTRICTIONS = {
    "serverKeyRestrictions",
    "browserKeyRestrictions",
    "androidKeyRestrictions",
    "iosKeyRestrictions",
}
GEMINI = "generativelanguage.googleapis.com"


@dataclass
class Key:
    name: str
    value: str
    display_name: str = ""
    restrictions: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    account: str = ""
    deleted: bool = False
    version: int = 1
    fresh: int = 0
    """How many calls Gemini still refuses because it has not heard of the key."""

    @property
    def etag(self) -> str:
        return f'W/"{self.version}"'


@dataclass
class Operation:
    polls: int
    finish: Callable[[], None]
    error: dict[str, Any] | None = None


class Google:
    """`polls`: how many questions come before an operation is done. `fresh`: of new keys. `fails_with`: what the
    next operations end with instead of doing anything.
    """

    token = "ya29.canary-google-0123456789"

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.polls = 2
        self.fresh = 0
        self.fails_with: dict[str, Any] | None = None
        self.uses = Uses()
        self.door = Door(self._answer, lambda request: request.path.startswith("/v2/"))
        self._operations: dict[str, Operation] = {}
        self._taken: set[str] = set()
        self._made = 0

    @property
    def admin_url(self) -> str:
        return f"{self.door.url}/v2"

    @property
    def url(self) -> str:
        return f"{self.door.url}/v1beta"

    @contextmanager
    def open(self) -> Iterator["Google"]:
        with self.door.open():
            yield self

    def add(self, key_id: str, display_name: str = "") -> Key:
        """Make a key, as an administrator does."""
        self._made += 1
        value = f"AIzaSy{sha256(b'google %d' % self._made).hexdigest()[:33]}"
        key = Key(f"{PARENT}/keys/{key_id}", value, display_name or key_id, fresh=self.fresh)
        self.keys[key.name] = key
        self._taken.add(key.name)
        return key

    def works(self, value: str) -> Key | None:
        """The key with that text, if it is good here and now."""
        return next((key for key in self.keys.values() if key.value == value and self._good(key)), None)

    def _good(self, key: Key) -> bool:
        addresses = key.restrictions.get("serverKeyRestrictions", {}).get("allowedIps", [CALLER])
        targets = [target["service"] for target in key.restrictions.get("apiTargets", [{"service": GEMINI}])]
        return not key.deleted and CALLER in addresses and GEMINI in targets

    def _answer(self, request: Request) -> Say:
        path = urlsplit(request.path).path
        if path == "/token":
            return Say({"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"})
        if not path.startswith("/v2/"):
            return self._call(request, path)
        if bearer(request) != self.token:
            return _no(401, "UNAUTHENTICATED", f"Request had invalid authentication credentials: {bearer(request)}")
        self._go_on()
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        path = path.replace(f"/projects/{PROJECT}/", "/projects/123456789/")
        name, _, verb = path.removeprefix("/v2/").partition(":")
        body = json.loads(request.body) if request.body else {}
        if name.startswith("operations/"):
            return self._operation(name)
        if (name, verb) == ("keys", "lookupKey"):
            key = next((key for key in self.keys.values() if key.value == query["keyString"]), None)
            if key is None:
                return _no(404, "NOT_FOUND", f"No key {query['keyString']}")
            return Say({"parent": PARENT.rpartition("/locations")[0], "name": key.name})
        if (request.method, name) == ("POST", f"{PARENT}/keys"):
            return self._create(query.get("keyId", ""), body)
        if name.endswith("/keyString"):
            key = self.keys.get(name.removesuffix("/keyString"))
            return _gone(name) if key is None or key.deleted else Say({"keyString": key.value})
        return self._of_key(request.method, name, verb, query, body)

    def _of_key(self, method: str, name: str, verb: str, query: dict[str, str], body: dict[str, Any]) -> Say:
        key = self.keys.get(name)
        if key is None:
            return _gone(name)
        match (method, verb):
            case ("GET", ""):
                return Say(_shown(key))
            case ("PATCH", ""):
                return self._change(key, query["updateMask"].split(","), body)
            case ("DELETE", ""):
                return _gone(name) if key.deleted else self._begin(lambda: _set(key, deleted=True))
            case ("POST", "undelete"):
                assert key.deleted, "only a deleted key can be given back"
                return self._begin(lambda: _set(key, deleted=False))
            case _:
                raise AssertionError(f"there is no {method} {name} {verb}")

    def _create(self, key_id: str, body: dict[str, Any]) -> Say:
        assert KEY_ID.fullmatch(key_id), f"{key_id!r} is no id of a key"
        assert not UUID.fullmatch(key_id), "an id may not look like a UUID"
        _check(body, {"displayName", "restrictions", "annotations", "serviceAccountEmail"})
        name = f"{PARENT}/keys/{key_id}"
        if name in self._taken:
            return _no(409, "ALREADY_EXISTS", f"{name} exists, or did in the last 30 days")
        self._taken.add(name)

        def finish() -> None:
            key = self.add(key_id, body["displayName"])
            key.restrictions = body.get("restrictions", {})
            key.annotations = body.get("annotations", {})
            key.account = body.get("serviceAccountEmail", "")

        return self._begin(finish)

    def _change(self, key: Key, mask: list[str], body: dict[str, Any]) -> Say:
        assert set(mask) <= {"displayName", "restrictions", "annotations"}, mask
        _check(body, {*mask, "etag"})
        if body.get("etag", key.etag) != key.etag:
            return _no(409, "ABORTED", "the key was changed meanwhile")
        changed = {name: body.get(name, {}) for name in mask}
        return self._begin(lambda: _set(key, **changed))

    def _begin(self, finish: Callable[[], None]) -> Say:
        name = f"operations/akmf.p7-{len(self._operations)}"
        operation = Operation(self.polls, finish, self.fails_with)
        self._operations[name] = operation
        if operation.polls == 0 and operation.error is None:
            finish()
        return self._told(name, operation)

    def _operation(self, name: str) -> Say:
        operation = self._operations.get(name)
        if operation is None:
            return _gone(name)
        return self._told(name, operation)

    def _go_on(self) -> None:
        """Time passes: operations come to their ends."""
        for operation in self._operations.values():
            operation.polls -= 1
            if operation.polls == 0 and operation.error is None:
                operation.finish()

    def _told(self, name: str, operation: Operation) -> Say:
        if operation.polls > 0:
            return Say({"name": name})
        if operation.error is not None:
            return Say({"name": name, "done": True, "error": operation.error})
        return Say({"name": name, "done": True, "response": {}})

    def _call(self, request: Request, path: str) -> Say:
        assert "authorization" not in request.headers, "two credentials at once"
        value = request.headers.get("x-goog-api-key", "")
        key = next((key for key in self.keys.values() if key.value == value and not key.deleted), None)
        if key is None or key.fresh > 0:
            self.uses.refused += 1
            if key is not None:
                key.fresh -= 1
            reason = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            return _no(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason)
        if not self._good(key):
            self.uses.refused += 1
            return _no(403, "PERMISSION_DENIED", "The provided API key has an IP address restriction.")
        if path.endswith("/models"):
            return Say({"models": [{"name": "models/m"}]})
        assert path.endswith(":generateContent"), path
        self.uses.calls[key.name] += 1
        content = {"role": "model", "parts": [{"text": "yes"}]}
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
        candidates = [{"content": content, "finishReason": "STOP", "index": 0}]
        return Say({"candidates": candidates, "usageMetadata": usage, "modelVersion": "m"})


def _check(body: dict[str, Any], fields: set[str]) -> None:
    assert set(body) <= fields, body
    assert len(body.get("displayName", "")) <= 63
    assert len(CLIENT_RESTRICTIONS & set(body.get("restrictions", {}))) <= 1, "one kind of clients only"
    assert set(body.get("restrictions", {})) <= {*CLIENT_RESTRICTIONS, "apiTargets"}


def _set(
    key: Key,
    *,
    restrictions: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    deleted: bool | None = None,
) -> None:
    key.restrictions = key.restrictions if restrictions is None else restrictions
    key.annotations = key.annotations if annotations is None else annotations
    key.deleted = key.deleted if deleted is None else deleted
    key.version += 1


def _shown(key: Key) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": key.name, "uid": key.name.rpartition("/")[2], "etag": key.etag}
    shown |= {"displayName": key.display_name, "createTime": "2026-11-01T00:00:00Z"}
    if key.restrictions:
        shown["restrictions"] = key.restrictions
    if key.annotations:
        shown["annotations"] = key.annotations
    if key.account:
        shown["serviceAccountEmail"] = key.account
    if key.deleted:
        shown["deleteTime"] = "2026-11-25T00:00:00Z"
    return shown


def _no(status: int, code: str, message: str, details: list[Any] | None = None) -> Say:
    return Say({"error": {"code": status, "status": code, "message": message, "details": details or []}}, status)


def _gone(name: str) -> Say:
    return _no(404, "NOT_FOUND", f"{name} is not there")
