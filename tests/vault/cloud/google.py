"""What stands for Google: Secret Manager, Cloud KMS and the token endpoint, over REST, as far as our backends ask.

Enumerations come as numbers and 64-bit numbers as text, as the SDK asks for them.
"""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from keywright.vault.sdk.crc32c import crc32c
from tests.vault.conformance.place import Fault
from tests.vault.standin import Received, Say

TOKEN: Final = "ya29.canary-token-5b02"
ENABLED, DISABLED, DESTROYED = 1, 2, 3


def refused(status: int, word: str) -> Say:
    """The message repeats a value, as no service should: ours must not."""
    error = {"code": status, "message": "no: sk-canary-8c41e7d2f09b66a0", "status": word}
    return Say(json.dumps({"error": error}), status, (("content-type", "application/json"),))


REFUSALS: Final[dict[Fault, Say]] = {
    "throttle": refused(429, "RESOURCE_EXHAUSTED"),
    "deny": refused(403, "PERMISSION_DENIED"),
}


class Version(Struct):
    """One version of a secret."""

    data: bytes
    state: int = ENABLED


class Google:
    """Secrets by `project/name`, each a list of versions. `damage`: what it does to bytes before it sends them."""

    def __init__(self) -> None:
        self.secrets: dict[str, list[Version]] = {}
        self.damage: Callable[[bytes], bytes] = bytes
        self._key = AESGCM(secrets.token_bytes(32))

    def __call__(self, request: Received) -> Say:
        path = urlsplit(request.target).path
        query = dict(parse_qsl(urlsplit(request.target).query))
        if path == "/token":
            assert request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            return _said({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refused(401, "UNAUTHENTICATED")
        body = json.loads(request.body) if request.body else {}
        parts, _, action = path.removeprefix("/v1/projects/").partition(":")
        if "/cryptoKeys/" in parts:
            return self._kms(action, body)
        project, _, *rest = parts.split("/")
        if not rest:
            return self._secrets(request.method, project, query)
        versions = self.secrets.get(f"{project}/{rest[0]}")
        if versions is None:
            return refused(404, "NOT_FOUND")
        place = f"projects/1234/secrets/{rest[0]}"  # answers name a project by its number
        if action == "addVersion":
            data = b64decode(body["payload"]["data"])
            assert int(body["payload"]["dataCrc32c"]) == crc32c(data)
            versions.append(Version(data))
            return _said({"name": f"{place}/versions/{len(versions)}", "state": ENABLED})
        if len(rest) == 1:
            return _said({"name": place})
        if len(rest) == 2:
            found = [_version(place, number, one) for number, one in enumerate(versions, 1)][::-1]
            return _said({"versions": found[: int(query["pageSize"])]})
        return self._version(place, versions, rest[2], action)

    def _secrets(self, method: str, project: str, query: dict[str, str]) -> Say:
        if method == "POST":
            assert f"{project}/{query['secretId']}" not in self.secrets
            self.secrets[f"{project}/{query['secretId']}"] = []
            return _said({"name": f"projects/1234/secrets/{query['secretId']}"})
        names = [name.partition("/")[2] for name in self.secrets if name.startswith(f"{project}/")]
        start = int(query.get("pageToken", "0"))
        end = start + int(query["pageSize"])
        page: dict[str, Any] = {"secrets": [{"name": f"projects/1234/secrets/{name}"} for name in names[start:end]]}
        return _said({**page, "nextPageToken": str(end)} if end < len(names) else page)

    def _version(self, place: str, versions: list[Version], asked: str, action: str) -> Say:
        number = len(versions) if asked == "latest" else int(asked)
        if not 0 < number <= len(versions):
            return refused(404, "NOT_FOUND")
        version = versions[number - 1]
        if action == "destroy":
            version.state, version.data = DESTROYED, b""
            return _said(_version(place, number, version))
        assert action == "access"
        if version.state != ENABLED:
            return refused(400, "FAILED_PRECONDITION")
        payload = {"data": _b64(self.damage(version.data)), "dataCrc32c": str(crc32c(version.data))}
        return _said({"name": f"{place}/versions/{number}", "payload": payload})

    def _kms(self, action: str, body: dict[str, str]) -> Say:
        context = b64decode(body["additionalAuthenticatedData"])
        assert int(body["additionalAuthenticatedDataCrc32c"]) == crc32c(context)
        field, other = ("plaintext", "ciphertext") if action == "encrypt" else ("ciphertext", "plaintext")
        given = b64decode(body[field])
        assert int(body[f"{field}Crc32c"]) == crc32c(given)
        if action == "encrypt":
            nonce = secrets.token_bytes(12)
            answer = nonce + self._key.encrypt(nonce, given, context)
        else:
            try:
                answer = self._key.decrypt(given[:12], given[12:], context)
            except InvalidTag:
                return refused(400, "INVALID_ARGUMENT")
        verified = {"verifiedPlaintextCrc32c": True, "verifiedAdditionalAuthenticatedDataCrc32c": True}
        checked = {other: _b64(self.damage(answer)), f"{other}Crc32c": str(crc32c(answer))}
        return _said({**checked, **(verified if action == "encrypt" else {})})


def _version(place: str, number: int, version: Version) -> dict[str, object]:
    return {"name": f"{place}/versions/{number}", "state": version.state}


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


def _said(answer: dict[str, Any]) -> Say:
    return Say(json.dumps(answer), headers=(("content-type", "application/json"),))
