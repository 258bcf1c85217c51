"""An upstream's answer, whole or in lines, to events. A whole answer is a stream of one line.

The wire has no parts: each line adds to a text and a thinking, or brings whole calls and pictures. A part is opened
by the first piece of its kind and closed when a piece of another kind comes. The line that says `done` ends it.
"""

from typing import Final

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import (
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsDelta,
    Metered,
    Opened,
    Started,
    TextDelta,
)
from keywright.core.fold import fold
from keywright.core.json import NO_EXTRAS, JsonObject
from keywright.core.message import Part, Text, Thinking
from keywright.core.response import Response
from keywright.dialects.fields import Fields, WrongFieldError, present
from keywright.dialects.frame_reader import FrameReader, object_of
from keywright.dialects.ndjson import LINE_BYTES_MAX, NdjsonDecoder
from keywright.dialects.ollama.error import failure_of
from keywright.dialects.ollama.finish import decode_finish
from keywright.dialects.ollama.logprobs import SHAPE, decode_logprobs
from keywright.dialects.ollama.moment import call_prefix, seconds_of
from keywright.dialects.ollama.shape import Piece, Shape
from keywright.dialects.ollama.tools import identified
from keywright.dialects.ollama.usage import usage_of
from keywright.dialects.whole import answered

PARTS_MAX: Final = 4_096
_TEXT: Final = Text("")


def line_reader(shape: Shape, line_bytes_max: int = LINE_BYTES_MAX) -> FrameReader[bytes]:
    """A reader of one stream."""
    return FrameReader(NdjsonDecoder(line_bytes_max), _Answer(shape))


def decode_response(body: bytes, shape: Shape) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no answer of this dialect; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    events: list[Event] = []
    answer = _Answer(shape)
    answered(body, "answer of Ollama's", lambda value: answer.take(Fields(value), events))
    if not answer.over:
        raise UpstreamMalformedError("the answer is not done, though it came whole")
    return fold(events)


class _Answer:
    """The state of one answer."""

    def __init__(self, shape: Shape) -> None:
        self.over = False
        self._started = False
        self._shape = shape
        self._thought = Thinking("", origin=shape.name)
        self._parts = 0
        self._open: Part | None = None  # the head of the part that text flows into, the last one
        self._calls = 0
        self._prefix = ""
        self._extra: JsonObject = {}
        self._message: JsonObject = {}

    def read(self, line: bytes, events: list[Event]) -> None:
        """Add what `line` tells to `events`.

        Raises:
            UpstreamMalformedError, WrongFieldError: it is none of this dialect's.
        """
        value = object_of(line)
        if self._started and (plain := self._shape.plain(value)) is not None:
            self._plain(*plain, events)
        else:
            self.take(Fields(value), events)

    def end(self, events: list[Event]) -> None:
        """The connection has ended though the answer is not over.

        Raises:
            UpstreamBrokeError: always.
        """
        raise UpstreamBrokeError("the stream ended before the answer was complete", answered=self._started)

    def take(self, line: Fields, events: list[Event]) -> None:
        """Add what a line tells that may say anything.

        Raises:
            WrongFieldError: it is none of this dialect's.
        """
        if line.left.get("error"):
            self.over = True
            events.append(Failed(failure_of(line.left["error"])))
            return
        model, created_at = line.text("model"), line.text("created_at")
        done, word = line.flag("done"), line.text("done_reason")
        usage = usage_of(line.json("prompt_eval_count"), line.json("eval_count"))
        logprobs = decode_logprobs(line.json("logprobs"))
        piece = self._shape.read(line)
        if not self._started:
            self._started = True
            self._prefix = call_prefix(created_at)
            events.append(Started("", model or "", seconds_of(created_at)))
        self._piece(piece, events)
        if logprobs is not None:
            events.append(LogprobsDelta(SHAPE, logprobs))
        if line.left:
            self._extra.update(present(line.left))
        if done:
            self._end(word or "", events)
            if usage is not None:
                events.append(Metered(usage))
            events.append(Ended())

    def _plain(self, text: str, thinking: str, events: list[Event]) -> None:
        if thinking:
            self._flow(self._thought, thinking, events)
        elif text:
            self._flow(_TEXT, text, events)

    def _piece(self, piece: Piece, events: list[Event]) -> None:
        if piece.thinking:
            self._flow(self._thought, piece.thinking, events)
        if piece.text:
            self._flow(_TEXT, piece.text, events)
        for image in piece.images:
            self._whole(image, events)
        for call in identified(list(piece.calls), self._prefix, self._calls):
            self._calls += 1
            self._whole(call, events)
        if piece.extra:
            self._message.update(present(piece.extra))

    def _flow(self, head: Part, text: str, events: list[Event]) -> None:
        """`text` flows into the open part if that began as `head`, else into a new one."""
        if self._open is not head:
            self._close(events)
            self._begin(head, events)
            self._open = head
        events.append(TextDelta(self._parts - 1, text))

    def _whole(self, part: Part, events: list[Event]) -> None:
        self._close(events)
        self._begin(part, events)
        events.append(Closed(self._parts - 1))

    def _begin(self, head: Part, events: list[Event]) -> None:
        if self._parts >= PARTS_MAX:
            raise WrongFieldError(self._shape.place, f"one of at most {PARTS_MAX} parts")
        events.append(Opened(self._parts, head))
        self._parts += 1

    def _close(self, events: list[Event]) -> None:
        if self._open is not None:
            events.append(Closed(self._parts - 1))
            self._open = None

    def _end(self, word: str, events: list[Event]) -> None:
        self.over = True
        self._close(events)
        extra = {**self._extra, "message": self._message} if self._message else self._extra
        finish = decode_finish(word, called=self._calls > 0)
        events.append(Finished(finish, extras={self._shape.name: extra} if extra else NO_EXTRAS))
