"""Streams of InvokeModel: `chunk` events, each with the base64 of a JSON in the shape of the model's vendor.

The first chunk tells the shape. Exceptions are AWS's, for every shape.
"""

from base64 import b64decode, b64encode
from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import Ended, Event, Failed, Started
from keywright.core.request import Request
from keywright.dialects.aws_error import exception_failure, exception_frame
from keywright.dialects.aws_eventstream import EventStreamDecoder, event_block, framed
from keywright.dialects.bedrock_invoke.shapes import shape_of_chunk, shape_of_request
from keywright.dialects.bedrock_invoke.wire import ChunkReader, parsed

CHUNK: Final = "chunk"
"""The name of the only event that there is."""

_BLOCK: Final = event_block(CHUNK)


class _Part(Struct):
    bytes: str = ""


_PART: Final = msgspec.json.Decoder(_Part)


class StreamReader:
    """Bytes of one answer to events."""

    def __init__(self) -> None:
        self._frames = EventStreamDecoder()
        self._chunks: ChunkReader | None = None
        self._started = False
        self._over = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are no such stream, or of no known shape.
        """
        events: list[Event] = []
        for message in self._frames.feed(chunk):
            if self._over:
                break
            failure = exception_failure(message)
            if failure is not None:
                events.append(Failed(failure))
            elif message.word(":event-type") == CHUNK:
                events += self._read(content_of(message.payload))
            self._over = bool(events) and isinstance(events[-1], Ended | Failed)
        return events

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: the answer was not complete.
        """
        if self._over:
            return []
        self._frames.end()
        if self._chunks is None:
            raise UpstreamBrokeError("the stream ended before it began", answered=True)
        self._over = True
        return self._chunks.end()

    def _read(self, content: bytes) -> list[Event]:
        if self._chunks is None:
            shape = shape_of_chunk(parsed(content))
            if shape is None:
                raise UpstreamMalformedError("the stream is of none of the shapes that InvokeModel's streams have")
            self._chunks = shape.reader()
        events = self._chunks.read(content)
        if self._started or not events:
            return events
        self._started = True
        return events if isinstance(events[0], Started | Failed) else [Started("", ""), *events]


class StreamWriter:
    """Events of one answer to bytes, in the shape in which the client asked."""

    def __init__(self, request: Request) -> None:
        self._chunks = shape_of_request(request).writer(request)
        self.losses = self._chunks.losses

    def write(self, event: Event) -> bytes:
        """The bytes that `event` lets out; may be empty.

        Raises:
            UpstreamMalformedError: too many events wait for a part that does not close.
        """
        if isinstance(event, Failed):
            return exception_frame(event.failure)
        return b"".join([frame(chunk) for chunk in self._chunks.write(event)])


def content_of(payload: bytes) -> bytes:
    """What a chunk holds.

    Raises:
        UpstreamMalformedError: it holds no base64.
    """
    try:
        return b64decode(_PART.decode(payload).bytes)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UpstreamMalformedError(f"a chunk cannot be read: {error}") from None


def frame(content: bytes) -> bytes:
    """The bytes of a chunk that holds `content`."""
    return framed(_BLOCK, b'{"bytes":"' + b64encode(content) + b'"}')
