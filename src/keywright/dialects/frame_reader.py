"""Reading a stream: bytes to frames, and the frames of one answer to events. What dialects share of it is here.

A dialect gives a decoder of its framing (`sse`, `ndjson`) and a reader of what its frames tell. That one sees the
frames of one answer in their order, until it says that the answer is over; what follows is not looked into.
"""

from typing import Final, Generic, Protocol, TypeVar

import msgspec

from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import Event
from keywright.core.json import Json, JsonObject
from keywright.dialects.fields import WrongFieldError

_OBJECT: Final = msgspec.json.Decoder(dict[str, Json])

FrameT = TypeVar("FrameT")
FrameT_contra = TypeVar("FrameT_contra", contravariant=True)


class FrameDecoder(Protocol[FrameT]):
    """Bytes, cut anywhere, to frames."""

    def feed(self, chunk: bytes) -> list[FrameT]:
        """The frames that `chunk` completes. Raises UpstreamMalformedError when one is too large."""
        ...

    def end(self) -> list[FrameT]:
        """The frames that the end of the stream completes."""
        ...


class AnswerReader(Protocol[FrameT_contra]):
    """The frames of one answer to events. `over`: it is complete, or has failed."""

    over: bool

    def read(self, frame: FrameT_contra, events: list[Event]) -> None:
        """Add what `frame` tells to `events`.

        Raises:
            UpstreamMalformedError: it is no frame of the dialect.
            WrongFieldError: a field of it is missing or of the wrong type.
        """
        ...

    def end(self, events: list[Event]) -> None:
        """The connection has ended though the answer is not over: add the events still owed.

        Raises:
            UpstreamBrokeError: the answer was not complete.
        """
        ...


class FrameReader(Generic[FrameT]):
    """Upstream bytes to events. Bytes may be cut anywhere."""

    def __init__(self, frames: FrameDecoder[FrameT], answer: AnswerReader[FrameT]) -> None:
        self._frames = frames
        self._answer = answer

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are not the dialect's stream, or a frame is too large.
        """
        return self._read(self._frames.feed(chunk))

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamMalformedError: the last frame is none of the dialect's.
            UpstreamBrokeError: the stream ended before the answer was complete.
        """
        events = self._read(self._frames.end())
        if not self._answer.over:
            self._answer.end(events)
        return events

    def _read(self, frames: list[FrameT]) -> list[Event]:
        answer = self._answer
        events: list[Event] = []
        try:
            for frame in frames:
                if answer.over:
                    break
                answer.read(frame, events)
        except WrongFieldError as error:
            raise UpstreamMalformedError(f"a frame of the stream is malformed: {error}") from error
        return events


def object_of(data: bytes) -> JsonObject:
    """The JSON object that a frame holds.

    Raises:
        UpstreamMalformedError: it holds none.
    """
    try:
        return _OBJECT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformedError(f"a frame of the stream is not a JSON object: {error}") from error
