"""Command R's answers, as they arrive: each chunk is an event of Cohere's chat."""

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Finished,
    Metered,
    Opened,
    Started,
    TextDelta,
)
from keywright.core.fold import Folder
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Part, Refusal, Text, ToolCall
from keywright.core.request import Request
from keywright.core.usage import NO_USAGE
from keywright.dialects.bedrock_invoke.command_r_answer import answer_node, call_of, citation_of, finish_of, objects_in
from keywright.dialects.bedrock_invoke.pieces import text_in, usage_of, word_in
from keywright.dialects.bedrock_invoke.wire import METRICS, metrics_of, parsed, rendered
from keywright.dialects.fields import WrongFieldError


class Reader:
    """Chunks, each an event of Cohere's chat, to canonical events."""

    def __init__(self) -> None:
        self._opened = False
        self._started = False
        self._finished = False
        self._over = False
        self._calls = 0

    def read(self, chunk: bytes) -> list[Event]:
        """The events that one chunk is."""
        if self._over:
            return []
        node = parsed(chunk)
        try:
            events = self._events(node)
        except WrongFieldError as error:
            raise UpstreamMalformedError(f"a chunk is wrong: {error}") from None
        metrics = node.get(METRICS)
        if isinstance(metrics, dict):
            usage = usage_of(metrics.get("inputTokenCount"), metrics.get("outputTokenCount"))
            if usage is not None:
                events.append(Metered(usage))
        if self._finished and METRICS in node:
            self._over = True
            events.append(Ended())
        return events

    def end(self) -> list[Event]:
        """The events still owed when the stream has ended."""
        if self._over:
            return []
        if not self._finished:
            raise UpstreamBrokeError("the stream ended before the answer did", answered=self._started)
        self._over = True
        return [Ended()]

    def _events(self, node: JsonObject) -> list[Event]:
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(Started(text_in(node, "generation_id"), ""))
        kind = node.get("event_type")
        if kind == "text-generation":
            self._text(text_in(node, "text"), events)
        elif kind == "citation-generation" and self._opened:
            events += [CitationDelta(0, citation_of(each)) for each in objects_in(node, "citations")]
        elif kind == "tool-calls-generation":
            self._call(node, events)
        elif kind == "stream-end":
            self._finish(node, events)
        return events

    def _text(self, text: str, events: list[Event]) -> None:
        if text:
            if not self._opened:
                self._opened = True
                events.append(Opened(0, Text("")))
            events.append(TextDelta(0, text))

    def _call(self, node: JsonObject, events: list[Event]) -> None:
        for each in objects_in(node, "tool_calls"):
            self._calls += 1
            call = call_of(each, self._calls - 1)
            events += [Opened(self._calls, call), Closed(self._calls)]

    def _finish(self, node: JsonObject, events: list[Event]) -> None:
        if self._finished:
            return
        self._finished = True
        whole = node.get("response")
        whole = whole if isinstance(whole, dict) else {}
        if not self._opened:
            self._text(text_in(whole, "text"), events)
        if not self._calls:
            self._call(whole, events)
        if self._opened:
            events.append(Closed(0))
        reason = word_in(node, "finish_reason") or "COMPLETE"
        called: list[Part] = [ToolCall("", "", "")] if self._calls else []
        events.append(Finished(finish_of(reason, called)))


class Writer:
    """Canonical events to chunks, each an event of Cohere's chat. Calls are told when they are complete."""

    def __init__(self, request: Request) -> None:
        del request
        self._whole = Folder()
        self._heads: dict[int, Part] = {}
        self.losses: list[Loss] = []

    def write(self, event: Event) -> list[bytes]:
        """The chunks that `event` lets out."""
        return [rendered(chunk) for chunk in self._chunks(event)]

    def _chunks(self, event: Event) -> list[JsonObject]:
        self._whole.add(event)
        match event:
            case Started():
                return [{"event_type": "stream-start", "is_finished": False, "generation_id": event.id}]
            case Opened() if not event.choice:
                self._heads[event.part] = event.head
                return _generated(event.head.text) if isinstance(event.head, Text | Refusal) else []
            case TextDelta() if not event.choice and isinstance(self._heads.get(event.part), Text | Refusal):
                return _generated(event.text)
            case ArgumentsDelta() | Closed():
                return []
            case Ended():
                return self._end()
            case _:
                return []

    def _end(self) -> list[JsonObject]:
        response = self._whole.response()
        whole = answer_node(response, self.losses)
        chunks: list[JsonObject] = []
        if "citations" in whole:
            chunks.append({"event_type": "citation-generation", "is_finished": False, "citations": whole["citations"]})
        if "tool_calls" in whole:
            calls = whole["tool_calls"]
            chunks.append({"event_type": "tool-calls-generation", "is_finished": False, "tool_calls": calls})
        return [
            *chunks,
            {
                "event_type": "stream-end",
                "is_finished": True,
                "finish_reason": whole["finish_reason"],
                "response": whole,
                METRICS: metrics_of(response.usage or NO_USAGE),
            },
        ]


def _generated(text: str) -> list[JsonObject]:
    return [{"event_type": "text-generation", "is_finished": False, "text": text}] if text else []
