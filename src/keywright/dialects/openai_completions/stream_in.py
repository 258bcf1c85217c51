"""An upstream's stream to events. Each chunk adds text to a choice, which is one part.

Put up with: no id, no index, empty choices, a usage on any chunk or on one of its own, a repeated finish reason, no
`[DONE]` (the answer is complete when a choice has finished), an error in place of the choices.
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
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.core.message import Text
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.frame_reader import FrameReader, object_of
from keywright.dialects.openai_chat.error import failure_of
from keywright.dialects.openai_chat.finish import decode_finish
from keywright.dialects.openai_chat.response import read_usage
from keywright.dialects.openai_completions.logprobs import SHAPE, decode_logprobs
from keywright.dialects.openai_completions.response import ANSWER_FIELDS, kept, text_or_none
from keywright.dialects.sse import FRAME_BYTES_MAX, Frame, SseDecoder

CHOICES_MAX: Final = 4_096
_IGNORED: Final = ANSWER_FIELDS | {"error", "obfuscation"}
_CHOICE_FIELDS: Final = frozenset(("index", "text", "finish_reason", "logprobs"))
_HEAD: Final = Text("")


class _Choice:
    """Where one choice stands."""

    __slots__ = ("extra", "finished", "opened")

    def __init__(self) -> None:
        self.opened = False
        self.finished = False
        self.extra: JsonObject = {}


def StreamReader(frame_bytes_max: int = FRAME_BYTES_MAX) -> FrameReader[Frame]:  # noqa: N802 - a dialect's name for it
    """A reader of one stream."""
    return FrameReader(SseDecoder(frame_bytes_max), AnswerReader())


class AnswerReader:
    """Frames of one answer to events."""

    def __init__(self) -> None:
        self.over = False
        self._choices: dict[int, _Choice] = {}
        self._started = False
        self._known: JsonObject = {}
        self._late: JsonObject = {}

    def read(self, frame: Frame, events: list[Event]) -> None:
        """Add what `frame` tells to `events`.

        Raises:
            UpstreamMalformedError, WrongFieldError: it is none of this dialect's frames.
        """
        data = frame.data.strip()
        if not data:
            return
        if data == b"[DONE]":
            self._complete(events)
            return
        chunk = object_of(data)
        if frame.event == "error" or chunk.get("error"):
            self.over = True
            events.append(Failed(failure_of(chunk.get("error") or chunk)))
            return
        self._chunk(chunk, events)

    def end(self, events: list[Event]) -> None:
        """Add the events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: the answer was not complete.
        """
        if not any(choice.finished for choice in self._choices.values()):
            raise UpstreamBrokeError("the stream ended before the answer was complete", answered=self._started)
        self._complete(events)

    def _chunk(self, chunk: JsonObject, events: list[Event]) -> None:
        extra = {field: value for field, value in chunk.items() if field not in _IGNORED}
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise WrongFieldError("choices", "an array")
        if not self._started:
            self._started = True
            created = chunk.get("created")
            number, model = text_or_none(chunk.get("id")), text_or_none(chunk.get("model"))
            at = int(created) if created and isinstance(created, int | float) else None
            self._known = extra
            events.append(Started(number or "", model or "", at, kept(extra)))
        else:
            self._late.update((field, item) for field, item in extra.items() if self._known.get(field) != item)
        for position, choice in enumerate(choices):
            self._choice(choice, position, events)
        usage, extra_usage = read_usage(chunk.get("usage"))
        if usage is not None:
            late = {**self._late, "usage": extra_usage} if extra_usage else self._late
            events.append(Metered(usage, kept(late)))

    def _choice(self, value: Json, position: int, events: list[Event]) -> None:
        if not isinstance(value, dict):
            raise WrongFieldError("choices", "an array of objects")
        number = value.get("index")
        index = number if isinstance(number, int) else position
        if not 0 <= index < CHOICES_MAX:
            raise WrongFieldError("choices[].index", f"between 0 and {CHOICES_MAX - 1}")
        choice = self._choices.setdefault(index, _Choice())
        text = value.get("text")
        if text is not None and not isinstance(text, str):
            raise WrongFieldError("choices[].text", "a string")
        if text and not choice.finished:
            if not choice.opened:
                choice.opened = True
                events.append(Opened(0, _HEAD, index))
            events.append(TextDelta(0, text, index))
        logprobs = decode_logprobs(value.get("logprobs"))
        if logprobs is not None:
            events.append(LogprobsDelta(SHAPE, logprobs, index))
        choice.extra.update((field, item) for field, item in value.items() if field not in _CHOICE_FIELDS)
        word = value.get("finish_reason")
        if word and isinstance(word, str) and not choice.finished:
            self._finish(choice, word, index, events)

    def _finish(self, choice: _Choice, word: str, index: int, events: list[Event]) -> None:
        choice.finished = True
        if choice.opened:
            events.append(Closed(0, index))
        events.append(Finished(decode_finish(word), index, kept(choice.extra) if choice.extra else NO_EXTRAS))

    def _complete(self, events: list[Event]) -> None:
        """Close what is open. A choice without a reason ended with the stream."""
        self.over = True
        if not self._started:
            raise UpstreamMalformedError("the stream has no answer in it")
        events.extend(
            Closed(0, index) for index, choice in sorted(self._choices.items()) if choice.opened and not choice.finished
        )
        events.append(Ended())
