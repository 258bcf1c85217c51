"""Canonical events to a stream of the API.

On this wire blocks come one after the other, while canonical parts may be open together (parallel tool calls from
OpenAI interleave). One part is written as it comes; what comes for another meanwhile is held until the first is
closed. The alternative, to close a block early and open another for the rest, would make two calls out of one.

Two events are held back for a moment: `Started`, because `message_start` tells the prompt's usage, which some
providers say right after it; and the finish, because `message_delta` tells both it and the usage, in one event at
the end, and providers say them in either order.
"""

from typing import Final, TypeAlias, assert_never

import msgspec

from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    Aside,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsDelta,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.fold import merged
from keywright.core.json import NO_EXTRAS, Extras, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Citation, Part, Refusal, ServerToolCall, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import NO_USAGE, Usage
from keywright.dialects.anthropic.error import error_node
from keywright.dialects.anthropic.finish import stop_reason
from keywright.dialects.anthropic.response import answer_block, message_node
from keywright.dialects.anthropic.usage import usage_node
from keywright.dialects.anthropic.wire import NAME, Node, rendered
from keywright.dialects.seal import Sealer
from keywright.dialects.sse import event_frame

HELD_EVENTS_MAX: Final = 1_000_000
"""How many events may wait for another part to close."""

DELTA_FIELDS: Final = frozenset({"container"})
"""What a message says beyond the model and a stream says in the `delta` at its end; the rest stands beside that."""

_PartEvent: TypeAlias = Opened | TextDelta | ArgumentsDelta | SignatureDelta | CitationDelta | Closed


class StreamWriter:
    """Events of one answer to bytes."""

    def __init__(self, request: Request) -> None:  # the same for every request
        self.losses: list[Loss] = []
        self._started: Started | None = None  # until message_start is written
        self._said_first: JsonObject = {}  # the extras of message_start
        self._part: int | None = None  # the part that is being written
        self._in_block = False  # whether it has a block: some parts cannot be said
        self._sealer = Sealer(NAME)
        self._thoughts: set[int] = set()  # the parts that are thinking
        self._held: dict[int, list[_PartEvent]] = {}  # what came for other parts, in their order
        self._held_events = 0
        self._blocks = 0
        self._called = False
        self._refused = False
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._extras: Extras = NO_EXTRAS
        self._reported: set[str] = set()

    def write(self, event: Event) -> bytes:
        """The bytes that `event` lets out; may be empty.

        Raises:
            UpstreamMalformedError: more than `HELD_EVENTS_MAX` events wait for a part that does not close.
        """
        match event:
            case TextDelta() | ArgumentsDelta() | CitationDelta():
                return self._message_start() + self._of_part(event) if self._is_first(event) else b""
            case Opened() | SignatureDelta() | Closed():
                if not self._is_first(event):
                    return b""
                return self._message_start() + b"".join(map(self._of_part, self._sealer.events(event)))
            case Started():
                self._started = event
                self._extras = merged(self._extras, event.extras)
                return b""
            case Metered():
                self._usage = event.usage
                self._extras = merged(self._extras, event.extras)
                return self._message_start()
            case Finished():
                if not event.choice:
                    self._finish = event.finish
                return b""
            case LogprobsDelta():
                self._lose("choices[0].logprobs", "the Messages API has no log probabilities")
                return b""
            case Aside():
                return self._aside(event)
            case Failed():
                return self._message_start() + _frame(error_node(event.failure))
            case Ended():
                return self._message_start() + self._message_stop()
            case _:
                assert_never(event)

    def _is_first(self, event: _PartEvent) -> bool:
        if event.choice:
            self._lose("choices", "the Messages API gives one answer: the first")
        return not event.choice

    def _message_start(self) -> bytes:
        started = self._started
        if started is None:
            return b""
        self._started = None
        own = self._said_first = started.extras.get(NAME, {})
        message = message_node(started.id, started.model, [])
        message.update((key, value) for key, value in own.items() if key != "usage")
        message["usage"] = usage_node(self._usage or NO_USAGE, own.get("usage"))
        return _frame({"type": "message_start", "message": message})

    def _of_part(self, event: _PartEvent) -> bytes:
        if self._part is None and isinstance(event, Opened):
            return self._written(event)
        if event.part == self._part:
            written = self._written(event)
            return written + self._released() if isinstance(event, Closed) else written
        if event.part not in self._held and not isinstance(event, Opened):
            return b""  # of a part that was closed already, or never opened
        self._held_events += 1
        if self._held_events > HELD_EVENTS_MAX:
            raise UpstreamMalformedError(f"more than {HELD_EVENTS_MAX} events wait for a part that does not close")
        self._held.setdefault(event.part, []).append(event)
        return b""

    def _released(self) -> bytes:
        """What was held for the parts that follow, up to the first that is not closed yet."""
        written = []
        while self._held and self._part is None:
            for event in self._held.pop(next(iter(self._held))):
                written.append(self._written(event))
                self._held_events -= 1
        return b"".join(written)

    def _written(self, event: _PartEvent) -> bytes:
        """The bytes of an event of the part that is being written."""
        match event:
            case Opened():
                return self._opened(event)
            case Closed():
                self._part = None
                return self._block_stop() if self._in_block else b""
            case TextDelta():
                return self._said(event.text, "thinking" if event.part in self._thoughts else "text")
            case ArgumentsDelta():
                return self._arguments(event.text)
            case SignatureDelta():
                return self._signed(event.signature)
            case CitationDelta():
                return self._cited(event.citation)
            case _:
                assert_never(event)

    def _opened(self, event: Opened) -> bytes:
        """The start of a block, and as deltas what its head already holds."""
        head = event.head
        path = f"content[{event.part}]"
        block = answer_block(_emptied(head), path, self.losses)
        self._part = event.part
        self._in_block = block is not None
        if block is None:
            return b""
        start = _frame({"type": "content_block_start", "index": self._blocks, "content_block": block})
        match head:
            case Text():
                cited = b"".join(map(self._cited, head.citations))
                return start + self._said(head.text, "text") + cited
            case Refusal():
                self._refused = True
                return start + self._said(head.text, "text")
            case Thinking():
                self._thoughts.add(event.part)
                return start + self._said(head.text, "thinking") + self._signed(head.signature or "")
            case ToolCall():
                self._called = True
                return start + self._arguments(head.arguments)
            case ServerToolCall():
                return start + self._arguments(head.arguments)
            case _:
                return start

    def _said(self, text: str, key: str) -> bytes:
        return self._delta({"type": f"{key}_delta", key: text}) if text else b""

    def _arguments(self, text: str) -> bytes:
        return self._delta({"type": "input_json_delta", "partial_json": text}) if text else b""

    def _signed(self, signature: str) -> bytes:
        return self._delta({"type": "signature_delta", "signature": signature}) if signature else b""

    def _cited(self, citation: Citation) -> bytes:
        if citation.origin != NAME:
            self._lose("citations", "a citation from elsewhere cannot be put in this API's form")
            return b""
        return self._delta({"type": "citations_delta", "citation": citation.body})

    def _delta(self, delta: Node) -> bytes:
        if not self._in_block:
            return b""
        return _frame({"type": "content_block_delta", "index": self._blocks, "delta": delta})

    def _block_stop(self) -> bytes:
        self._blocks += 1
        return _frame({"type": "content_block_stop", "index": self._blocks - 1})

    def _message_stop(self) -> bytes:
        """Everything that is still to be said when the answer is complete."""
        written = list(map(self._of_part, self._sealer.end()))
        while self._part is not None:
            written.append(self._written(Closed(self._part)))
            written.append(self._released())
        finish = self._finish
        delta: Node = {
            "stop_reason": stop_reason(finish, called=self._called, refused=self._refused),
            "stop_sequence": None if finish is None else finish.sequence,
        }
        if finish is not None:
            delta.update(finish.extras.get(NAME, {}))
        node: Node = {"type": "message_delta", "delta": delta}
        own = self._extras.get(NAME, {})
        for field in own.keys() - self._said_first.keys() - {"usage"}:
            (delta if field in DELTA_FIELDS else node)[field] = own[field]
        node["usage"] = self._usage_at_end(own)
        written += (_frame(node), _frame({"type": "message_stop"}))
        return b"".join(written)

    def _usage_at_end(self, own: JsonObject) -> Node:
        """The usage as the last event says it: without what the first has said, and without what only that says."""
        usage = self._usage or NO_USAGE
        first = self._said_first.get("usage")
        extras = own.get("usage")
        if isinstance(extras, dict) and isinstance(first, dict):
            extras = {key: value for key, value in extras.items() if first.get(key) != value}
        node = usage_node(usage, extras)
        if not usage.cache_write_1h:
            del node["cache_creation"]
        return node

    def _aside(self, event: Aside) -> bytes:
        """An event of this API's own; those of others carry nothing that its clients miss."""
        if event.origin != NAME or not event.kind:
            return b""
        body = event.body if isinstance(event.body, dict) else {}
        return self._message_start() + _frame({**body, "type": event.kind})

    def _lose(self, path: str, why: str) -> None:
        """Report a loss once, however often it comes."""
        if path not in self._reported:
            self._reported.add(path)
            self.losses.append(Loss(path, why))


def _emptied(head: Part) -> Part:
    """`head` without the texts that deltas fill."""
    match head:
        case Text():
            return msgspec.structs.replace(head, text="", citations=())
        case Refusal():
            return msgspec.structs.replace(head, text="")
        case Thinking():
            return msgspec.structs.replace(head, text="", signature=None)
        case ToolCall() | ServerToolCall():
            return msgspec.structs.replace(head, arguments="")
        case _:
            return head


def _frame(node: Node) -> bytes:
    return event_frame(str(node["type"]).encode(), rendered(node))
