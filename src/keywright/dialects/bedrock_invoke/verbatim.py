"""The verbatim lane: what must be known of bytes that pass through. The path names the model, so nothing is exchanged,
unless there are another provider's thoughts, which are taken out (see `dialects.seal`).

Two bodies of this dialect are of one wire only when they are of one shape. Whether the client's is the model's, says
`speaks_alike`: a body of Nova's shape must not go to Claude untouched, though both are bodies of InvokeModel.
"""

from typing import Final, NoReturn

import msgspec
from msgspec import Raw

from keywright.core.dialect import BODY_SAYS, TEXT, PathSaid, Peek, Tapped
from keywright.core.errors import NotTranslatableError, ProviderError, UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.generated import generated
from keywright.core.loss import Loss
from keywright.core.usage import Usage
from keywright.dialects.anthropic.verbatim import beyond as claude_beyond
from keywright.dialects.aws_error import exception_failure
from keywright.dialects.aws_eventstream import EventStreamDecoder, Message
from keywright.dialects.bedrock_converse.vendors import vendor_of
from keywright.dialects.bedrock_converse.verbatim import check_model
from keywright.dialects.bedrock_invoke import anthropic
from keywright.dialects.bedrock_invoke.faces import decode_response
from keywright.dialects.bedrock_invoke.shapes import BY_NAME, shape_of_body, shape_of_chunk, shape_of_model
from keywright.dialects.bedrock_invoke.stream import CHUNK, content_of, frame
from keywright.dialects.bedrock_invoke.tap import word_for
from keywright.dialects.bedrock_invoke.wire import ChunkTap, Shape, parsed
from keywright.dialects.extent import content_extent
from keywright.dialects.members import Peeked, members_of, walked
from keywright.dialects.refusal import refused
from keywright.dialects.seal import MARK

BATCH_CHUNKS_MAX: Final = 64
BATCH_BYTES_MAX: Final = 64 * 1024

OLD_LIMITS: Final = {"maxTokens": "max_new_tokens", "max_tokens": "max_completion_tokens"}
"""Second names of members that bound the output."""

_MARKS: Final = (b"image", b"document", b"video", b"audio", b"\\u00")
"""Without one of them there is nothing but text; a mark may be spelled with escapes."""

_COUNT: Final = msgspec.json.Decoder(int | None)


class ShapedPeek(Peeked, frozen=True, kw_only=True):
    """A `Peek` that remembers the body's shape by name."""

    shape: str


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of a request.

    Raises:
        RefusedError: 400 `invalid_json` when it is no unambiguous JSON object, `invalid_request` naming the field, or
            when it is of no known shape.
    """
    members = walked(body, frozenset())
    check_model(said.model)
    shape = shape_of_body(members.values, said.model)
    if shape is None:
        raise refused("invalid_request", "the body is of none of the shapes that are known here for InvokeModel")
    limit = _limit(members.values, shape)
    beyond = TEXT
    if shape is anthropic.SHAPE:
        beyond = claude_beyond(members)
    elif any(mark in body for mark in _MARKS):
        beyond = content_extent(members.values.values())
    return ShapedPeek(said.model, said.stream, len(body), limit, beyond=beyond, members=members, shape=shape.name)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` without other providers' thoughts, else as it is: the path names the model, and usage always comes.

    Raises:
        NotTranslatableError: the model is asked in another shape; such a body must be translated.
    """
    if not speaks_alike(peeked, model):
        why = f"{model} takes bodies of the shape {shape_of_model(model).name}, and this one is of another"
        raise NotTranslatableError((Loss("body", why, "meaning"),))
    shape = BY_NAME.get(peeked.shape) if MARK in body and isinstance(peeked, ShapedPeek) else None
    if shape is None or shape.without_foreign is None:
        return body
    members = members_of(peeked, body, frozenset())
    return members.edited(*shape.without_foreign(members))


def speaks_alike(peeked: Peek, model: str) -> bool:
    """Whether a peeked body is of the shape in which `model`, an id of the provider's own, is asked. An id that names
    no vendor (an application's inference profile, an imported model) is asked as the client asks.
    """
    if not vendor_of(model):
        return True
    return isinstance(peeked, ShapedPeek) and peeked.shape == shape_of_model(model).name


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises: of a body that cannot be read, nothing is known."""
    try:
        response = decode_response(body)
    except (UpstreamMalformedError, ProviderError):
        return Tapped()
    finish = response.choices[0].finish if response.choices else None
    return Tapped(
        usage=response.usage,
        model=response.model or None,
        finish=word_for(finish),
        output_chars=sum(generated(part) for choice in response.choices for part in choice.parts),
        complete=finish is not None,
    )


class Tap:
    """Counts a stream that passes through, untouched. The shape's own tap counts what the chunks hold."""

    __slots__ = (
        "_batch",
        "_batch_bytes",
        "_blind",
        "_chars",
        "_chunks",
        "_failure",
        "_frames",
        "_shape",
        "_since",
        "_unread",
    )

    def __init__(self, peeked: Peek) -> None:  # usage always comes: nothing to take out again
        self._shape = peeked.shape.partition(" ")[0] if isinstance(peeked, ShapedPeek) else ""
        self._chars = 0  # at the last result
        self._since = 0  # bytes that were read since
        self._unread = 0  # bytes that could not be read
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._frames = EventStreamDecoder()
        self._chunks: ChunkTap | None = None
        self._failure: Failure | None = None
        self._blind = False

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk`, and give it back."""
        self._batch.append(chunk)
        self._batch_bytes += len(chunk)
        if len(self._batch) >= BATCH_CHUNKS_MAX or self._batch_bytes >= BATCH_BYTES_MAX:
            self._look()
        return chunk

    def result(self) -> Tapped:
        """What has been seen so far."""
        self._look()
        tapped = Tapped() if self._chunks is None else self._chunks.result()
        if self._failure is not None or self._unread:
            chars = tapped.output_chars + self._unread
            tapped = msgspec.structs.replace(tapped, failure=self._failure, output_chars=chars)
        self._chars, self._since = tapped.output_chars, 0
        return tapped

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._chars + self._since + self._batch_bytes + self._frames.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a message of the event stream."""
        return len(data) if self._blind else self._frames.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """What ends the answer, in the shape that it has, or was asked in; None when it has ended."""
        shape = BY_NAME.get(self._shape)
        chunks = self._chunks or (None if shape is None else shape.tap())
        if self._failure is not None:
            return None
        if self._blind or chunks is None:
            return b""
        ended = chunks.stop(usage)
        return None if ended is None else b"".join(map(frame, ended))

    def _look(self) -> None:
        """Read the batch. After bytes that cannot be read sizes are all that is counted."""
        batch = b"".join(self._batch)
        self._batch.clear()
        self._batch_bytes = 0
        self._since += len(batch)
        if self._blind:
            self._unread += len(batch)
            return
        try:
            for message in self._frames.feed(batch):
                self._take(message)
        except UpstreamMalformedError:
            self._blind = True
            self._unread += len(batch)

    def _take(self, message: Message) -> None:
        failure = exception_failure(message)
        if failure is not None:
            self._failure = failure
        elif message.word(":event-type") == CHUNK:
            content = content_of(message.payload)
            if self._chunks is None:
                shape = shape_of_chunk(parsed(content))
                if shape is None:
                    self._unread += len(content)
                    return
                self._chunks = shape.tap()
            self._chunks.feed(content)


def _limit(values: dict[str, Raw], shape: Shape) -> int | None:
    """The limit of the output that a body of `shape` sets. No member on the way to it may come twice."""
    *outer, last = shape.limit
    for step in outer:
        raw = values.get(step)
        if raw is None or bytes(raw) == b"null":
            return None
        values = walked(bytes(raw), frozenset()).values
    name = last if last in values else OLD_LIMITS.get(last, last)
    raw = values.get(name)
    try:
        limit = None if raw is None else _COUNT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        _refuse(".".join((*outer, name)), "must be a whole number")
    if limit is not None and limit < 0:
        _refuse(".".join((*outer, name)), "must be a whole number")
    return limit


def _refuse(field: str, why: str) -> NoReturn:
    raise refused("invalid_request", f"{field}: {why}", field)
