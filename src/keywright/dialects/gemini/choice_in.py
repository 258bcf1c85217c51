"""One candidate of a stream to canonical events.

Text goes on where it stopped; a part that carries a signature is a part of its own, since the signature has to go back
on it. Sources of a text come when it has been said, often in the frame whose empty part carries the last signature. So
a text stays open behind such a part until another text or a call begins.
"""

from typing import Final

import msgspec

from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    CitationDelta,
    Closed,
    Event,
    Finished,
    LogprobsDelta,
    Opened,
    SignatureDelta,
    TextDelta,
)
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.core.message import Part, RedactedThinking, Text, Thinking, ToolCall
from keywright.dialects.gemini.finish import finish_of
from keywright.dialects.gemini.grounding import citations_of
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.logprobs import FORM, logprobs_of
from keywright.dialects.gemini.partial import PartialArguments
from keywright.dialects.gemini.parts_in import part_of
from keywright.dialects.gemini.wire import NAME

PARTS_MAX: Final = 10_000
"""How many parts one candidate may have."""

_PLAIN: Final = frozenset(("text", "thought"))
_CONTENT: Final = frozenset(("content", "index", "finishReason", "finishMessage", "logprobsResult"))


class ChoiceReader:
    """One candidate, as far as it has come."""

    def __init__(self, index: int, calls: Calls) -> None:
        self._index = index
        self._calls = calls
        self._parts = 0
        self._text: int | None = None  # the text or thought that is open
        self._thinks = False  # whether it is a thought
        self._sealed = False  # whether the next text is another part all the same
        self._partial: PartialArguments | None = None
        self._call = 0  # the call whose arguments are coming
        self._called = False
        self._cited = 0  # how many citations have been told
        self._extras: JsonObject = {}
        self.finished = False

    def read(self, candidate: JsonObject, events: list[Event]) -> None:
        """Tell what is new."""
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        if len(candidate) > 2:
            self._extras.update(
                (name, value) for name, value in candidate.items() if name not in _CONTENT and value is not None
            )
            self._cite(candidate, events)
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                self._part(part, events)
        if len(candidate) > 2:
            self._cite(candidate, events)
            self._logprobs(candidate, events)
        reason = candidate.get("finishReason")
        if reason is not None:
            self._finish(reason, candidate.get("finishMessage"), events)

    def close(self, events: list[Event]) -> None:
        """End what is open."""
        if self._partial is not None:
            events.append(ArgumentsDelta(self._call, self._partial.text(), self._index))
            events.append(Closed(self._call, self._index))
            self._partial = None
        self._close_text(events)

    def _finish(self, reason: Json, message: Json, events: list[Event]) -> None:
        finish = finish_of(reason, message, called=self._called)
        if finish is not None:
            self.finished = True
            self.close(events)
            events.append(Finished(finish, self._index, {NAME: dict(self._extras)} if self._extras else NO_EXTRAS))

    def _part(self, part: JsonObject, events: list[Event]) -> None:
        text = part.get("text")
        if isinstance(text, str):
            if part.keys() <= _PLAIN:
                if text:
                    self._say(text, thinks=part.get("thought") is True, events=events)
                return
            self._signed(part_of(part, "part", self._calls), events)
            return
        call = part.get("functionCall")
        if isinstance(call, dict) and (self._partial is not None or "willContinue" in call or "partialArgs" in call):
            self._piece(part, call, events)
            return
        self._close_text(events)
        self._whole(part_of(part, "part", self._calls), events)

    def _say(self, text: str, *, thinks: bool, events: list[Event]) -> None:
        if self._text is None or self._sealed or thinks is not self._thinks:
            self._close_text(events)
            self._open_text(Thinking("", origin=NAME) if thinks else Text(""), events)
        assert self._text is not None
        events.append(TextDelta(self._text, text, self._index))

    def _signed(self, part: Part, events: list[Event]) -> None:
        """A text, thought or nothing at all with a signature, or with something else beside it."""
        match part:
            case Thinking() if self._text is not None and self._thinks and not self._sealed and not part.extras:
                if part.text:
                    events.append(TextDelta(self._text, part.text, self._index))
                if part.signature:
                    events.append(SignatureDelta(self._text, part.signature, self._index))
                self._close_text(events)
            case Text():
                self._close_text(events)
                self._open_text(part, events)
                self._sealed = True
            case RedactedThinking():
                self._sealed = True
                self._whole(part, events)
            case _:
                self._close_text(events)
                self._whole(part, events)

    def _piece(self, part: JsonObject, call: JsonObject, events: list[Event]) -> None:
        """A call that comes piece by piece: its beginning has a name, its end does not say that it goes on."""
        if call.get("name"):
            self.close(events)
            if not ("willContinue" in call or "partialArgs" in call):
                self._whole(part_of(part, "part", self._calls), events)
                return
            kept = {name: value for name, value in call.items() if name in ("name", "id")}
            head = part_of({**part, "functionCall": kept}, "part", self._calls)
            assert isinstance(head, ToolCall)
            self._called = True
            self._call = self._open(msgspec.structs.replace(head, arguments=""), events)
            self._partial = PartialArguments()
        if self._partial is None:
            raise UpstreamMalformedError("a piece of a call came that has not begun")
        self._partial.add(call.get("partialArgs"))
        if call.get("willContinue") is not True:
            self.close(events)

    def _whole(self, part: Part, events: list[Event]) -> None:
        self._called = self._called or isinstance(part, ToolCall)
        events.append(Closed(self._open(part, events), self._index))

    def _open(self, head: Part, events: list[Event]) -> int:
        number = self._parts
        if number >= PARTS_MAX:
            raise UpstreamMalformedError(f"the answer has more than {PARTS_MAX} parts")
        self._parts += 1
        events.append(Opened(number, head, self._index))
        return number

    def _open_text(self, head: Text | Thinking, events: list[Event]) -> None:
        self._text = self._open(head, events)
        self._thinks = isinstance(head, Thinking)
        self._sealed = False

    def _close_text(self, events: list[Event]) -> None:
        if self._text is not None:
            events.append(Closed(self._text, self._index))
            self._text = None

    def _cite(self, candidate: JsonObject, events: list[Event]) -> None:
        """Tell the sources that are new, of the text that is open."""
        if self._text is None or self._thinks:
            return
        citations = citations_of(candidate)
        events += [CitationDelta(self._text, citation, self._index) for citation in citations[self._cited :]]
        self._cited = max(self._cited, len(citations))

    def _logprobs(self, candidate: JsonObject, events: list[Event]) -> None:
        logprobs = logprobs_of(candidate.get("logprobsResult"))
        if logprobs is not None:
            events.append(LogprobsDelta(FORM, logprobs, self._index))
