"""Canonical events to a stream of the API.

Two layers, as in the reader: `EventWriter` makes events by name and content, whatever they are framed in;
`StreamWriter` frames them.

The finish and the usage are held until the end, where the API tells them in this order, each in an event of its own.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias, assert_never

import msgspec

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
from keywright.core.message import (
    Image,
    Part,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    Text,
    Thinking,
    ToolCall,
)
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import NO_USAGE, Usage
from keywright.dialects.aws_error import exception_frame
from keywright.dialects.aws_eventstream import event_block, framed
from keywright.dialects.bedrock_converse.citations import citation_node
from keywright.dialects.bedrock_converse.finish import stop_reason
from keywright.dialects.bedrock_converse.order import OneByOne, PartEvent
from keywright.dialects.bedrock_converse.response import NO_METRICS, answer_block
from keywright.dialects.bedrock_converse.usage import usage_node
from keywright.dialects.bedrock_converse.wire import NAME, Node, own, rendered
from keywright.dialects.seal import Bound, Sealer

Said: TypeAlias = tuple[str, Node]
"""An event: its name and its content."""

_KINDS: Final = (
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
)
_BLOCKS: Final = {kind: event_block(kind) for kind in _KINDS}
_ENDS: Final = frozenset({"metrics", "trace", "performanceConfig", "serviceTier"})
"""What the last event says beside the usage; anything else beyond the model is the model's own and ends the message."""


class EventWriter:
    """Events of one answer to this API's events."""

    def __init__(self) -> None:
        self.losses: list[Loss] = []
        self._sealer = Sealer(NAME)
        self._order = OneByOne()
        self._started = False
        self._head: Part | None = None  # of the part that is being written; None when it cannot be said
        self._blocks = 0
        self._called = False
        self._refused = False
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._extras: Extras = NO_EXTRAS
        self._reported: set[str] = set()

    def write(self, event: Event) -> list[Said]:
        """This API's events that `event` lets out; may be none. Not for `Failed`, which is no event here.

        Raises:
            UpstreamMalformedError: too many events wait for a part that does not close.
        """
        match event:
            case TextDelta() | ArgumentsDelta() | CitationDelta():
                return self._parts(self._order.add(event)) if self._is_first(event) else []
            case Opened() | SignatureDelta() | Closed():
                return self._bound(self._sealer.events(event)) if self._is_first(event) else []
            case Started():
                self._extras = merged(self._extras, event.extras)
                return self._start()
            case Metered():
                self._usage = event.usage
                self._extras = merged(self._extras, event.extras)
                return []
            case Finished():
                if not event.choice:
                    self._finish = event.finish
                    self._extras = merged(self._extras, event.extras)
                return []
            case LogprobsDelta():
                self._lose("choices[0].logprobs", "Converse has no log probabilities")
                return []
            case Aside():
                known = event.origin == NAME and event.kind and isinstance(event.body, dict)
                return [(event.kind, dict(event.body))] if known and isinstance(event.body, dict) else []
            case Failed():
                return []
            case Ended():
                return self._end()
            case _:
                assert_never(event)

    def _is_first(self, event: PartEvent) -> bool:
        if event.choice:
            self._lose("choices", "Converse gives one answer: the first")
        return not event.choice

    def _bound(self, events: Iterable[Bound]) -> list[Said]:
        return [said for event in events for said in self._parts(self._order.add(event))]

    def _start(self) -> list[Said]:
        if self._started:
            return []
        self._started = True
        return [("messageStart", {"role": "assistant"})]

    def _parts(self, events: list[PartEvent]) -> list[Said]:
        said = self._start()
        for event in events:
            said += self._part(event)
        return said

    def _part(self, event: PartEvent) -> list[Said]:
        match event:
            case Opened():
                return self._opened(event)
            case Closed():
                return self._closed()
            case TextDelta():
                return self._text(event.text)
            case ArgumentsDelta():
                return self._delta({"toolUse": {"input": event.text}}) if event.text else []
            case SignatureDelta():
                return self._signed(event.signature)
            case CitationDelta():
                return self._delta({"citation": citation_node(event.citation, "citations", self.losses)})
            case _:
                assert_never(event)

    def _opened(self, event: Opened) -> list[Said]:
        """The start of a block, where it has one, and as deltas what its head already holds."""
        head = event.head
        self._head = head
        match head:
            case Text():
                cited = [said for each in head.citations for said in self._part(CitationDelta(event.part, each))]
                return [*self._text(head.text), *cited]
            case Refusal():
                self._refused = True
                self._lose(f"content[{event.part}]", "Converse has no refusal part: given as text")
                return self._text(head.text)
            case Thinking():
                return [*self._text(head.text), *self._signed(head.signature or "")]
            case ToolCall() | ServerToolCall():
                return self._opened_call(event, head)
            case _:
                return self._opened_whole(event, head)

    def _opened_call(self, event: Opened, head: ToolCall | ServerToolCall) -> list[Said]:
        block = answer_block(msgspec.structs.replace(head, arguments=""), f"content[{event.part}]", self.losses)
        if block is None or not isinstance(inner := block["toolUse"], dict):
            self._head = None
            return []
        if isinstance(head, ToolCall):
            self._called = True
        start = {key: value for key, value in inner.items() if key != "input"}
        said = self._event("contentBlockStart", {"start": {"toolUse": start}})
        return [*said, *self._part(ArgumentsDelta(event.part, head.arguments))]

    def _opened_whole(self, event: Opened, head: Part) -> list[Said]:
        """A block of a kind that opens whole."""
        block = answer_block(head, f"content[{event.part}]", self.losses)
        if block is None:
            self._head = None
            return []
        kind, inner = next(iter(block.items()))
        match head, inner:
            case RedactedThinking(), _:
                return self._delta({"reasoningContent": {"redactedContent": head.data}})
            case Image(), {"format": word, "source": source}:
                start = self._event("contentBlockStart", {"start": {"image": {"format": word}}})
                return [*start, *self._delta({"image": {"source": source}})]
            case _, {"content": list(content), **rest}:
                start = self._event("contentBlockStart", {"start": {kind: rest}})
                return [*start, *self._delta({kind: content})]
            case _, {"deltas": list(deltas), **rest}:
                start = self._event("contentBlockStart", {"start": {kind: rest}})
                return [*start, *(said for each in deltas for said in self._delta({kind: each}))]
            case _:
                return self._event("contentBlockStart", {"start": {kind: inner}})

    def _closed(self) -> list[Said]:
        if self._head is None:
            return []
        self._head = None
        said = self._event("contentBlockStop", {})
        self._blocks += 1
        return said

    def _text(self, text: str) -> list[Said]:
        if not text:
            return []
        return self._delta({"reasoningContent": {"text": text}} if isinstance(self._head, Thinking) else {"text": text})

    def _signed(self, signature: str) -> list[Said]:
        return self._delta({"reasoningContent": {"signature": signature}}) if signature else []

    def _delta(self, delta: Node) -> list[Said]:
        return [] if self._head is None else self._event("contentBlockDelta", {"delta": delta})

    def _event(self, kind: str, node: Node) -> list[Said]:
        return [(kind, {**node, "contentBlockIndex": self._blocks})]

    def _end(self) -> list[Said]:
        """Everything that is still to be said when the answer is complete."""
        said = self._bound(self._sealer.end()) + self._parts(self._order.end())
        own_extras: JsonObject = own(self._extras)
        reason = stop_reason(self._finish, called=self._called, refused=self._refused)
        ends = {key: value for key, value in own_extras.items() if key in _ENDS}
        rest = {key: value for key, value in own_extras.items() if key not in _ENDS and key != "usage"}
        said.append(("messageStop", {"stopReason": reason, **rest}))
        usage = usage_node(self._usage or NO_USAGE, own_extras.get("usage"))
        said.append(("metadata", {"usage": usage, "metrics": NO_METRICS, **ends}))
        return said

    def _lose(self, path: str, why: str) -> None:
        """Report a loss once, however often it comes."""
        if path not in self._reported:
            self._reported.add(path)
            self.losses.append(Loss(path, why))


class StreamWriter:
    """Events of one answer to bytes."""

    def __init__(self, request: Request) -> None:  # the same for every request
        del request
        self._events = EventWriter()
        self.losses = self._events.losses

    def write(self, event: Event) -> bytes:
        """The bytes that `event` lets out; may be empty.

        Raises:
            UpstreamMalformedError: too many events wait for a part that does not close.
        """
        if isinstance(event, Failed):
            return exception_frame(event.failure)
        said = self._events.write(event)
        if len(said) == 1:
            kind, node = said[0]
            return framed(_BLOCKS.get(kind) or event_block(kind), rendered(node))
        return b"".join([framed(_BLOCKS.get(kind) or event_block(kind), rendered(node)) for kind, node in said])
