"""An upstream's stream to events.

The wire has no parts: each chunk adds to fields of a message. A part is opened by the first piece of its kind and
closed when a piece of another kind comes; tool calls stay open until the choice ends, since they may interleave.

Servers differ from OpenAI in all that can differ, and this is what is put up with:
- no role, no id, empty choices, a whole `message` in place of a delta, comments and empty frames;
- tool calls without an index (the position counts), without an id (one is made), or several under one index (a new id
  with a name begins a new call);
- the usage on a chunk of its own, on the last choice, or growing on every chunk; a repeated finish reason;
- no `[DONE]`: the answer is complete when a choice has finished;
- an error object in place of, or beside, the choices, or a frame that is one itself.
"""

from typing import Final

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import (
    Aside,
    Ended,
    Event,
    Failed,
    LogprobsDelta,
    Metered,
    Started,
)
from keywright.core.json import Json, JsonObject
from keywright.core.tier import tier_of
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.frame_reader import FrameReader, object_of
from keywright.dialects.openai_chat.choice_in import ChoiceReader
from keywright.dialects.openai_chat.error import failure_of
from keywright.dialects.openai_chat.fields import CHOICES_MAX, NAME
from keywright.dialects.openai_chat.response import ANSWER_FIELDS, late_extras, read_usage
from keywright.dialects.sse import FRAME_BYTES_MAX, Frame, SseDecoder

_IGNORED: Final = ANSWER_FIELDS | {"error", "obfuscation", "p"}  # `p`: Mistral's padding, as OpenAI's `obfuscation`
_CHOICE_FIELDS: Final = frozenset(("index", "delta", "message", "finish_reason", "logprobs", "text"))


def StreamReader(frame_bytes_max: int = FRAME_BYTES_MAX) -> FrameReader[Frame]:  # noqa: N802 - a dialect's name for it
    """A reader of one stream."""
    return FrameReader(SseDecoder(frame_bytes_max), AnswerReader())


class AnswerReader:
    """Frames of one answer to events."""

    def __init__(self) -> None:
        self.over = False
        self._choices: dict[int, ChoiceReader] = {}
        self._started = False
        self._id = ""
        self._known: JsonObject = {}
        self._late: JsonObject = {}
        self._usage: Json = None

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
        chunk = _error(data) if frame.event == "error" else object_of(data)
        if frame.event == "error" or chunk.get("error") or chunk.get("object") == "error":
            self.over = True
            if self._started and isinstance(chunk.get("usage"), dict):  # what was used until then is to be paid for
                self._usage = chunk["usage"]
                self._meter(events)
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
        extra = {field: chunk[field] for field in chunk.keys() - _IGNORED}
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise WrongFieldError("choices", "an array")
        usage = chunk.get("usage")
        if not self._started:
            self._known.update(extra)
            if not choices and not usage:
                return
            self._start(chunk, events)
        elif extra:
            self._note(extra)
        for position, choice in enumerate(choices):
            self._choice(choice, position, events)
        if usage and usage != self._usage:
            self._usage = usage
            self._meter(events)

    def _start(self, chunk: JsonObject, events: list[Event]) -> None:
        self._started = True
        number, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        self._id = number if isinstance(number, str) else ""
        events.append(
            Started(
                id=self._id,
                model=model if isinstance(model, str) else "",
                created_s=int(created) if created and isinstance(created, int | float) else None,
                extras=late_extras({field: self._known[field] for field in sorted(self._known)}, {}),
            )
        )

    def _note(self, extra: JsonObject) -> None:
        """Remember fields that the first chunk did not have, or had otherwise."""
        for field, value in extra.items():
            if value is not None and self._known.get(field) != value:
                self._known[field] = self._late[field] = value

    def _choice(self, value: Json, position: int, events: list[Event]) -> None:
        if not isinstance(value, dict):
            raise WrongFieldError("choices", "an array of objects")
        number = value.get("index")
        index = number if isinstance(number, int) else position
        choice = self._choices.get(index)
        if choice is None:
            if not 0 <= index < CHOICES_MAX:
                raise WrongFieldError("choices[].index", f"between 0 and {CHOICES_MAX - 1}")
            choice = self._choices[index] = ChoiceReader(index, f"call_{self._id}_{index}")
        delta = value.get("delta") or value.get("message")
        if isinstance(delta, dict):
            choice.add(delta, events)
        logprobs = value.get("logprobs")
        if logprobs:
            events.append(LogprobsDelta(NAME, logprobs, index))
        if len(value) > 3:
            choice.note({field: item for field, item in value.items() if field not in _CHOICE_FIELDS})
        word = value.get("finish_reason")
        if word and isinstance(word, str):
            choice.finish(word, events)

    def _complete(self, events: list[Event]) -> None:
        """Close what is open. A choice without a reason ended with the stream."""
        self.over = True
        if not self._started:
            raise UpstreamMalformedError("the stream has no answer in it")
        for choice in self._choices.values():
            choice.close(events)
        if self._late:
            events.append(Aside(NAME, "fields", self._late))
        events.append(Ended())

    def _meter(self, events: list[Event]) -> None:
        """Say what has been used so far; some servers repeat it, growing, with every chunk."""
        usage, extra = read_usage(self._usage)
        if usage is not None:
            tier = tier_of(self._known.get("service_tier"))
            events.append(Metered(usage, late_extras(self._late, extra), tier=tier))
            self._late = {}


def _error(data: bytes) -> JsonObject:
    """What a frame that is an error holds: an object, or anything else, which is its message."""
    try:
        return object_of(data)
    except UpstreamMalformedError:
        return {"error": data.decode(errors="replace")}
