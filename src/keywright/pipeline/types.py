"""The universe of the pipeline: what one call is at each station of its way.

    Call → Principal, Intent → Admitted → Plan → Outbound → Delivery → Entry

The order is in the types. Only `admit` makes an `Admitted`, `route` takes nothing else and only it makes a `Plan`;
only `translate` makes an `Outbound`, and `upstream` sends nothing else. A step that is left out does not type-check.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from keywright.core.dialect import PathSaid, Peek, StreamReader, StreamTap, StreamWriter, Tapped, Wire
from keywright.core.event import Event
from keywright.core.http import Header, HttpRequest
from keywright.core.identity import Key
from keywright.core.loss import Loss
from keywright.pipeline.routes import Lane, Target
from keywright.policy.grant import Grant
from keywright.providers.provider import EndpointKind


class Call(Struct, frozen=True, gc=False):
    """What the edge received. Nothing in it has been believed yet.

    `dialect` is the client's, by the path it called; `endpoint` what it wants there (`chat`), and `said` what the path
    told of it. `key` is whatever stood where a key may stand. `address` is the peer's own, never a header's.
    `ticks_us`: the clock's reading when the request was complete.
    """

    id: str
    started_us: int
    ticks_us: int
    dialect: str
    endpoint: EndpointKind
    said: PathSaid
    key: str
    address: str
    headers: Sequence[Header]
    body: bytes
    tags: tuple[tuple[str, str], ...] = ()
    strict: bool = False


class Principal(Struct, frozen=True, gc=False):
    """Who calls: proven by a key that is known and counts now. `grant` is what it may do."""

    key: Key
    grant: Grant


class Intent(Struct, frozen=True, gc=False):
    """What the caller wants, as far as policy must know."""

    endpoint: EndpointKind
    peek: Peek


class Admitted(Struct, frozen=True, gc=False):
    """An intent that policy allows. `targets` are those the key may use; `rule` names what allowed it."""

    principal: Principal
    intent: Intent
    targets: tuple[Target, ...]
    rule: str


class Plan(Struct, frozen=True, gc=False):
    """Where the call goes: candidates in order, at least one."""

    admitted: Admitted
    targets: tuple[Target, ...]


class Outbound(Struct, frozen=True, gc=False):
    """A request ready for one target. `request` is what the client's dialect decoded, None on the verbatim lane, where
    nothing was; `said` is what the client's path said.

    `asked_s`: Unix seconds, for answers that do not say when they were made.
    """

    target: Target
    lane: Lane
    client: Wire[Any, Any]
    peek: Peek
    said: PathSaid
    call_id: str
    http: HttpRequest
    request: Any
    losses: tuple[Loss, ...]
    asked_s: int


class Answer(Protocol):
    """The upstream's answer from its head on; see `transport.pool`. `length`: the content-length that it says."""

    status: int
    headers: tuple[Header, ...]

    @property
    def length(self) -> int | None: ...
    async def read(self, bytes_max: int) -> bytes: ...
    async def chunk(self) -> bytes: ...
    async def relay(self, take: Callable[[bytes], None]) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def abort(self) -> None: ...


class Whole(Struct, frozen=True, gc=False):
    """An answer that is complete: `body` is what the client gets, `tapped` what it used."""

    outbound: Outbound
    headers: tuple[Header, ...]
    body: bytes
    tapped: Tapped
    losses: tuple[Loss, ...] = ()


class VerbatimStream(Struct, frozen=True):
    """A stream that passes through. `first` is what the client gets of its first piece, `raw` the piece as it came."""

    outbound: Outbound
    headers: tuple[Header, ...]
    answer: Answer
    tap: StreamTap
    first: bytes
    raw: bytes


class TranslatedStream(Struct, frozen=True):
    """A stream that is read in one dialect and written in another. `first`: the events already read."""

    outbound: Outbound
    headers: tuple[Header, ...]
    answer: Answer
    reader: StreamReader
    writer: StreamWriter
    first: tuple[Event, ...]


Delivery: TypeAlias = Whole | VerbatimStream | TranslatedStream


class Reply(Protocol):
    """The client's side of the call, at the edge. `started`: something has been said to the client.

    When the client leaves, the edge cancels the task that serves the call.
    """

    started: bool

    async def whole(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A complete answer."""
        ...

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """The head of a stream."""
        ...

    async def write(self, piece: bytes) -> None:
        """A piece of the stream. Returns when the client can take more."""
        ...

    async def relay(self, answer: Answer, through: Callable[[bytes], bytes]) -> None:
        """The rest of `answer`, each piece the moment it comes, as `through` gives it back. Nothing more is read from
        the upstream while the client does not read. Raises what reading the answer, or `through`, raises.
        """
        ...

    async def finish(self) -> None:
        """The end of the stream."""
        ...
