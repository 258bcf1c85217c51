"""One item of an upstream's stream: its events to the events of its parts."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from keywright.core.event import (
    ArgumentsDelta,
    CitationDelta,
    Closed,
    Event,
    LogprobsDelta,
    Opened,
    SignatureDelta,
    TextDelta,
)
from keywright.core.json import Json, JsonObject
from keywright.core.message import Opaque, Part, RedactedThinking, Refusal, Text, Thinking
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_responses.content import decode_citation, decode_citations
from keywright.dialects.openai_responses.fields import CHAT, ITEM, NAME, noted, text_or_none
from keywright.dialects.openai_responses.items import call_arguments, decode_call, decode_item, item_fields
from keywright.dialects.openai_responses.reasoning import RAW, signature_of, thought_extras

PARTS_MAX: Final = 4_096

Kind: TypeAlias = Literal["content", "refusal", "summary", "thought"]
"""What a part is: an answer's text, a refusal, a thought in summary or in its own words."""

_CALLS: Final = frozenset(("function_call", "custom_tool_call"))
_KINDS: Final[dict[str, Kind]] = {
    "output_text": "content",
    "text": "content",
    "refusal": "refusal",
    "reasoning_text": "thought",
    "summary_text": "summary",
}
_TAKEN: Final = frozenset(("type", "id", "summary", "content", "encrypted_content", "status"))


class _Piece:
    """A part that was opened. `said`: some of its text has come."""

    __slots__ = ("citations", "logprobs", "number", "open", "said")

    def __init__(self, number: int) -> None:
        self.number = number
        self.open = True
        self.said = False
        self.citations = 0
        self.logprobs = False


class ItemReader:
    """The state of one item. `next_part` gives the numbers of parts. `announced`: it will be a part once it is done."""

    def __init__(self, item: JsonObject, next_part: Callable[[], int]) -> None:
        kind = item.get("type")
        self.ended = False
        self._kind = kind if isinstance(kind, str) else "message"
        self._item = item
        self._next_part = next_part
        self._pieces: dict[tuple[bool, int], _Piece] = {}  # by whether it is a summary, and its number
        self._call: _Piece | None = None

    @property
    def is_call(self) -> bool:
        """Whether it is a call of one of the client's tools."""
        return self._kind in _CALLS

    @property
    def announced(self) -> bool:
        """Whether nothing can be said of it but that it comes."""
        return self._kind not in _CALLS and self._kind not in ("message", "reasoning")

    def begin(self, events: list[Event]) -> None:
        """The item was added."""
        if self.is_call:
            self._begun_call(self._item, events)

    def _begun_call(self, item: JsonObject, events: list[Event]) -> _Piece:
        if self._call is None:
            fields = {name: value for name, value in item.items() if name != "status"}
            call = decode_call(_typeless(fields), custom=self._kind == "custom_tool_call")
            self._call = _Piece(self._next_part())
            events.append(Opened(self._call.number, msgspec.structs.replace(call, arguments="")))
        return self._call

    def delta(self, event: JsonObject, kind: Kind, events: list[Event]) -> None:
        """A piece of a text."""
        piece = self._piece(event, kind, events)
        text = event.get("delta")
        if not isinstance(text, str):
            raise WrongFieldError("delta", "a string")
        if not piece.open:
            return
        if text:
            piece.said = True
            events.append(TextDelta(piece.number, text))
        logprobs = event.get("logprobs")
        if logprobs:
            piece.logprobs = True
            events.append(LogprobsDelta(CHAT, {"content": logprobs}))

    def text(self, event: JsonObject, kind: Kind, field: str, events: list[Event]) -> None:
        """A text is complete: it comes whole, and counts where it did not come in pieces."""
        piece = self._piece(event, kind, events)
        self._whole(piece, event.get(field), events)
        logprobs = event.get("logprobs")
        if logprobs and not piece.logprobs:
            piece.logprobs = True
            events.append(LogprobsDelta(CHAT, {"content": logprobs}))

    def part(self, event: JsonObject, events: list[Event]) -> None:
        """A part was added."""
        kind = _part_kind(event)
        if kind is not None:
            self._piece(event, kind, events)

    def part_done(self, event: JsonObject, events: list[Event]) -> None:
        """A part is complete. Thoughts stay open: what signs them comes with the item."""
        kind, value = _part_kind(event), event.get("part")
        assert isinstance(value, dict)
        if kind is None:
            index = _index(event, summary=False)
            if (False, index) not in self._pieces:
                self._foreign(index, value, events)
            return
        piece = self._piece(event, kind, events)
        self._rest(piece, value, events)
        if kind in ("content", "refusal"):
            self._close(piece, events)

    def annotation(self, event: JsonObject, events: list[Event]) -> None:
        """A citation."""
        piece = self._piece(event, "content", events)
        annotation = event.get("annotation")
        if isinstance(annotation, dict) and piece.open:
            piece.citations += 1
            events.append(CitationDelta(piece.number, decode_citation(annotation)))

    def arguments(self, event: JsonObject, events: list[Event]) -> None:
        """A piece of a call's arguments."""
        call = self._begun_call(self._item, events)
        text = event.get("delta")
        if not isinstance(text, str):
            raise WrongFieldError("delta", "a string")
        if text and call.open:
            call.said = True
            events.append(ArgumentsDelta(call.number, text))

    def all_arguments(self, event: JsonObject, events: list[Event]) -> None:
        """A call's arguments are complete."""
        self._all_arguments(self._begun_call(self._item, events), event, events)

    def _all_arguments(self, call: _Piece, said: JsonObject, events: list[Event]) -> None:
        text = call_arguments(said.get("arguments") if self._kind == "function_call" else said.get("input"))
        if text and call.open and not call.said:
            call.said = True
            events.append(ArgumentsDelta(call.number, text))

    def done(self, item: JsonObject, events: list[Event]) -> None:
        """The item is complete, and comes whole."""
        if self.ended:
            return
        self.ended = True
        if self.is_call:
            call = self._begun_call(item, events)
            self._all_arguments(call, item, events)
            self._close(call, events)
        elif self._kind == "message":
            self._contents(item, "content", events)
        elif self._kind == "reasoning":
            self._contents(item, "summary", events)
            self._contents(item, "content", events)
            self._sign(item, events)
        else:
            for part in decode_item(item, "item"):
                number = self._next_part()
                events += (Opened(number, part), Closed(number))
        self.close(events)

    def close(self, events: list[Event]) -> None:
        """Close what is open."""
        for piece in self._pieces.values():
            self._close(piece, events)
        if self._call is not None:
            self._close(self._call, events)

    def _contents(self, item: JsonObject, field: str, events: list[Event]) -> None:
        """Everything in a list of the item's that has not come yet."""
        values = item.get(field)
        for index, value in enumerate(values if isinstance(values, list) else ()):
            if not isinstance(value, dict):
                raise WrongFieldError(f"item.{field}[{index}]", "an object")
            kind = _KINDS.get(str(value.get("type")))
            if kind is None:
                if (False, index) not in self._pieces:
                    self._foreign(index, value, events)
                continue
            piece = self._opened(kind, index, events)
            self._rest(piece, value, events)

    def _foreign(self, index: int, value: JsonObject, events: list[Event]) -> None:
        """A content part of a kind that is not modelled."""
        piece = self._pieces[False, index] = self._new()
        kind = value.get("type")
        events.append(Opened(piece.number, Opaque(NAME, kind if isinstance(kind, str) else "part", value)))
        self._close(piece, events)

    def _rest(self, piece: _Piece, value: JsonObject, events: list[Event]) -> None:
        """What a whole part says that did not come in pieces."""
        self._whole(piece, value.get("text") if "text" in value else value.get("refusal"), events)
        annotations = value.get("annotations")
        if piece.open and isinstance(annotations, list):
            fresh = decode_citations(annotations[piece.citations :])
            events.extend(CitationDelta(piece.number, citation) for citation in fresh)
            piece.citations = max(piece.citations, len(annotations))

    def _whole(self, piece: _Piece, text: Json, events: list[Event]) -> None:
        if isinstance(text, str) and text and piece.open and not piece.said:
            piece.said = True
            events.append(TextDelta(piece.number, text))

    def _sign(self, item: JsonObject, events: list[Event]) -> None:
        """What proves the thought to its provider."""
        item_id, encrypted = item.get("id"), item.get("encrypted_content")
        signature = signature_of(text_or_none(item_id), text_or_none(encrypted))
        if not self._pieces:
            number = self._next_part()
            extras = noted(self._thought_extras(item))
            events += (Opened(number, RedactedThinking(signature or "", NAME, extras)), Closed(number))
            return
        last = next(reversed(self._pieces.values()))
        if signature is not None and last.open:
            events.append(SignatureDelta(last.number, signature))

    def _thought_extras(self, item: JsonObject) -> JsonObject:
        item_id = item.get("id")
        rest = {field: value for field, value in item.items() if field not in _TAKEN}
        return thought_extras(item_id if isinstance(item_id, str) else None, rest)

    def _piece(self, event: JsonObject, kind: Kind, events: list[Event]) -> _Piece:
        """The part that an event is about."""
        return self._opened(kind, _index(event, summary=kind == "summary"), events)

    def _opened(self, kind: Kind, index: int, events: list[Event]) -> _Piece:
        piece = self._pieces.get((kind == "summary", index))
        if piece is None:
            if self._kind == "reasoning":
                for other in self._pieces.values():
                    self._close(other, events)
            head = self._head(kind)
            piece = self._pieces[kind == "summary", index] = self._new()
            events.append(Opened(piece.number, head))
        return piece

    def _new(self) -> _Piece:
        if len(self._pieces) >= PARTS_MAX:
            raise WrongFieldError("item", f"one of at most {PARTS_MAX} parts")
        return _Piece(self._next_part())

    def _head(self, kind: Kind) -> Part:
        """How a part begins."""
        first = not self._pieces
        if kind in ("summary", "thought"):
            extras = self._thought_extras(self._item) if first else {}
            return Thinking("", origin=NAME, extras=noted({**extras, RAW: True} if kind == "thought" else extras))
        message: JsonObject = {ITEM: {}}
        if first:
            fields = _typeless({name: value for name, value in self._item.items() if name not in ("content", "role")})
            fields.json("status")
            said, rest = item_fields(fields)
            message = {ITEM: said, **rest} if said or rest else {}
        return Refusal("", extras=noted(message)) if kind == "refusal" else Text("", extras=noted(message))

    def _close(self, piece: _Piece, events: list[Event]) -> None:
        if piece.open:
            piece.open = False
            events.append(Closed(piece.number))


def _typeless(item: JsonObject) -> Fields:
    fields = Fields(item, "item")
    fields.json("type")
    return fields


def _index(event: JsonObject, *, summary: bool) -> int:
    """The number of the part that an event is about."""
    value = event.get("summary_index" if summary else "content_index")
    return value if isinstance(value, int) else 0


def _part_kind(event: JsonObject) -> Kind | None:
    """What the `part` of an event is; None for a kind that is not modelled."""
    part = event.get("part")
    if not isinstance(part, dict):
        raise WrongFieldError("part", "an object")
    return _KINDS.get(str(part.get("type")))
