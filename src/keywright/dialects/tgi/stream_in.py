"""An upstream's stream to events: one frame a token, the last of which says how the answer ended.

Special tokens (an end mark) are no text. A server that gives the whole text at the end only is read, too.
"""

from typing import Final

from keywright.core.errors import UpstreamBrokeError
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
from keywright.core.json import NO_EXTRAS, Extras, JsonObject
from keywright.core.message import Text
from keywright.dialects.fields import Fields, WrongFieldError, present
from keywright.dialects.frame_reader import FrameReader, object_of
from keywright.dialects.sse import FRAME_BYTES_MAX, Frame, SseDecoder
from keywright.dialects.tgi.details import LOGPROBS_SHAPE, NAME, finish_of, logprobs_of, usage_of, without_ending
from keywright.dialects.tgi.error import failure_of
from keywright.dialects.transcript import ending

_HEAD: Final = Text("")


def StreamReader(frame_bytes_max: int = FRAME_BYTES_MAX) -> FrameReader[Frame]:  # noqa: N802 - a dialect's name for it
    """A reader of one stream."""
    return FrameReader(SseDecoder(frame_bytes_max), AnswerReader())


class AnswerReader:
    """Frames of one answer to events."""

    def __init__(self) -> None:
        self.over = False
        self._started = False
        self._opened = False
        self._held = ""  # what may be the stop sequence of a transcript

    def read(self, frame: Frame, events: list[Event]) -> None:
        """Add what `frame` tells to `events`.

        Raises:
            UpstreamMalformedError, WrongFieldError: it is none of this dialect's frames.
        """
        data = frame.data.strip()
        if not data or data == b"[DONE]":
            return
        fields = Fields(object_of(data))
        if fields.left.get("error"):
            self.over = True
            events.append(Failed(failure_of(fields.left)))
        else:
            self._token(fields, events)

    def end(self, events: list[Event]) -> None:
        """The connection has ended though the answer is not over.

        Raises:
            UpstreamBrokeError: always.
        """
        raise UpstreamBrokeError("the stream ended before the answer was complete", answered=self._started)

    def _token(self, frame: Fields, events: list[Event]) -> None:
        token, whole, tops = frame.object("token"), frame.text("generated_text"), frame.json("top_tokens")
        details = frame.object("details")
        frame.json("index")
        if token is None and whole is None:
            raise WrongFieldError("token", "an object")
        if not self._started:
            self._started = True
            events.append(Started("", ""))
        if token is not None:
            text = token.text("text") or ""
            special = bool(token.flag("special"))
            if text and not special:
                said = self._held + text
                whole_till = len(said) - ending(said)
                self._held = said[whole_till:]
                self._text(said[:whole_till], events)
            logprobs = logprobs_of([{"text": text, "special": special, **token.left}], [tops] if tops else None)
            if logprobs is not None:
                events.append(LogprobsDelta(LOGPROBS_SHAPE, logprobs))
        if whole is not None:
            if whole and not self._opened and not self._held:
                self._held = whole
            self._end({} if details is None else details.left, present(frame.left), events)

    def _text(self, text: str, events: list[Event]) -> None:
        if not text:
            return
        if not self._opened:
            self._opened = True
            events.append(Opened(0, _HEAD))
        events.append(TextDelta(0, text))

    def _end(self, details: JsonObject, extra: JsonObject, events: list[Event]) -> None:
        self.over = True
        finish = finish_of(details)
        self._text(without_ending(self._held, finish), events)
        if self._opened:
            events.append(Closed(0))
        said: JsonObject = {field: value for field, value in present(details).items() if field != "finish_reason"}
        if said:
            extra["details"] = said
        extras: Extras = {NAME: extra} if extra else NO_EXTRAS
        events.append(Finished(finish, extras=extras))
        usage = usage_of(details.get("input_length"), details.get("generated_tokens"))
        if usage is not None:
            events.append(Metered(usage))
        events.append(Ended())
