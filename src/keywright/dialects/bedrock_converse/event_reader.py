"""Events of the API, by name and JSON, to canonical events, however they were framed.

What real traffic does, and is taken as it is: text and thinking begin with their first delta, without a start of their
own; a delta of another kind than its block was begins a new part; an empty text for a block that never was; padding
in every event. Usage comes in the last event, after the reason for stopping.

A part that is not text, thinking or a call is complete when it opens (`core.event`); such blocks are held until they
end: what the provider's own tools answered, pictures, thinking that nobody may read.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.errors import UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    Aside,
    CitationDelta,
    Closed,
    Event,
    Finished,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.json import Json, JsonObject
from keywright.core.message import Part, RedactedThinking, Text, Thinking
from keywright.dialects.bedrock_converse.finish import finish_of
from keywright.dialects.bedrock_converse.parts import call_of, citation_of, part_of
from keywright.dialects.bedrock_converse.response import answer_extras
from keywright.dialects.bedrock_converse.usage import usage_of
from keywright.dialects.bedrock_converse.wire import NAME
from keywright.dialects.fields import Fields, WrongFieldError

PARTS_MAX: Final = 10_000
"""How many blocks an answer may have."""

HELD_BYTES_MAX: Final = 64 * 1024 * 1024
"""How much of blocks that are held until they end."""

PADDING: Final = "p"
"""The member that only makes the events' lengths tell nothing."""

_METADATA: Final = frozenset({"usage", PADDING})


class _Block(Struct):
    """A block that is open. `held`: what makes it whole when it ends, for kinds that open whole."""

    part: int
    kind: str
    head: JsonObject = {}
    held: list[Json] = []


class EventReader:
    """Events of one answer, by name and content, to canonical events."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._parts = 0
        self._held_bytes = 0
        self.started = False
        self.finished = False
        self.metered = False

    def read(self, kind: str, node: JsonObject) -> list[Event]:
        """The canonical events that one event is.

        Raises:
            WrongFieldError: a member is missing or of the wrong type.
            UpstreamMalformedError: the answer goes beyond a limit.
        """
        reader = _READERS.get(kind)
        if reader is None:
            events: list[Event] = [Aside(NAME, kind, {key: value for key, value in node.items() if key != PADDING})]
        else:
            events = reader(self, Fields(node))
        if self.started:
            return events
        self.started = True
        return [Started("", ""), *events]

    def closed(self) -> list[Event]:
        """What ends the blocks that are still open.

        Raises:
            UpstreamMalformedError: one that was held until now is wrong.
        """
        try:
            return [event for index in sorted(self._blocks) for event in self._close(index)]
        except WrongFieldError as error:
            raise UpstreamMalformedError(f"a block is wrong: {error}") from None

    def _start(self, _: Fields) -> list[Event]:
        return []  # it tells nothing but that the answer begins, which any other event would tell as well

    def _open(self, event: Fields) -> list[Event]:
        index = _index(event)
        start = Fields(event.json("start"), "start")
        events = self._close(index)
        kind = next(iter(start.left), "")
        inner = start.json(kind)
        if kind == "toolUse":
            block = self._block(index, kind)
            return [*events, Opened(block.part, call_of(Fields(inner, "start.toolUse"), ""))]
        self._block(index, kind, inner if isinstance(inner, dict) else {})
        return events

    def _delta(self, event: Fields) -> list[Event]:
        index = _index(event)
        delta = event.json("delta")
        if not isinstance(delta, dict) or not delta:
            raise WrongFieldError("delta", "an object")
        kind, value = next(iter(delta.items()))
        reader = _DELTAS.get(kind)
        if reader is not None:
            return reader(self, index, value)
        block = self._blocks.get(index)
        if block is None or block.kind != kind:
            events = self._close(index)
            block = self._block(index, kind)
        else:
            events = []
        self._hold(block, value)
        return events

    def _text(self, index: int, value: Json) -> list[Event]:
        if not isinstance(value, str):
            raise WrongFieldError("delta.text", "a string")
        if not value:
            return []
        part, events = self._part(index, "text", Text(""))
        events.append(TextDelta(part, value))
        return events

    def _arguments(self, index: int, value: Json) -> list[Event]:
        block = self._blocks.get(index)
        if block is None or block.kind != "toolUse":
            raise WrongFieldError("contentBlockIndex", "the index of a tool's call that has begun")
        text = Fields(value, "delta.toolUse").json("input")
        if not isinstance(text, str):
            text = msgspec.json.encode(text).decode()
        return [ArgumentsDelta(block.part, text)] if text else []

    def _citation(self, index: int, value: Json) -> list[Event]:
        if not isinstance(value, dict):
            raise WrongFieldError("delta.citation", "an object")
        part, events = self._part(index, "text", Text(""))
        events.append(CitationDelta(part, citation_of(value)))
        return events

    def _reasoning(self, index: int, value: Json) -> list[Event]:
        fields = Fields(value, "delta.reasoningContent")
        redacted = fields.text("redactedContent")
        if redacted is not None:
            block = self._blocks.get(index)
            events = [] if block is not None and block.kind == "redactedContent" else self._close(index)
            self._hold(self._blocks.get(index) or self._block(index, "redactedContent"), redacted)
            return events
        text, signature = fields.text("text"), fields.text("signature")
        part, events = self._part(index, "reasoningContent", Thinking("", origin=NAME))
        if text:
            events.append(TextDelta(part, text))
        if signature:
            events.append(SignatureDelta(part, signature))
        return events

    def _stop(self, event: Fields) -> list[Event]:
        return self._close(_index(event))

    def _finish(self, event: Fields) -> list[Event]:
        reason = event.needed_text("stopReason")
        event.json(PADDING)
        self.finished = True
        return [*self.closed(), Finished(finish_of(reason), extras=event.extras(NAME))]

    def _meter(self, event: Fields) -> list[Event]:
        self.metered = True
        usage = usage_of(event.left.get("usage"))
        extras = answer_extras(event.left, _METADATA)
        return [] if usage is None else [Metered(usage, extras)]

    def _part(self, index: int, kind: str, head: Part) -> tuple[int, list[Event]]:
        """The number of the part that the block is, and the events that open it, if it was not open."""
        block = self._blocks.get(index)
        if block is not None and block.kind == kind:
            return block.part, []
        events = self._close(index)
        part = self._block(index, kind).part
        events.append(Opened(part, head))
        return part, events

    def _block(self, index: int, kind: str, head: JsonObject | None = None) -> _Block:
        if self._parts >= PARTS_MAX:
            raise UpstreamMalformedError(f"the answer has more than {PARTS_MAX} content blocks")
        block = _Block(self._parts, kind, head or {})
        self._parts += 1
        self._blocks[index] = block
        return block

    def _hold(self, block: _Block, value: Json) -> None:
        self._held_bytes += len(msgspec.json.encode(value))
        if self._held_bytes > HELD_BYTES_MAX:
            raise UpstreamMalformedError(f"blocks of the answer hold more than {HELD_BYTES_MAX} bytes")
        block.held.append(value)

    def _close(self, index: int) -> list[Event]:
        block = self._blocks.pop(index, None)
        if block is None:
            return []
        if block.kind in _STREAMED:
            return [Closed(block.part)]
        return [Opened(block.part, _whole(block)), Closed(block.part)]


def _index(event: Fields) -> int:
    index = event.integer("contentBlockIndex")
    if index is None:
        raise WrongFieldError("contentBlockIndex", "an integer")
    return index


def _whole(block: _Block) -> Part:
    """The part that a held block is."""
    if block.kind == "redactedContent":
        return RedactedThinking(_blobs([data for data in block.held if isinstance(data, str)]), NAME)
    value: Json = {**block.head, "content": [item for items in block.held for item in _items(items)]}
    if block.kind == "image":
        value = {**block.head}
        for held in block.held:
            value |= held if isinstance(held, dict) else {}
    elif block.kind != "toolResult":
        value = {**block.head, "deltas": block.held}
    return part_of(block.kind, value, {block.kind: value}, "contentBlock")


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _blobs(pieces: list[str]) -> str:
    """Pieces of base64 as one: each may have padding of its own."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return b64encode(b"".join(b64decode(piece, validate=True) for piece in pieces)).decode()
    except ValueError:
        return "".join(pieces)


_STREAMED: Final = frozenset({"text", "toolUse", "reasoningContent"})

_READERS: Final[dict[str, Callable[[EventReader, Fields], list[Event]]]] = {
    "messageStart": EventReader._start,
    "contentBlockStart": EventReader._open,
    "contentBlockDelta": EventReader._delta,
    "contentBlockStop": EventReader._stop,
    "messageStop": EventReader._finish,
    "metadata": EventReader._meter,
}
_DELTAS: Final[dict[str, Callable[[EventReader, int, Json], list[Event]]]] = {
    "text": EventReader._text,
    "toolUse": EventReader._arguments,
    "citation": EventReader._citation,
    "reasoningContent": EventReader._reasoning,
}
