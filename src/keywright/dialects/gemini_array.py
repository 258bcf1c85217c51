"""Gemini's wire where a stream is one JSON array: `streamGenerateContent` without `alt=sse`.

Everything but the framing is `gemini`'s, its name in extras too, for the same clients speak both. The answer is
complete when the array is closed.
"""

from typing import Final

from keywright.core.dialect import Peek
from keywright.core.event import Ended, Event, Failed, Started
from keywright.core.failure import Failure
from keywright.core.request import Request
from keywright.core.usage import Usage
from keywright.dialects import gemini
from keywright.dialects.gemini import (
    decode_error,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    locate,
    patch,
    peek,
    tap_response,
)
from keywright.dialects.gemini.stream_in import AnswerReader
from keywright.dialects.gemini.stream_out import AnswerWriter
from keywright.dialects.gemini.tap import FrameTap
from keywright.dialects.json_array import JsonArrayDecoder

NAME: Final = "gemini_array"
CARRIES: Final = frozenset({NAME})
STREAM_TYPE: Final = b"application/json"
STREAM_BREAK: Final = b",\r\n"
"""What goes between elements. One that broke off in its middle cannot be ended so that another may follow."""


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body that tells a client of `failure`: a list, as its stream is one."""
    return b"[%b]" % gemini.encode_error(failure, request_id)


class StreamReader:
    """Bytes of one answer, as a JSON array, to canonical events."""

    def __init__(self) -> None:
        self._elements = JsonArrayDecoder()
        self._answer = AnswerReader()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are no such array, or an element is too large.
            UpstreamBrokeError: the array was closed and a candidate has not given a reason to end.
        """
        events = [event for element in self._elements.feed(chunk) for event in self._answer.frame(element)]
        return events + self._answer.end() if self._elements.ended else events

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: a candidate has not given a reason to end.
        """
        return self._answer.end()


class StreamWriter:
    """Events of one answer to a JSON array. Everything it could not say is in `losses`.

    A failure of what it has not seen starting ends an array that another began.
    """

    def __init__(self, request: Request) -> None:
        self._answer = AnswerWriter(request)
        self._before = b""  # what goes before the next element
        self.losses = self._answer.losses

    def write(self, event: Event) -> bytes:
        """The bytes that `event` lets out; may be empty."""
        written = b""
        if isinstance(event, Started):
            self._before = b"["
        for frame in self._answer.frames(event):
            written += self._before + frame
            self._before = STREAM_BREAK
        return written + b"]" if isinstance(event, Ended | Failed) else written


class Tap(FrameTap):
    """Counts a stream that is one JSON array."""

    __slots__ = ("_elements",)

    def __init__(self, peeked: Peek) -> None:  # usage always comes: nothing to take out again
        self._elements = JsonArrayDecoder()
        super().__init__(self._elements, self._elements.feed)

    def stop(self, usage: Usage) -> bytes | None:
        """What ends the answer, and the array; None when it has ended."""
        frame = self.last_frame(usage)
        return None if frame is None else b"%b%b]" % (self._elements.before, frame)


__all__ = [
    "CARRIES",
    "NAME",
    "STREAM_BREAK",
    "STREAM_TYPE",
    "StreamReader",
    "StreamWriter",
    "Tap",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "locate",
    "patch",
    "peek",
    "tap_response",
]
