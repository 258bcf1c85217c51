"""How does a stream end that the gateway ends? As one that has reached its `max_output_tokens`.

This wire says everything again at the end: the text of a part, the part, the item, the whole answer. So a record is
kept of what came, each text once: the pieces of a part are joined, and of an item that is done only its end is left.
To end the answer, the record is read as any stream is, and written as any stream is; what the writer says at the end
is what the client gets, with the numbers that follow, and without the ends of items that it has had.
"""

from typing import Final

import msgspec

from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import Ended, Event, Finished, Metered, Started
from keywright.core.json import Json, JsonObject
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.openai_responses.stream_in import AnswerReader
from keywright.dialects.openai_responses.stream_out import StreamWriter
from keywright.dialects.sse import Frame, SseDecoder, event_frame

RECORD_BYTES_MAX: Final = 4 * 1024 * 1024
"""How much is kept. What comes beyond that is missing from the whole answer at its end."""

_ITEM_DONE: Final = "response.output_item.done"
_REPEATED: Final = frozenset({"response.in_progress", "response.queued"})
_NOTHING: Final = Request(model="", turns=())
_EVENT: Final = msgspec.json.Decoder(JsonObject)


class _Kept:
    """An event; where it is a piece of text, with all that came like it."""

    __slots__ = ("data", "index", "kind", "texts")

    def __init__(self, kind: str | None, index: int | None, data: bytes) -> None:
        self.kind = kind
        self.index = index
        self.data = data
        self.texts: list[str] = []

    def frame(self) -> Frame:
        """The event, with all of its text."""
        if len(self.texts) < 2:
            return Frame(self.data)
        return Frame(msgspec.json.encode({**_EVENT.decode(self.data), "delta": "".join(self.texts)}))


class Record:
    """What came of an answer. `done`: the items that have ended."""

    __slots__ = ("_bytes", "_kept", "_last", "done")

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self._last = _Kept(None, None, b"")
        self._bytes = 0
        self.done: set[int] = set()

    def more(self, kind: str | None, index: int | None, text: str, data: bytes) -> None:
        """A piece of a text came: the event `data`, of that kind, about the item at `index`."""
        last = self._last
        if last.kind != kind or last.index != index:
            last = self._keep(kind, index, data)
        self._bytes += len(text)
        if self._bytes <= RECORD_BYTES_MAX:
            last.texts.append(text)

    def step(self, kind: str | None, index: int | None, data: bytes) -> None:
        """Any other event came."""
        if kind in _REPEATED:
            return
        if kind == _ITEM_DONE and index is not None:
            self.done.add(index)
            self._kept = [kept for kept in self._kept if kept.index != index]
        self._keep(kind, index, data)

    def _keep(self, kind: str | None, index: int | None, data: bytes) -> _Kept:
        self._last = _Kept(kind, index, data)
        self._bytes += len(data)
        if self._bytes <= RECORD_BYTES_MAX:
            self._kept.append(self._last)
        return self._last

    def events(self) -> list[Event]:
        """The answer so far, as events."""
        reader, events = AnswerReader(), list[Event]()
        for kept in self._kept:
            try:
                reader.read(kept.frame(), events)
            except (UpstreamMalformedError, WrongFieldError):
                continue  # it passed through all the same
        return events


def stopped(record: Record, number: int, usage: Usage) -> bytes:
    """The events that end what is open, and the answer; the first of them is `number`."""
    writer = StreamWriter(_NOTHING)
    begun = record.events() or [Started("", "")]
    said = b"".join(map(writer.write, begun))
    ending: list[Event] = [Finished(Finish("length")), Metered(usage), Ended()]
    ended = b"".join(map(writer.write, ending))
    frames = SseDecoder().feed(ended if number else said + ended)
    events = [(frame.event, _EVENT.decode(frame.data)) for frame in frames]
    owed = [(name, event) for name, event in events if name != _ITEM_DONE or event["output_index"] not in record.done]
    return b"".join([_numbered(name, event, number + place) for place, (name, event) in enumerate(owed)])


def _numbered(name: str, event: JsonObject, number: int) -> bytes:
    said: dict[str, Json] = {**event, "sequence_number": number}
    return event_frame(name.encode(), msgspec.json.encode(said))
