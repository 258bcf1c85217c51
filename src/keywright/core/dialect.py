"""What it means to be a dialect: eight names with two faces, and a few for the verbatim lane.

A dialect of chat is a module (or a package that exports the same names) and satisfies `Dialect` as it stands. What
gives whole answers only (embeddings, rerank, counting tokens) has the same names without the stream's: a `Wire`.

|          | request          | response          | stream         | error          |
|----------|------------------|-------------------|----------------|----------------|
| clients  | `decode_request` | `encode_response` | `StreamWriter` | `encode_error` |
| upstreams| `encode_request` | `decode_response` | `StreamReader` | `decode_error` |

Verbatim lane (the client's bytes are the provider's): `peek`, `patch`, `Tap` with `tap_response`; `CARRIES` names
the clients' dialects for which this one's upstream has it: nearly always itself alone.

A request is a body and, in dialects that name the model in their address, what its path said.

All are pure: bytes or structs in, structs or bytes out, input never changed, same input same output. Only the
stream classes hold state, and none of them does IO.
"""

from typing import Final, Protocol, TypeVar

from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.event import Event
from keywright.core.failure import Failure
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.tier import AUTO
from keywright.core.usage import Usage

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class PathSaid(Struct, frozen=True, gc=False):
    """What a request's path said, where the body says it not: the model, as the client wrote it, and whether a stream
    is wanted.
    """

    model: str = ""
    stream: bool = False


BODY_SAYS: Final = PathSaid()
"""For requests whose body says everything."""


class Encoded(Struct, frozen=True, gc=False):
    """A rendered body and what could not be put into it. Losses have canonical paths (see `core.loss`)."""

    body: bytes
    losses: tuple[Loss, ...] = ()


class Beyond(Struct, frozen=True, gc=False):
    """By how much a call may be larger than the text of its body, where each byte is one token at most.

    `added_tokens`: what pictures and the like are at most, of which the body holds `data_bytes` that are no text.
    `boundless`: the prompt holds, or refers to, what nothing in the body bounds (files, sound, addresses, what the
    provider keeps), so that it may fill the model's context. `runs_max`: how often the provider may run tools of its
    own, and ask the model once more with all that is known by then; `searches_max`: how many searches it may charge.
    """

    added_tokens: int = 0
    data_bytes: int = 0
    boundless: bool = False
    runs_max: int = 0
    searches_max: int = 0


TEXT: Final = Beyond()
"""Text alone."""

PLAIN: Final = Beyond()
"""Text alone, without tools or a form for the answer, to which providers add next to nothing. Known by its identity."""


class Peek(Struct, frozen=True):
    """The little that policy and routing need to know of a request body, without decoding all of it.

    `input_bytes` is the body's length, an upper bound of its prompt tokens for text.
    `stream_usage`: whether the client asked for usage within a stream (dialects that always send it: True).
    `beyond`: what its prompt is beside text. `tier`: the service tier that it asks for, "" for the plain one; `auto`
    leaves that to the provider.
    """

    model: str
    stream: bool
    input_bytes: int
    output_tokens_max: int | None = None
    choices: int = 1
    stream_usage: bool = True
    beyond: Beyond = TEXT
    tier: str = AUTO


class Tapped(Struct, frozen=True, gc=False):
    """What was learnt from an answer that passed through untouched.

    `output_chars` counts characters of everything generated that was seen (text, thinking, arguments): the base
    for settling a call whose usage never came. `complete`: the answer's own end was seen. `billed`: what the provider
    says it will bill, where that is not what was used. `tier`: the service tier by its own word, "" for the plain one.
    `others`: what it used of other models, by their names, beside all that. `pending`: the provider works on, whoever
    listens, and says nowhere in this answer what it will bill.
    """

    usage: Usage | None = None
    model: str | None = None
    finish: str | None = None
    failure: Failure | None = None
    output_chars: int = 0
    complete: bool = False
    billed: Usage | None = None
    tier: str = ""
    others: tuple[tuple[str, Usage], ...] = ()
    pending: bool = False


class Tap(Protocol):
    """Counts a stream that passes through. Cheap per chunk: it may look at frames later, in batches."""

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk` as it came; return what to pass on (nearly always `chunk` itself)."""
        ...

    def result(self) -> Tapped:
        """What has been seen so far. May be called at any time, also after an abort."""
        ...


class StreamTap(Tap, Protocol):
    """The tap of a stream of which is known how it ends, so that it can be ended early."""

    def chars_at_most(self) -> int:
        """No less than the `output_chars` of everything that was fed, at the cost of an addition: what has not been
        read yet counts with its bytes. After `result` it is those characters and the bytes of a frame that has begun.
        """
        ...

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data`, were they fed next, it takes to the end of a frame; 0 when it holds no end."""
        ...

    def stop(self, usage: Usage) -> bytes | None:
        """What ends the stream now, behind the whole frames that were fed, as the dialect ends an answer that has
        reached its limit of length, having used `usage`; b"" where such a stream only ends with its connection. None
        when the model has said why the answer ends. Changes nothing; to be called after `result`.
        """
        ...


class StreamReader(Protocol):
    """Upstream bytes to events. Bytes may be cut anywhere."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are not this dialect's stream, or a frame is too large.
        """
        ...

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: the stream ended before the answer was complete.
        """
        ...


class StreamWriter(Protocol):
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    losses: list[Loss]

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty. `Failed` gives the dialect's own error event."""
        ...


class Wire(Protocol[Asked, Answered]):
    """The names of a dialect whose answers come whole. `NAME` is its name in extras, logs and rows of providers."""

    NAME: str
    CARRIES: frozenset[str]

    # towards clients
    def decode_request(self, body: bytes, said: PathSaid = BODY_SAYS) -> Asked:
        """Raises RefusedError (400 `invalid_json` or `invalid_request`, naming the field)."""
        ...

    def encode_response(self, response: Answered, request: Asked) -> Encoded: ...
    def encode_error(self, failure: Failure, request_id: str) -> bytes: ...
    def locate(self, path: str, request: Asked) -> str:
        """The canonical `path` of a loss as the client wrote it: `turns[2].parts[0]` → `messages[3].content[0]`.

        A path that is not canonical is the client's own already, and stays.
        """
        ...

    # towards upstreams
    def encode_request(self, request: Asked, model: str, abilities: Abilities) -> Encoded:
        """`model` is the provider's own name for it."""
        ...

    def decode_response(self, body: bytes) -> Answered:
        """Raises UpstreamMalformedError when it is not this dialect's answer."""
        ...

    def decode_error(self, status: int, body: bytes) -> Failure:
        """Never raises: a body that is not the dialect's still gives a Failure by its status."""
        ...

    # the verbatim lane
    def peek(self, body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
        """Raises RefusedError (400 `invalid_json` or `invalid_request`)."""
        ...

    def patch(self, body: bytes, peeked: Peek, model: str) -> bytes:
        """`body`, of a client whose dialect this one carries, with the model's name replaced and, for a stream, usage
        asked for; all else byte for byte.
        """
        ...

    def tap_response(self, body: bytes) -> Tapped: ...


class Dialect(Wire[Request, Response], Protocol):
    """The names that every dialect of chat exports.

    `STREAM_TYPE`: the content type of its streams. `STREAM_BREAK`: what ends a frame that broke off in the middle, so
    that an error event can follow; b"" where nothing can.
    """

    STREAM_TYPE: bytes
    STREAM_BREAK: bytes

    def StreamWriter(self, request: Request) -> StreamWriter: ...  # noqa: N802  # a class in each dialect
    def StreamReader(self) -> StreamReader: ...  # noqa: N802  # a class in each dialect
    def Tap(self, peeked: Peek) -> StreamTap: ...  # noqa: N802  # a class in each dialect
