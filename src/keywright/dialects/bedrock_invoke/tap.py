"""What is counted of an answer that passes through, by the events that it is read as."""

from collections.abc import Callable
from typing import Final

from keywright.core.dialect import Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    Metered,
    Opened,
    Started,
    TextDelta,
)
from keywright.core.failure import Failure
from keywright.core.generated import generated, generated_in
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects.bedrock_invoke.wire import ChunkReader, ChunkWriter

_NOTHING: Final = Request(model="", turns=())


class EventTap:
    """Counts chunks by what a reader makes of them. `writer` makes the writer of such chunks that ends the answer; it
    is told what came, with `is_retold` the texts too.
    """

    __slots__ = (
        "_blind",
        "_chars",
        "_complete",
        "_failure",
        "_finish",
        "_is_retold",
        "_model",
        "_reader",
        "_told",
        "_usage",
        "_writer",
    )

    def __init__(
        self, reader: ChunkReader, writer: Callable[[Request], ChunkWriter], *, is_retold: bool = False
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._is_retold = is_retold
        self._told: list[Event] = []  # what the end depends on
        self._blind = False
        self._chars = 0
        self._usage: Usage | None = None
        self._model: str | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None
        self._complete = False

    def feed(self, chunk: bytes) -> None:
        """Take one chunk. After one that cannot be read sizes are all that is counted."""
        if self._blind:
            self._chars += len(chunk)
            return
        try:
            for event in self._reader.read(chunk):
                self._take(event)
        except UpstreamMalformedError:
            self._blind = True
            self._chars += len(chunk)

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

    def stop(self, usage: Usage) -> list[bytes] | None:
        """The chunks that end the answer now; None when it has ended."""
        if self._complete or self._finish is not None or self._failure is not None:
            return None
        writer = self._writer(_NOTHING)
        told = self._told or [Started("", "")]
        begun = [chunk for event in told for chunk in writer.write(event)]
        open_parts = {event.part for event in told if isinstance(event, Opened)}
        open_parts -= {event.part for event in told if isinstance(event, Closed)}
        ending: list[Event] = [*map(Closed, sorted(open_parts)), Finished(Finish("length")), Metered(usage), Ended()]
        ended = [chunk for event in ending for chunk in writer.write(event)]
        return ended if self._told else begun + ended

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta() | ArgumentsDelta():
                self._chars += generated_in(event)
                if self._is_retold:
                    self._told.append(event)
            case Opened():
                self._chars += generated(event.head)
                self._told.append(event)
            case Closed():
                self._told.append(event)
            case Started():
                self._told.append(event)
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
