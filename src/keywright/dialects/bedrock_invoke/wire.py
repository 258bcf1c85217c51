"""What every module of this wire needs: its name, how bodies are taken apart and put together, and shapes."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec
from msgspec import Raw, Struct

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded, PathSaid, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import Event
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import Usage
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.members import Members

NAME: Final = "bedrock_invoke"
STREAM_TYPE: Final = b"application/vnd.amazon.eventstream"

METRICS: Final = "amazon-bedrock-invocationMetrics"
"""The member of a stream's last chunk in which Bedrock tells the usage, whatever the shape."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, Json])
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_ENCODER: Final = msgspec.json.Encoder()


class ChunkReader(Protocol):
    """The chunks of one answer, each the JSON that a frame held, to events."""

    def read(self, chunk: bytes) -> list[Event]:
        """The events that one chunk is.

        Raises:
            UpstreamMalformedError: it is no chunk of this shape.
        """
        ...

    def end(self) -> list[Event]:
        """The events still owed when the stream has ended.

        Raises:
            UpstreamBrokeError: the answer was not complete.
        """
        ...


class ChunkWriter(Protocol):
    """Events to chunks. Everything it could not say is in `losses`."""

    losses: list[Loss]

    def write(self, event: Event) -> Iterable[bytes]:
        """The chunks that `event` lets out. `Failed` never comes here."""
        ...


class ChunkTap(Protocol):
    """Counts the chunks of one answer that pass through."""

    def feed(self, chunk: bytes) -> None:
        """Take one chunk. One that cannot be read is passed over, or ends the counting."""
        ...

    def result(self) -> Tapped:
        """What has been seen so far."""
        ...

    def stop(self, usage: Usage) -> list[bytes] | None:
        """The chunks that end the answer now, as one that has reached its limit; None when it has ended."""
        ...


class Shape(Struct, frozen=True):
    """How one vendor's bodies look.

    `asks`: sets of members, each of which marks a request's body as of this shape; `answers` and `chunks`: the same of
    an answer and of a stream's chunk. The set with most members wins. `limit`: the member that bounds the output.
    `without_foreign`: what to exchange in a body, and what to take out, so that it holds no other provider's thoughts.
    """

    name: str
    asks: tuple[frozenset[str], ...]
    answers: tuple[frozenset[str], ...]
    chunks: tuple[frozenset[str], ...]
    limit: tuple[str, ...]
    decode_request: Callable[[bytes, PathSaid], Request]
    encode_request: Callable[[Request, str, Abilities], Encoded]
    decode_response: Callable[[bytes], Response]
    encode_response: Callable[[Response, Request], Encoded]
    reader: Callable[[], ChunkReader]
    writer: Callable[[Request], ChunkWriter]
    tap: Callable[[], ChunkTap]
    locate: Callable[[str, Request], str]
    without_foreign: Callable[[Members], tuple[dict[str, bytes], frozenset[str]]] | None = None


def sets(*marks: str) -> tuple[frozenset[str], ...]:
    """Sets of members, each written as names with spaces between them."""
    return tuple(frozenset(mark.split()) for mark in marks)


def parsed(body: bytes) -> JsonObject:
    """The JSON object that an answer is.

    Raises:
        UpstreamMalformedError: it is none.
    """
    try:
        return _OBJECT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformedError(f"the answer is not a JSON object: {error}") from None


def fields_of(body: bytes) -> JsonObject:
    """The JSON object that a request is.

    Raises:
        WrongFieldError: it is none.
    """
    try:
        return _OBJECT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WrongFieldError("the body", "a JSON object") from None


def members_of(body: bytes) -> dict[str, Raw]:
    """The members of a JSON object, their values as they are written.

    Raises:
        ValueError: it is none.
    """
    try:
        return _MEMBERS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def rendered(value: object) -> bytes:
    """The bytes of a body or of a chunk."""
    return _ENCODER.encode(value)


def own(extras: Extras) -> JsonObject:
    """What this wire said beyond the model."""
    return extras.get(NAME, {})


def shaped(request: Request, name: str) -> Request:
    """`request` with the name of the shape in which it came, so that its answer goes back in the same."""
    extras = {**request.extras, NAME: {**own(request.extras), "shape": name}}
    return msgspec.structs.replace(request, extras=extras)


def metrics_of(usage: Usage) -> JsonObject:
    """What Bedrock says of the usage in a stream's last chunk."""
    return {
        "inputTokenCount": usage.input + usage.audio_input + usage.image_input,
        "outputTokenCount": usage.output_total,
        "cacheReadInputTokenCount": usage.cache_read + usage.audio_cache_read,
        "cacheWriteInputTokenCount": usage.cache_write_5m + usage.cache_write_1h,
    }
