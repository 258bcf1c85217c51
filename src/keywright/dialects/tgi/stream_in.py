"""An upstream's stream to events: one frame a token, the last of which says how the answer ended.

Special tokens (an end mark) are no text. A server that gives the whole text at the end only is read, too.
"""

from typing import Final

import msgspec

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
from keywright.core.json import NO_EXTRAS, Extras, JsonObject
from keywright.core.message import Text
from keywright.dialects.fields import Fields, WrongFieldError, present
from keywright.dialects.sse import FRAME_BYTES_MAX, SseDecoder
from keywright.dialects.tgi.details import LOGPROBS_SHAPE, NAME, finish_of, logprobs_of, usage_of, without_ending
from keywright.dialects.tgi.error import failure_of
from keywright.dialects.transcript import ending

_HEAD: Final = Text("")


class StreamReader:
    """Upstream bytes to events. Bytes may be cut anywhere."""

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._sse = SseDecoder(frame_bytes_max)
        self._started = False
        self._opened = False
        self._over = False
        self._held = ""  # what may be the stop sequence of a transcript

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are not this dialect's stream, or a frame is too large.
        """
        events: list[Event] = []
        for frame in self._sse.feed(chunk):
            self._frame(frame.data.strip(), events)
        return events

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: the stream ended before the answer was complete.
        """
        events: list[Event] = []
        for frame in self._sse.end():
            self._frame(frame.data.strip(), events)
        if not self._over:
            raise UpstreamBrokeError("the stream ended before the answer was complete", answered=self._started)
        return events

    def _frame(self, data: bytes, events: list[Event]) -> None:
        if self._over or not data or data == b"[DONE]":
            return
        try:
            fields = Fields(msgspec.json.decode(data))
            if fields.left.get("error"):
                self._over = True
                events.append(Failed(failure_of(fields.left)))
                return
            self._token(fields, events)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformedError(f"a frame of the stream is not JSON: {error}") from error
        except WrongFieldError as error:
            raise UpstreamMalformedError(f"a frame of the stream is malformed: {error}") from error

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
        self._over = True
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
