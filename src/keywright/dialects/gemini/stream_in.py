"""A stream of the API to canonical events.

Each frame is a `GenerateContentResponse` with what is new in its candidates; text goes on where it stopped, calls and
everything else come whole (see `choice_in`). Nothing says that the stream is over: it is when the connection ends
after every candidate gave its reason.
"""

from typing import Final

import msgspec

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import Ended, Event, Failed, Finished, Metered, Started
from keywright.core.json import NO_EXTRAS, JsonObject
from keywright.core.tier import tier_of
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.gemini.choice_in import ChoiceReader
from keywright.dialects.gemini.error import error_in, failure_of
from keywright.dialects.gemini.finish import blocked
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.response import ANSWER, created_of
from keywright.dialects.gemini.usage import usage_extras, usage_of
from keywright.dialects.gemini.wire import NAME
from keywright.dialects.sse import SseDecoder

CHOICES_MAX: Final = 128
"""How many candidates an answer may have."""

_DECODER: Final = msgspec.json.Decoder()
_APART: Final = frozenset(("candidates", "usageMetadata", "modelVersion", "responseId"))


class StreamReader:
    """Bytes of one answer, as server-sent events, to canonical events."""

    def __init__(self) -> None:
        self._frames = SseDecoder()
        self._answer = AnswerReader()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are no stream of this API, or a frame is too large.
        """
        return [event for frame in self._frames.feed(chunk) for event in self._answer.frame(frame.data)]

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: a candidate has not given a reason to end.
        """
        events = [event for frame in self._frames.end() for event in self._answer.frame(frame.data)]
        return events + self._answer.end()


class AnswerReader:
    """Frames of one answer, however they were framed, to events."""

    def __init__(self) -> None:
        self._calls = Calls()
        self._choices: dict[int, ChoiceReader] = {}
        self._head: JsonObject = {}  # what was said of the answer as a whole
        self._late: JsonObject = {}  # the same, said after the first frame and not yet told
        self._usage: JsonObject = {}
        self._started = False
        self._blocked = False
        self._over = False

    def frame(self, data: bytes) -> list[Event]:
        """The events that one frame tells.

        Raises:
            UpstreamMalformedError: it is no frame of this API.
        """
        if self._over:
            return []
        try:
            node = _DECODER.decode(data)
            failed = error_in(node)
            if failed is not None:
                self._over = True
                return [Failed(failure_of(failed))]
            if not isinstance(node, dict):
                raise UpstreamMalformedError("a frame is no object")
            return self._read(node)
        except WrongFieldError as error:
            raise UpstreamMalformedError(f"a frame is none of Gemini's: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformedError(f"a frame is not JSON: {error}") from None

    def end(self) -> list[Event]:
        """The events still owed when no frame follows.

        Raises:
            UpstreamBrokeError: a candidate has not given a reason to end.
        """
        if self._over:
            return []
        self._over = True
        finished = self._blocked or (bool(self._choices) and all(choice.finished for choice in self._choices.values()))
        if not finished:
            raise UpstreamBrokeError("the stream ended before the answer did", answered=self._started)
        events: list[Event] = []
        for choice in self._choices.values():
            choice.close(events)
        if self._late and self._usage:
            self._meter(self._usage, events)
        return [*events, Ended()]

    def _read(self, node: JsonObject) -> list[Event]:
        events: list[Event] = []
        if self._started:
            self._late |= self._changed(node)
        else:
            self._start(node, events)
        candidates = node.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            if isinstance(candidate, dict):
                self._choice(candidate).read(candidate, events)
        if not candidates and not self._choices and "promptFeedback" in node:
            refused = blocked(node["promptFeedback"])
            if refused is not None:
                self._blocked = True
                events.append(Finished(refused))
        said = node.get("usageMetadata")
        if isinstance(said, dict) and said != self._usage:
            self._meter(said, events)
        return events

    def _start(self, node: JsonObject, events: list[Event]) -> None:
        if not ANSWER & node.keys():
            raise UpstreamMalformedError("the first frame is no answer of Gemini's")
        self._started = True
        answer_id, model = node.get("responseId"), node.get("modelVersion")
        answer_id = answer_id if isinstance(answer_id, str) else ""
        self._calls = Calls(answer_id)
        head = self._changed(node)
        events.append(
            Started(
                answer_id,
                model if isinstance(model, str) else "",
                created_of(node.get("createTime")),
                {NAME: head} if head else NO_EXTRAS,
            )
        )

    def _changed(self, node: JsonObject) -> JsonObject:
        """What a frame says of the answer as a whole that no frame has said before."""
        changed: JsonObject = {}
        for name, value in node.items():
            if name not in _APART and value is not None and self._head.get(name) != value:
                changed[name] = self._head[name] = value
        return changed

    def _choice(self, candidate: JsonObject) -> ChoiceReader:
        index = candidate.get("index")
        index = index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else 0
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) >= CHOICES_MAX:
                raise UpstreamMalformedError(f"the answer has more than {CHOICES_MAX} candidates")
            choice = self._choices[index] = ChoiceReader(index, self._calls)
        return choice

    def _meter(self, said: JsonObject, events: list[Event]) -> None:
        """Tell the usage that a frame says."""
        usage = usage_of(said)
        if usage is not None:
            self._usage = said
            more = usage_extras(said)
            extras = {**self._late, "usageMetadata": more} if more else self._late
            tier = tier_of(said.get("serviceTier"), said.get("trafficType"))
            events.append(Metered(usage, {NAME: extras} if extras else NO_EXTRAS, tier=tier))
            self._late = {}
