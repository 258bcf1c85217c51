"""Asking a token service: one bounded exchange over HTTP, whose failures say who refused what and show no secret.

Where a question goes is one of three things. `public`: an address that is a constant of the vendor's; it must be a
public one, however its name resolves. `written`: the operator wrote it, in the environment or in a credential file, so
it may be private. `near`: a metadata service of this machine or its host, which is link-local; it answers at once or is
not there, and no proxy must ever see it. Nothing of a client's request takes part in any of them.

An answer that passes (5xx, 429, a broken connection) is asked for again, a few times, where asking twice does no harm.
What must not be done twice, since it makes a key, is asked again only where it certainly was not done: there was no
connection, or the service says that it has had too much (429). Redirects are not followed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Final, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import ConnectFailedError, SecretError, UpstreamError
from keywright.core.http import Deadlines, Header, HttpRequest, Origin, Reach
from keywright.core.redaction import hide_forms
from keywright.core.secret import Secret
from keywright.vault.hidden import Hidden

ANSWER_BYTES_MAX: Final = 1_048_576
SAID_CHARACTERS_MAX: Final = 256
ATTEMPTS_MAX: Final = 3
FIRST_PAUSE_S: Final = 0.2
SKEW_S: Final = 240
"""Clocks that differ by more may be why a service refused: Amazon allows five minutes."""

CONNECTIONS_MAX: Final = 8
FAR: Final = Deadlines(connect_s=5.0, first_byte_s=10.0, idle_s=5.0, total_s=12.0)
NEAR: Final = Deadlines(connect_s=2.0, first_byte_s=5.0, idle_s=2.0, total_s=6.0)
PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
TOO_MANY: Final = 429
"""The one of them that says that nothing was done."""

REPEATABLE: Final = frozenset({b"GET", b"HEAD", b"PUT", b"DELETE"})
"""What is done once by being asked twice, if its service keeps to HTTP."""

Where: TypeAlias = Literal["public", "written", "near"]
NOTHING: Final = Hidden()
FORM: Final[Header] = (b"content-type", b"application/x-www-form-urlencoded")
WORDS: Final = ("Code", "status", "error", "Message", "message", "error_description")
"""Where the JSON of OAuth, Google, Microsoft and Amazon says why something was refused."""

T = TypeVar("T")


class Answer(Protocol):
    """An answer from its head on, as the connection pool gives it."""

    status: int
    headers: tuple[Header, ...]

    async def read(self, bytes_max: int) -> bytes: ...
    def abort(self) -> None: ...


class Upstreams(Protocol):
    """The connection pool. Its failures are `UpstreamError`s."""

    async def send(self, reach: Reach, request: HttpRequest) -> Answer: ...


class Question(Struct, frozen=True):
    """What to ask, and whom: `who` is how a message calls the service, `hidden` what no message may repeat.
    `repeatable`: whether asking twice does no harm; None for what its method says.
    """

    who: str
    url: str
    where: Where
    method: bytes = b"POST"
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    hidden: Hidden = NOTHING
    repeatable: bool | None = None

    def __repr__(self) -> str:
        return f"<question for {self.who}>"


class Reply(Struct, frozen=True):
    """What came back."""

    status: int
    headers: tuple[Header, ...]
    body: bytes

    def __repr__(self) -> str:
        return f"<reply {self.status}>"


class Fetch:
    """Asks by way of `upstreams`. `ca_file`: what is trusted at addresses that the operator wrote; `proxy` as of a
    `Reach`, for all that is not near.
    """

    def __init__(
        self,
        upstreams: Upstreams,
        clock: Clock,
        *,
        ca_file: str | None = None,
        proxy: str | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.clock = clock
        self._upstreams = upstreams
        self._ca_file = ca_file
        self._proxy = proxy
        self._pause = pause

    def now_s(self) -> float:
        """Unix seconds."""
        return self.clock.unix_us() / SECOND_US

    async def ask(self, question: Question) -> Reply:
        """The answer, whatever its status.

        Raises:
            SecretError: the address is none, or no answer came.
        """
        origin, target = place(question.who, question.url)
        reach = Reach(
            origin=origin,
            ca_file=self._ca_file if question.where == "written" else None,
            proxy="" if question.where == "near" else self._proxy,
            private=question.where != "public",
            deadlines=NEAR if question.where == "near" else FAR,
            connections_max=CONNECTIONS_MAX,
        )
        repeatable = question.method in REPEATABLE if question.repeatable is None else question.repeatable
        request = HttpRequest(question.method, target, question.headers, question.body, once=not repeatable)
        for attempt in range(1, ATTEMPTS_MAX + 1):
            last = attempt == ATTEMPTS_MAX
            try:
                reply = await self._once(reach, request)
            except UpstreamError as error:
                is_worth_it = question.where != "near" if isinstance(error, ConnectFailedError) else repeatable
                if last or not is_worth_it:
                    raise SecretError(f"{question.who} ({origin.host}) gave no answer: {error}") from None
            else:
                if last or reply.status not in PASSING or not (repeatable or reply.status == TOO_MANY):
                    return reply
            await self._pause(FIRST_PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    def decoded(self, question: Question, reply: Reply, kind: type[T]) -> T:
        """The JSON of a reply that succeeded; its secrets are `Secret`s where `kind` says so.

        Raises:
            SecretError: the service refused, or said something else.
        """
        if reply.status != 200:
            raise self.refused(question, reply)
        try:
            return msgspec.json.decode(reply.body, type=kind, strict=False, dec_hook=as_secret)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # From None: what was decoded may hold the token.
            raise SecretError(f"{question.who} answered with something that is no token") from None

    def refused(self, question: Question, reply: Reply, said: str = "") -> SecretError:
        """The failure of a reply that did not succeed. `said`: the service's own words, read from it if not given."""
        words = _shown(said or _said(reply.body), question.hidden)
        reason = f" ({words})" if words else ""
        return SecretError(f"{question.who} answered {reply.status}{reason}{self._skew(reply)}")

    async def _once(self, reach: Reach, request: HttpRequest) -> Reply:
        answer = await self._upstreams.send(reach, request)
        try:
            return Reply(answer.status, answer.headers, await answer.read(ANSWER_BYTES_MAX))
        finally:
            answer.abort()

    def _skew(self, reply: Reply) -> str:
        """A remark where this machine's clock is not the service's."""
        for name, value in reply.headers:
            if name == b"date":
                try:
                    theirs_s = parsedate_to_datetime(value.decode("ascii")).timestamp()
                except ValueError:
                    return ""
                ahead_s = self.now_s() - theirs_s
                if abs(ahead_s) > SKEW_S:
                    return f"; this machine's clock is {abs(ahead_s):.0f} s {'ahead' if ahead_s > 0 else 'behind'}"
        return ""


def as_secret(kind: type, value: object) -> object:
    """For msgspec's decoders: text where a `Secret` belongs."""
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError("expected text")


def place(who: str, url: str) -> tuple[Origin, bytes]:
    """Origin and target of `url`.

    Raises:
        SecretError: it is no address that can be asked.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    if parts.username is not None or parts.fragment or not host.isascii() or not url.isprintable():
        host = ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if host and " " not in url:
        if parts.scheme == "https":
            return Origin("https", host, port or 443), target.encode()
        if parts.scheme == "http":
            return Origin("http", host, port or 80), target.encode()
    raise SecretError(f"the address of {who} is not an http:// or https:// URL")


def _said(body: bytes) -> str:
    """What a JSON error says in the fields that are meant for people; nothing of anything else."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]
    if not isinstance(found, dict):
        return ""
    return ": ".join(word for name in WORDS if isinstance(word := found.get(name), str))


def _shown(text: str, hidden: Hidden) -> str:
    """`text` as one short line without secrets."""
    shown = hide_forms(hidden.redact(text.encode("utf-8", "replace")).decode("utf-8", "replace"))
    line = "".join(character if character.isprintable() else " " for character in shown)
    return line if len(line) <= SAID_CHARACTERS_MAX else line[: SAID_CHARACTERS_MAX - 1] + "…"
