"""What stands for Azure: Key Vault's secrets and keys, and Entra's token endpoint, as far as our backends ask.

As the true one does, it answers a question without a token by saying for what resource it wants one.
"""

import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from tests.vault.conformance.place import Fault
from tests.vault.rsa_key import rsa_key
from tests.vault.standin import Received, Say

TOKEN: Final = "eyJ.canary-token-77aa"
TENANT: Final = "11111111-2222-3333-4444-555555555555"
CLIENT: Final = "66666666-7777-8888-9999-000000000000"
SECRET: Final = "canary-client-secret-19c3"
OAEP_256: Final = OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)


def refused(status: int, word: str, inner: str = "") -> Say:
    """The message repeats a value, as no service should: ours must not."""
    error: dict[str, Any] = {"code": word, "message": "no: sk-canary-8c41e7d2f09b66a0"}
    if inner:
        error["innererror"] = {"code": inner}
    return Say(json.dumps({"error": error}), status, (("content-type", "application/json"),))


REFUSALS: Final[dict[Fault, Say]] = {
    "throttle": refused(429, "Throttled"),
    "deny": refused(403, "Forbidden", "ForbiddenByRbac"),
}


class Version(Struct):
    """One version of a secret."""

    id: str
    value: str
    tags: dict[str, str]
    created_s: int
    kind: str | None = None
    enabled: bool = True


class Azure:
    """Secrets by name, each a list of versions. `resource`: what a token is wanted for. `key_versions`: those of the
    one key, the newest last; each wraps with the same RSA key.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, list[Version]] = {}
        self.resource = "https://vault.azure.net"
        self.key_versions = ["v1"]
        self.url = ""

    def __call__(self, request: Received) -> Say:
        parts = urlsplit(request.target)
        if parts.path == f"/{TENANT}/oauth2/v2.0/token":
            form = request.form
            assert (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)
            assert form["scope"] == "https://vault.azure.net/.default"
            return _said({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            wanted = f'Bearer authorization="{self.url}/{TENANT}", resource="{self.resource}"'
            return Say("", 401, (("www-authenticate", wanted),))
        assert dict(parse_qsl(parts.query))["api-version"]
        body = json.loads(request.body) if request.body else {}
        kind, *rest = parts.path.strip("/").split("/")
        rest = [part for part in rest if part]
        return self._keys(rest, body) if kind == "keys" else self._secrets(request.method, rest, body)

    def add(self, name: str, value: str, tags: dict[str, str] | None = None, kind: str | None = None) -> Version:
        """A version as an administrator makes one. Seconds pass between two of one secret."""
        versions = self.secrets.setdefault(name, [])
        created_s = max(int(time.time()), versions[-1].created_s + 1 if versions else 0)
        versions.append(Version(secrets.token_hex(16), value, tags or {}, created_s, kind))
        return versions[-1]

    def _secrets(self, method: str, rest: list[str], body: dict[str, Any]) -> Say:
        if not rest:
            return _said({"value": [{"id": f"{self.url}/secrets/{name}"} for name in self.secrets]})
        name, version = rest[0], rest[1] if len(rest) > 1 else ""
        if method == "PUT":
            made = self.add(name, body["value"], body.get("tags"), body.get("contentType"))
            return _said(self._shown(name, made))
        versions = self.secrets.get(name, [])
        if version == "versions":  # in no order
            return _said({"value": [self._shown(name, one) for one in sorted(versions, key=lambda one: one.id)]})
        found = next((one for one in reversed(versions) if version in {"", one.id}), None)
        if found is None:
            return refused(404, "SecretNotFound")
        if method == "PATCH":
            found.enabled = body["attributes"]["enabled"]
        elif not found.enabled:
            return refused(403, "Forbidden", "SecretDisabled")
        return _said({"value": found.value, **self._shown(name, found)})

    def _shown(self, name: str, version: Version) -> dict[str, Any]:
        attributes = {"enabled": version.enabled, "created": version.created_s, "updated": version.created_s}
        shown = {"id": f"{self.url}/secrets/{name}/{version.id}", "attributes": attributes, "tags": version.tags}
        return {**shown, "contentType": version.kind} if version.kind else shown

    def _keys(self, rest: list[str], body: dict[str, Any]) -> Say:
        version = rest[1] if len(rest) > 1 else self.key_versions[-1]
        if version not in self.key_versions:
            return refused(404, "KeyNotFound")
        place = f"{self.url}/keys/{rest[0]}/{version}"
        if len(rest) < 3:
            numbers = rsa_key().public_key().public_numbers()
            operations = ["wrapKey", "unwrapKey"]
            key = {"kid": place, "kty": "RSA", "key_ops": operations, "n": _number(numbers.n), "e": _number(numbers.e)}
            return _said({"key": key, "attributes": {"enabled": True}})
        assert rest[2].lower() == "unwrapkey", "the public key wraps where it is"
        assert body["alg"] == "RSA-OAEP-256"
        try:
            plain = rsa_key().decrypt(urlsafe_b64decode(body["value"] + "=="), OAEP_256)
        except ValueError:
            return refused(400, "BadParameter")
        return _said({"kid": place, "value": urlsafe_b64encode(plain).rstrip(b"=").decode()})


def _number(value: int) -> str:
    return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).rstrip(b"=").decode()


def _said(answer: dict[str, Any]) -> Say:
    return Say(json.dumps(answer), headers=(("content-type", "application/json"),))
