"""Claude's bodies: those of the Messages API, without the model and the wish for a stream, which the path has.

Everything is read and written by the dialect of that API, so that thinking, cache marks and fields that nobody modelled
are its own: what a client of the Messages API says reaches Claude on Bedrock as it was said. Betas stand in the body,
as `anthropic_beta`.
"""

from typing import Final

import msgspec
from msgspec import Raw

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded, PathSaid, Peek, Tapped
from keywright.core.event import Ended, Event, Metered
from keywright.core.json import Json
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.core.usage import Usage
from keywright.dialects import anthropic
from keywright.dialects.anthropic.verbatim import without_foreign
from keywright.dialects.bedrock_invoke.wire import METRICS, Shape, members_of, metrics_of, rendered, sets, shaped
from keywright.dialects.sse import SseDecoder, data_frame

VERSION: Final = b'"bedrock-2023-05-31"'
"""The only version of this form that there has been."""

_VERSION_FIELD: Final = "anthropic_version"
_BY_PATH: Final = ("model", "stream")
_BY_HEADER: Final = {"service_tier": Loss("service_tier", "InvokeModel is told the tier in a header")}
_THREAD: Final = Loss("thread", "Bedrock holds no conversation, so that it must come whole", "meaning")
_NO_THREAD: Final = (b"", b"null")
_SEEN: Final = Peek("", stream=True, input_bytes=0)
_CHUNK: Final = msgspec.json.Decoder(dict[str, Json])


def decode_request(body: bytes, said: PathSaid) -> Request:
    """The request that `body` is.

    Raises:
        RefusedError: 400, naming the field.
    """
    try:
        members = members_of(body)
    except ValueError:
        members = {}
    if not members:
        return anthropic.decode_request(body)  # which says what is wrong
    if bytes(members.get(_VERSION_FIELD, b"")) == VERSION:
        del members[_VERSION_FIELD]
    members |= {"model": Raw(rendered(said.model)), "stream": Raw(rendered(said.stream))}
    return shaped(anthropic.decode_request(rendered(members)), SHAPE.name)


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for what `request` says, and what could not be said."""
    encoded = anthropic.encode_request(request, model, abilities)
    members = members_of(encoded.body)
    for field in _BY_PATH:
        members.pop(field, None)
    losses = tuple(loss for field, loss in _BY_HEADER.items() if members.pop(field, None) is not None)
    if bytes(members.pop("thread", b"")) not in _NO_THREAD:
        losses += (_THREAD,)
    members.setdefault(_VERSION_FIELD, Raw(VERSION))
    return Encoded(rendered(members), encoded.losses + losses)


class Reader:
    """Chunks, each an event of the Messages API, to canonical events."""

    def __init__(self) -> None:
        self._stream = anthropic.StreamReader()

    def read(self, chunk: bytes) -> list[Event]:
        """The events that one chunk is."""
        return self._stream.feed(data_frame(chunk))

    def end(self) -> list[Event]:
        """The events still owed when the stream has ended."""
        return self._stream.end()


class Writer:
    """Canonical events to chunks, each an event of the Messages API."""

    def __init__(self, request: Request) -> None:
        self._stream = anthropic.StreamWriter(request)
        self._frames = SseDecoder()
        self._usage = Usage()
        self.losses = self._stream.losses

    def write(self, event: Event) -> list[bytes]:
        """The chunks that `event` lets out; the last one tells the usage as Bedrock does."""
        if isinstance(event, Metered):
            self._usage = event.usage
        chunks = [frame.data for frame in self._frames.feed(self._stream.write(event))]
        return _with_metrics(chunks, self._usage) if isinstance(event, Ended) else chunks


class Tap:
    """Counts chunks as the Messages API's own tap counts its events."""

    def __init__(self) -> None:
        self._stream = anthropic.Tap(_SEEN)

    def feed(self, chunk: bytes) -> None:
        """Take one chunk."""
        self._stream.feed(data_frame(chunk))

    def result(self) -> Tapped:
        """What has been seen so far."""
        return self._stream.result()

    def stop(self, usage: Usage) -> list[bytes] | None:
        """The chunks that end the answer now; the last one tells the usage as Bedrock does."""
        ended = self._stream.stop(usage)
        return None if ended is None else _with_metrics([frame.data for frame in SseDecoder().feed(ended)], usage)


def _with_metrics(chunks: list[bytes], usage: Usage) -> list[bytes]:
    if chunks:
        chunks[-1] = rendered({**_CHUNK.decode(chunks[-1]), METRICS: metrics_of(usage)})
    return chunks


SHAPE: Final = Shape(
    name="anthropic",
    asks=sets("anthropic_version", "anthropic_version messages max_tokens", "messages max_tokens"),
    answers=sets("content", "content role type"),
    chunks=sets("type"),
    limit=("max_tokens",),
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=anthropic.decode_response,
    encode_response=anthropic.encode_response,
    reader=Reader,
    writer=Writer,
    tap=Tap,
    locate=anthropic.locate,
    without_foreign=without_foreign,
)
