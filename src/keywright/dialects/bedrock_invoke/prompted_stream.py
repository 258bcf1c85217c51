"""Answers of a text, as they arrive: chunks to events and back."""

from keywright.core.errors import UpstreamBrokeError
from keywright.core.event import Closed, Ended, Event, Finished, Metered, Opened, Started, TextDelta
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Refusal, Text
from keywright.core.response import Finish
from keywright.core.usage import NO_USAGE, Usage
from keywright.dialects.bedrock_invoke.pieces import Piece, Prompted, finish_of, piece_of, usage_of, word_of
from keywright.dialects.bedrock_invoke.texts import said_by_part
from keywright.dialects.bedrock_invoke.wire import METRICS, metrics_of, parsed, rendered


class Reader:
    """Chunks of this kind to events. Usage is told by the first and last chunk, or by Bedrock in the last."""

    def __init__(self, kind: Prompted) -> None:
        self._kind = kind
        self._started = False
        self._opened = False
        self._finished = False
        self._over = False
        self._input: Json = None
        self._output: Json = None

    def read(self, chunk: bytes) -> list[Event]:
        """The events that one chunk is."""
        if self._over:
            return []
        node = parsed(chunk)
        piece = piece_of(self._kind, node)
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(Started("", ""))
        if piece.text:
            if not self._opened:
                self._opened = True
                events.append(Opened(0, Text("")))
            events.append(TextDelta(0, piece.text))
        self._count(piece, node.get(METRICS))
        finish = finish_of(self._kind, piece.reason)
        if finish is not None and not self._finished:
            self._finished = True
            if self._opened:
                events.append(Closed(0))
            events.append(Finished(finish))
        if METRICS in node and self._finished:
            events += self._ended()
        return events

    def end(self) -> list[Event]:
        """The events still owed when the stream has ended."""
        if self._over:
            return []
        if not self._finished:
            raise UpstreamBrokeError("the stream ended before the answer did", answered=self._started)
        return self._ended()

    def _ended(self) -> list[Event]:
        self._over = True
        usage = usage_of(self._input, self._output)
        return [Ended()] if usage is None else [Metered(usage), Ended()]

    def _count(self, piece: Piece, metrics: Json) -> None:
        """Remember what is told of the usage; what Bedrock tells counts most."""
        if piece.input_tokens is not None:
            self._input = piece.input_tokens
        if piece.output_tokens is not None:
            self._output = piece.output_tokens
        if isinstance(metrics, dict):
            self._input = metrics.get("inputTokenCount", self._input)
            self._output = metrics.get("outputTokenCount", self._output)


class Writer:
    """Events to chunks of this kind. The reason and the usage come in the last one."""

    def __init__(self, kind: Prompted) -> None:
        self._kind = kind
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._silent: set[int] = set()
        self.losses: list[Loss] = []

    def write(self, event: Event) -> list[bytes]:
        """The chunks that `event` lets out."""
        return [rendered(chunk) for chunk in self._chunks(event)]

    def _chunks(self, event: Event) -> list[JsonObject]:
        match event:
            case Opened() if not event.choice:
                text = said_by_part(event.head, f"parts[{event.part}]", self.losses)
                if not isinstance(event.head, Text | Refusal):
                    self._silent.add(event.part)
                return self._chunk(text)
            case TextDelta() if not event.choice and event.part not in self._silent:
                return self._chunk(event.text)
            case Finished() if not event.choice:
                self._finish = event.finish
            case Metered():
                self._usage = event.usage
            case Ended():
                last = self._kind.chunk(Piece("", word_of(self._kind, self._finish)), self._usage)
                return [{**last, METRICS: metrics_of(self._usage or NO_USAGE)}]
            case _:
                pass
        return []

    def _chunk(self, text: str) -> list[JsonObject]:
        return [self._kind.chunk(Piece(text), None)] if text else []
