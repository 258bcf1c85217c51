"""What is counted of an answer that passes through, by the events that it is read as."""

from typing import Final

from keywright.core.dialect import Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import ArgumentsDelta, Ended, Event, Failed, Finished, Metered, Opened, Started, TextDelta
from keywright.core.failure import Failure
from keywright.core.message import Part, Refusal, ServerToolCall, Text, Thinking, ToolCall
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects.bedrock_invoke.wire import ChunkReader

_NO_ARGUMENTS: Final = frozenset({"", "{}"})


class EventTap:
    """Counts chunks by what a reader makes of them."""

    __slots__ = ("_blind", "_chars", "_complete", "_failure", "_finish", "_model", "_reader", "_usage")

    def __init__(self, reader: ChunkReader) -> None:
        self._reader = reader
        self._blind = False
        self._chars = 0
        self._usage: Usage | None = None
        self._model: str | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None
        self._complete = False

    def feed(self, chunk: bytes) -> None:
        """Take one chunk. After one that cannot be read nothing more is."""
        if self._blind:
            return
        try:
            for event in self._reader.read(chunk):
                self._take(event)
        except UpstreamMalformedError:
            self._blind = True

    def result(self) -> Tapped:
        """What has been seen so far."""
        return Tapped(
            usage=self._usage,
            model=self._model,
            finish=self._finish,
            failure=self._failure,
            output_chars=self._chars,
            complete=self._complete or self._finish is not None,
        )

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta() | ArgumentsDelta():
                self._chars += 0 if isinstance(event, ArgumentsDelta) and event.text == "{}" else len(event.text)
            case Opened():
                self._chars += generated(event.head)
            case Started():
                self._model = event.model or None
            case Metered():
                self._usage = event.usage
            case Finished():
                self._finish = word_for(event.finish)
            case Failed():
                self._failure = event.failure
            case Ended():
                self._complete = True
            case _:
                pass


def word_for(finish: Finish | None) -> str | None:
    """The provider's word for why an answer ended."""
    return None if finish is None else finish.raw or finish.reason


def generated(part: Part) -> int:
    """How many characters the model wrote in `part`. An empty object of arguments it did not write."""
    match part:
        case Text() | Thinking() | Refusal():
            return len(part.text)
        case ToolCall() | ServerToolCall():
            return 0 if part.arguments in _NO_ARGUMENTS else len(part.arguments)
        case _:
            return 0
