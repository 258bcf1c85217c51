"""Google's API keys, by its API Keys API, version 2.

Every change is an operation that is asked after until it is done, with bounded patience: one that is not done in time
is no failure of its own, and every method may be called again.

**Making.** The key's id is ours and follows from the name, so that making it again finds what is there instead of
making a second one; and since Google tells a key's text at any time, nothing is lost with an answer. An id stays taken
for the 30 days in which a deleted key can be had back: then it is had back. Restrictions, annotations and the service
account that it is bound to are the old key's.

**Turning off.** Google has no such thing. A key can be restricted to one address from which nobody calls, which is as
good. What it was restricted to before is put into an annotation of the key in the same change, and comes back from
there to the letter. A change on top of somebody else's is refused by Google: it names the state that it is based on.

A key that was just made, or turned on, may be refused by Gemini for some minutes (400 or 403, API_KEY_INVALID): whoever
verifies it must be patient.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from keywright.core.errors import RotationError
from keywright.core.json import JsonObject
from keywright.core.rotation import DriverKind, KeyMark
from keywright.core.secret import Secret
from keywright.rotation.administration import CONFLICT, Administration, Ask, Login, obstacle_of
from keywright.rotation.driver import Created
from keywright.vault.fetch import Fetch, Reply
from keywright.vault.hidden import Hidden

BASE_URL: Final = "https://apikeys.googleapis.com/v2"
WHO: Final = "Google's API Keys API"
POLLS_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0)
"""How long is waited before an operation is asked after again: three quarters of a minute in all."""

DEAD_ADDRESS: Final = "192.0.2.1"
"""Of a network that exists in documents only (RFC 5737)."""

KEPT: Final = "keywright-restrictions"
"""The annotation of a key that is turned off: the JSON of what it was restricted to."""

KEY_ID_CHARACTERS_MAX: Final = 63
DISPLAY_NAME_CHARACTERS_MAX: Final = 63
PASSING_CODES: Final = frozenset({4, 8, 10, 13, 14})
"""gRPC's: deadline exceeded, resource exhausted, aborted, internal, unavailable."""

NO_REPLY: Final = Reply(200, (), b"")
"""What an operation that fails was answered with: the failure is in its result."""

_ID_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class GoogleSettings(Struct, frozen=True):
    """`project`: its id or number, "" for that of the key in use."""

    project: str = ""


class _Key(Struct, frozen=True, rename="camel"):
    name: str
    display_name: str = ""
    restrictions: JsonObject | None = None
    annotations: dict[str, str] = {}
    service_account_email: str = ""
    delete_time: str = ""
    etag: str = ""


class _Found(Struct, frozen=True):
    name: str = ""
    parent: str = ""


class _Text(Struct, frozen=True, rename="camel"):
    key_string: Secret


class _Status(Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Operation(Struct, frozen=True):
    name: str = ""
    done: bool = False
    error: _Status | None = None


class GoogleDriver:
    """Replaces an API key. `login` gives the credential of an account with the role API Keys Admin in the project, as
    `RenewingCredential.current` does. A mark's id is the key's resource name.
    """

    kind: DriverKind = "api"
    creates = True
    disables = True
    deletes = True

    def __init__(
        self,
        fetch: Fetch,
        base_url: str,
        login: Login,
        settings: GoogleSettings,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = Administration(fetch, WHO, base_url, login, public=base_url == BASE_URL)
        self._settings = settings
        self._pause = pause

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key with that secret, wherever it is."""
        query = urlencode({"keyString": secret.reveal()})
        ask = Ask(b"GET", f"/keys:lookupKey?{query}", f"find the key {secret.fingerprint}", hidden=Hidden(secret))
        found = await self._api.tell_if_there(ask, _Found)
        key = None if found is None or not found.name else await self._key(found.name)
        if key is None or key.delete_time:
            raise RotationError(f"Google has no key {secret.fingerprint}: it has been deleted, or never was")
        return KeyMark(key.name, secret.fingerprint, key.display_name)

    async def obstacle(self, old: KeyMark) -> str:
        """The key is gone, so that nobody knows its restrictions."""
        return await obstacle_of(self._model(old))

    async def create(self, name: str, old: KeyMark) -> Created:
        """Make a key with the restrictions, annotations and service account of `old`, or go on where that was left."""
        like = await self._model(old)
        target = self._target(name, old)
        parent, _, key_id = target.rpartition("/keys/")
        path = f"/{_quoted(parent)}/keys?keyId={key_id}"
        ask = Ask(b"POST", path, "make a key", _like(name, like), repeatable=True)
        reply = await self._api.ask(ask)
        if reply.status != CONFLICT:
            await self._finished(self._api.told(ask, reply, _Operation), ask.to)
        key = await self._usable(target)
        text = await self._api.tell(Ask(b"GET", f"/{_quoted(key.name)}/keyString", "tell the new key"), _Text)
        # By the name that Google gives it: it knows the project by its number, the settings perhaps by its id.
        return Created(KeyMark(key.name, text.key_string.fingerprint, name), text.key_string)

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """The key that is called so, if there is one."""
        key = await self._key(self._target(name, old))
        return () if key is None or key.delete_time else (KeyMark(key.name, "", key.display_name),)

    async def disable(self, mark: KeyMark) -> None:
        """Restrict it to a dead address."""
        key = await self._key(mark.id)
        if key is None or key.delete_time or KEPT in key.annotations:
            return
        before = key.restrictions or {}
        targets: JsonObject = {"apiTargets": before["apiTargets"]} if "apiTargets" in before else {}
        dead: JsonObject = {**targets, "serverKeyRestrictions": {"allowedIps": [DEAD_ADDRESS]}}
        kept = {**key.annotations, KEPT: msgspec.json.encode(before).decode()}
        await self._change(key, dead, kept, f"turn the key {mark.id} off")

    async def enable(self, mark: KeyMark) -> None:
        """Restrict it to what it was restricted to."""
        key = await self._key(mark.id)
        if key is None or key.delete_time or KEPT not in key.annotations:
            return
        live = _alive(key)
        await self._change(key, live.restrictions or {}, live.annotations, f"turn the key {mark.id} on")

    async def delete(self, mark: KeyMark) -> None:
        """End it; for 30 days Google can bring it back."""
        key = await self._key(mark.id)
        if key is None or key.delete_time:
            return
        ask = Ask(b"DELETE", f"/{_quoted(mark.id)}", f"delete the key {mark.id}")
        operation = await self._api.tell_if_there(ask, _Operation)
        if operation is not None:
            await self._finished(operation, ask.to)

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """None: it does not tell."""
        return None

    async def _key(self, name: str) -> _Key | None:
        return await self._api.tell_if_there(Ask(b"GET", f"/{_quoted(name)}", f"show the key {name}"), _Key)

    async def _model(self, old: KeyMark) -> _Key:
        """The key like which another is made."""
        key = await self._key(old.id) if old.id else None
        if key is None:
            raise RotationError(f"Google's key {old.id or old.fingerprint}, like which a new one is to be, is gone")
        return key

    async def _change(self, key: _Key, restrictions: JsonObject, annotations: dict[str, str], to: str) -> None:
        body: JsonObject = {"restrictions": restrictions, "annotations": {**annotations}, "etag": key.etag}
        path = f"/{_quoted(key.name)}?{urlencode({'updateMask': 'restrictions,annotations'})}"
        ask = Ask(b"PATCH", path, to, body)
        await self._finished(await self._api.tell(ask, _Operation), to)

    async def _usable(self, name: str) -> _Key:
        """The key that has been made just now, or before; had back, if it was deleted since."""
        key = await self._key(name)
        for pause_s in POLLS_S:
            if key is not None:
                break
            await self._pause(pause_s)  # until an operation that was begun before is done
            key = await self._key(name)
        if key is None:
            raise RotationError(f"{WHO} is still making the key {name}", passing=True)
        if key.delete_time:
            ask = Ask(b"POST", f"/{_quoted(name)}:undelete", f"give back the key {name}", {})
            await self._finished(await self._api.tell(ask, _Operation), ask.to)
        return key

    async def _finished(self, operation: _Operation, to: str) -> None:
        """Wait for the end of `operation`."""
        ask = Ask(b"GET", f"/{_quoted(operation.name)}", to)
        for pause_s in POLLS_S:
            if operation.done:
                break
            await self._pause(pause_s)
            operation = await self._api.tell(ask, _Operation)
        if operation.error is not None:
            error = self._api.refused(ask, NO_REPLY, operation.error.message)
            error.passing = operation.error.code in PASSING_CODES
            raise error
        if not operation.done:
            raise RotationError(f"{WHO}, asked to {to}, is not done after {sum(POLLS_S):g} s", passing=True)

    def _target(self, name: str, old: KeyMark) -> str:
        """The resource name of the key that is called `name`, beside `old`."""
        project = self._settings.project
        parent = f"projects/{project}/locations/global" if project else old.id.rpartition("/keys/")[0]
        if not parent:
            raise RotationError("it is not known in which project of Google's the key is: set rotation.project")
        return f"{parent}/keys/{_key_id(name)}"


def _like(name: str, old: _Key) -> JsonObject:
    live = _alive(old)
    body: JsonObject = {"displayName": name[:DISPLAY_NAME_CHARACTERS_MAX]}
    if live.restrictions:
        body["restrictions"] = live.restrictions
    if live.annotations:
        body["annotations"] = {**live.annotations}
    if live.service_account_email:
        body["serviceAccountEmail"] = live.service_account_email
    return body


def _alive(key: _Key) -> _Key:
    """`key` as it is when it is not turned off.

    Raises:
        RotationError: somebody wrote something else into our annotation.
    """
    kept = key.annotations.get(KEPT)
    if kept is None:
        return key
    try:
        restrictions = msgspec.json.decode(kept, type=JsonObject)
    except msgspec.MsgspecError:
        raise RotationError(f"the annotation {KEPT} of {key.name} is not what was written there") from None
    others = {name: value for name, value in key.annotations.items() if name != KEPT}
    return replace(key, restrictions=restrictions, annotations=others)


def _key_id(name: str) -> str:
    """`name` as Google takes ids: lower case letters, digits and hyphens. Two names never give the same."""
    if (
        name[:1].isalpha()
        and name[-1:] != "-"
        and len(name) <= KEY_ID_CHARACTERS_MAX
        and _ID_CHARACTERS.issuperset(name)
    ):
        return name
    return f"keywright-{sha256(name.encode()).hexdigest()[:32]}"


def _quoted(name: str) -> str:
    """A resource name as part of a path."""
    if not name or ".." in name:
        raise RotationError(f"{name!r} is no name of a key of Google's")
    return quote(name, safe="/")
