"""A provider's administration API: one bounded question at a time, whose failure is a `RotationError` without a secret.

Where it is asked follows from who wrote the address: the vendor's own constant must be a public one, an operator's may
be private. A question that fails in passing is asked again where that does no harm. One that makes a key is asked
once: if its answer is lost there is a key that nobody knows, which whoever asked looks for by its name before asking
again.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from keywright.core.errors import RotationError, SecretAbsentError, SecretDeniedError, SecretError
from keywright.core.http import Header, HttpRequest
from keywright.core.json import JsonObject
from keywright.core.secret import Secret
from keywright.vault.credential import BearerCredential, Credential, HeaderCredential
from keywright.vault.fetch import NOTHING, PASSING, Fetch, Question, Reply, Where, as_secret, place
from keywright.vault.hidden import Hidden

WELL: Final = frozenset({200, 201})
ABSENT: Final = 404
CONFLICT: Final = 409
"""Somebody else is changing the same thing: in a while it may be free."""

JSON: Final[Header] = (b"content-type", b"application/json")

AdminKey: TypeAlias = Callable[[], Awaitable[Secret]]
"""Gives the key of the administration API. May raise SecretError."""

Login: TypeAlias = Callable[[], Awaitable[Credential]]
"""Gives what a question is asked with. May raise SecretError."""

T = TypeVar("T")


class Ask(Struct, frozen=True):
    """A question. `path`: below the API's address, with its query, all of it quoted. `to`: what for, to be read after
    "asked to". `hidden`: what no message may repeat, besides the login. `repeatable`: as of a `Question`.
    """

    method: bytes
    path: str
    to: str
    body: JsonObject | None = None
    hidden: Hidden = NOTHING
    repeatable: bool | None = None


def by_bearer(who: str, admin_key: AdminKey) -> Login:
    """Questions are asked with the key as a bearer token."""

    async def login() -> Credential:
        return BearerCredential(who, await admin_key())

    return login


def by_header(who: str, name: str, admin_key: AdminKey, others: tuple[Header, ...] = ()) -> Login:
    """Questions are asked with the key in the header `name`, and with `others`."""

    async def login() -> Credential:
        return HeaderCredential(who, name, await admin_key(), others=others)

    return login


class Administration:
    """Asks the API of `who` at `base_url`, which is `public` when it is the vendor's constant.

    Raises:
        SecretError: the address is none.
    """

    def __init__(self, fetch: Fetch, who: str, base_url: str, login: Login, *, public: bool) -> None:
        place(who, base_url)
        self._fetch = fetch
        self._who = who
        self._base_url = base_url.rstrip("/")
        self._login = login
        self._where: Where = "public" if public else "written"

    def now_s(self) -> int:
        """Unix seconds."""
        return int(self._fetch.now_s())

    async def ask(self, ask: Ask) -> Reply:
        """The answer, whatever its status. What is secret in one that is no success is struck out.

        Raises:
            RotationError: nothing to ask with, or no answer.
        """
        try:
            credential = await self._login()
        except SecretError as error:
            lasting = isinstance(error, SecretAbsentError | SecretDeniedError)
            raise RotationError(f"{self._who} cannot be asked to {ask.to}: {error}", passing=not lasting) from None
        question = self._question(ask, credential)
        try:
            reply = await self._fetch.ask(question)
        except SecretError as error:
            raise RotationError(str(error), passing=True) from None
        return reply if reply.status in WELL else replace(reply, body=credential.redact(reply.body))

    def told(self, ask: Ask, reply: Reply, kind: type[T]) -> T:
        """What a success says; its secrets are `Secret`s where `kind` says so.

        Raises:
            RotationError: it is no success, or says something else.
        """
        if reply.status not in WELL:
            raise self.refused(ask, reply)
        try:
            return msgspec.json.decode(reply.body, type=kind, strict=False, dec_hook=as_secret)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # From None: what was decoded may hold a key.
            raise RotationError(f"{self._name(ask)} answered with something else") from None

    def refused(self, ask: Ask, reply: Reply, said: str = "") -> RotationError:
        """The failure that `reply` is. `said`: the provider's words, read from it if not given."""
        error = self._fetch.refused(self._question(ask), reply, said or _detail(reply.body))
        return RotationError(str(error), passing=reply.status in PASSING or reply.status == CONFLICT)

    async def tell(self, ask: Ask, kind: type[T]) -> T:
        """`ask` and `told`."""
        return self.told(ask, await self.ask(ask), kind)

    async def tell_if_there(self, ask: Ask, kind: type[T]) -> T | None:
        """The same; None where the provider says that there is no such thing."""
        reply = await self.ask(ask)
        return None if reply.status == ABSENT else self.told(ask, reply, kind)

    async def delete(self, path: str, key_id: str) -> None:
        """End the key at `path`, where the answer says whether that was done. Nothing happens when it is gone.

        Raises:
            RotationError: it was not; or as `ask` and `told`.
        """
        answer = await self.tell_if_there(Ask(b"DELETE", path, f"delete the key {key_id}"), _Deleted)
        if answer is not None and not answer.deleted:
            raise RotationError(f"{self._who} says that the key {key_id} is not deleted", passing=True)

    def _name(self, ask: Ask) -> str:
        return f"{self._who}, asked to {ask.to},"

    def _question(self, ask: Ask, credential: Credential | None = None) -> Question:
        url = self._base_url + ask.path
        headers: tuple[Header, ...] = () if ask.body is None else (JSON,)
        body = b"" if ask.body is None else msgspec.json.encode(ask.body)
        if credential is not None:
            origin, target = place(self._who, url)
            headers = credential.apply(HttpRequest(ask.method, target, headers, body), origin).headers
        return Question(self._name(ask), url, self._where, ask.method, headers, body, ask.hidden, ask.repeatable)


async def obstacle_of(preparing: Awaitable[object]) -> str:
    """What `preparing` to make a key finds in its way; "" for nothing.

    Raises:
        RotationError: it could not find out, now.
    """
    try:
        await preparing
    except RotationError as error:
        if error.passing:
            raise
        return str(error)
    return ""


class _Deleted(Struct):
    deleted: bool


class _Refusal(Struct):
    detail: str = ""


def _detail(body: bytes) -> str:
    """What Mistral says of a refusal, in a field of its own; "" where there is none."""
    try:
        return msgspec.json.decode(body, type=_Refusal).detail
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def unix_s(text: str) -> int | None:
    """Unix seconds of a time or a day in ISO 8601; without an offset it is UTC's. None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def renewed_until_s(now_s: int, lifetime_s: int | None, created_s: int | None, expires_s: int | None) -> int | None:
    """Until when a new key lives: for `lifetime_s`, else for as long as the old one was meant to, else for ever (None).

    A key that runs out is never replaced by one that does not: that is one of its rights.
    """
    if lifetime_s is not None:
        return now_s + lifetime_s
    if created_s is None or expires_s is None:
        return None
    return now_s + max(expires_s - created_s, 1)
