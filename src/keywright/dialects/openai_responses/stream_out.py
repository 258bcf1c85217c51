"""Events to this wire's stream.

Each canonical event is one or more events here, all numbered: an item is added, a part of it is added, its pieces come,
the part is done, the item is done; and at the end the whole answer comes again. Items may be open together, so parallel
calls interleave as they come.

An item is done when all its parts are closed and no further part can join it: a message when the next item begins, a
thought when it is signed. `created` waits for nothing: its usage is null in OpenAI's streams too.

Citations of another provider come when their text is whole, because an annotation tells where that ends. An event that
only this dialect understands passes as it came, with our numbers; those of an item that is announced before it is
known are thereby under the number that it will have.
"""

from typing import Final, assert_never

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
from keywright.core.failure import Failure
from keywright.core.fold import merged
from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Citation, Text
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_responses import part_out
from keywright.dialects.openai_responses.error import error_event
from keywright.dialects.openai_responses.fields import CHAT, NAME, made_tail, own
from keywright.dialects.openai_responses.finish import incomplete_reason, lose_finish
from keywright.dialects.openai_responses.output import Item, Output, Slot
from keywright.dialects.openai_responses.response import (
    NO_ADDRESS,
    NO_FIELD,
    annotations_path,
    beside,
    ending,
    frame,
    items_of,
    logprobs_of,
    lost_part,
)
from keywright.dialects.openai_responses.settings import settings_of
from keywright.dialects.openai_responses.usage import encode_usage
from keywright.dialects.seal import Bound, Sealer

_FAILED_CODES: Final = {"rate_limited": "rate_limit_exceeded", "invalid_request": "invalid_prompt"}
"""The codes of a failed answer, which are few: every other kind is a `server_error`."""


class _Open:
    """A part that is being written. `head`: its delta events up to the text. `foreign`: held citations of others."""

    __slots__ = ("foreign", "head", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        name, known = part_out.piece(slot)
        self.head = b"event: %b\ndata: %b" % (name.encode(), msgspec.json.encode(known)[:-1])
        self.foreign: list[Citation] = []


class StreamWriter:
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    def __init__(self, request: Request) -> None:
        self.losses: list[Loss] = []
        self._request = request
        self._started: Started | None = None
        self._output = Output("")
        self._sealer = Sealer(NAME)
        self._open: dict[int, _Open] = {}
        self._unfinished: list[Item] = []
        self._announced: set[str] = set()  # ids of items that an event of this dialect's own announced
        self._text: _Open | None = None  # the last text, to which log probabilities belong
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._extras: Extras = NO_EXTRAS
        self._number = 0
        self._reported: set[str] = set()

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty."""
        match event:
            case TextDelta() | ArgumentsDelta():
                return self._piece(event)
            case Opened() | SignatureDelta() | Closed():
                return b"".join(map(self._of_part, self._sealer.events(event)))
            case CitationDelta() | LogprobsDelta():
                return self._added(event)
            case Started():
                return self._begun(event)
            case Finished() | Metered():
                self._noted(event)
                return b""
            case Aside():
                return self._aside(event)
            case Failed():
                return self._failed(event.failure)
            case Ended():
                return self._ended()
            case _:
                assert_never(event)

    def _of_part(self, event: Bound) -> bytes:
        match event:
            case Opened():
                return self._opened(event)
            case SignatureDelta():
                return self._added(event)
            case Closed():
                return self._closed(event)
            case _:
                assert_never(event)

    def _begun(self, event: Started) -> bytes:
        self._started = event
        self._extras = merged(self._extras, event.extras)
        self._output = Output(made_tail(event.id))
        body = {**self._frame(), **beside(event.extras), "status": "in_progress", "output": [], "usage": None}
        body |= {"error": None, "incomplete_details": None}
        return self._event("response.created", {"response": body}) + self._event(
            "response.in_progress", {"response": body}
        )

    def _frame(self) -> JsonObject:
        started = self._started or Started("", "")
        return frame(started.id, started.model, started.created_s, settings_of(self._request, self._extras))

    def _noted(self, event: Finished | Metered) -> None:
        match event:
            case Finished():
                if not event.choice:
                    self._finish = event.finish
                    lose_finish(event.finish, self.losses)
                    self.losses += answer_losses(event.extras, NAME, "output", NO_FIELD)
            case Metered():
                self._usage = event.usage
                self._extras = merged(self._extras, event.extras)

    def _opened(self, event: Opened) -> bytes:
        if event.choice:
            self._lose("choices", "the Responses API gives one answer: the first")
            return b""
        place = self._output.place(event.head)
        if place is None:
            self._lose("output", lost_part(event.head))
            return b""
        if isinstance(place, Item):
            return self._finished_but(place) + self._whole(place)
        item = place.item
        added = b""
        if len(item.slots) == 1:
            self._unfinished.append(item)
            added = self._finished_but(item)
            added += self._event("response.output_item.added", {"output_index": item.index, "item": item.begun()})
        opened = self._open[event.part] = _Open(place)
        return added + self._part_added(opened)

    def _whole(self, item: Item) -> bytes:
        """An item that came complete."""
        body = item.body("completed")
        announced = item.id in self._announced
        added = b"" if announced else self._item_event("added", item, body)
        return added + self._item_event("done", item, body)

    def _item_event(self, step: str, item: Item, body: JsonObject) -> bytes:
        return self._event(f"response.output_item.{step}", {"output_index": item.index, "item": body})

    def _part_added(self, opened: _Open) -> bytes:
        """The start of a part, and as deltas what its head already holds."""
        slot = opened.slot
        text, slot.texts = slot.text, []
        said = self._said(part_out.begun(slot))
        if text:
            said += self._delta(opened, text)
        if isinstance(slot.head, Text):
            self._text = opened
            said += b"".join(self._cited(opened, citation) for citation in slot.head.citations)
        return said

    def _piece(self, event: TextDelta | ArgumentsDelta) -> bytes:
        opened = None if event.choice else self._open.get(event.part)
        return b"" if opened is None or not event.text else self._delta(opened, event.text)

    def _delta(self, opened: _Open, text: str) -> bytes:
        opened.slot.texts.append(text)
        self._number += 1
        return b'%b,"delta":%b,"sequence_number":%d}\n\n' % (opened.head, msgspec.json.encode(text), self._number - 1)

    def _added(self, event: SignatureDelta | CitationDelta | LogprobsDelta) -> bytes:
        """What comes beside the text of a part."""
        if event.choice:
            return b""
        if isinstance(event, LogprobsDelta):
            return self._logprobs(event)
        opened = self._open.get(event.part)
        if opened is None:
            return b""
        if isinstance(event, SignatureDelta):
            opened.slot.signature += event.signature
            return b""
        return self._cited(opened, event.citation)

    def _cited(self, opened: _Open, citation: Citation) -> bytes:
        if not isinstance(opened.slot.head, Text):
            return b""
        if citation.origin != NAME:
            opened.foreign.append(citation)
            return b""
        return self._annotated(opened, citation)

    def _annotated(self, opened: _Open, citation: Citation) -> bytes:
        slot = opened.slot
        annotation = slot.cite(citation)
        if annotation is None:
            self._lose(annotations_path(slot), NO_ADDRESS)
            return b""
        return self._said([part_out.annotated(slot, annotation)])

    def _logprobs(self, event: LogprobsDelta) -> bytes:
        """Log probabilities of the tokens just sent: they come in a delta without text."""
        tokens = logprobs_of(event.body) if event.origin in ("", CHAT) else []
        if not tokens or self._text is None:
            return b""
        slot = self._text.slot
        slot.logprobs += tokens
        name, known = part_out.piece(slot)
        return self._said([(name, {**known, "delta": "", "logprobs": tokens})])

    def _closed(self, event: Closed) -> bytes:
        opened = None if event.choice else self._open.pop(event.part, None)
        if opened is None:
            return b""
        item = opened.slot.item
        said = b"".join([self._annotated(opened, citation) for citation in opened.foreign])
        said += self._said(part_out.done(opened.slot))
        item.open -= 1
        last = self._output.items[-1]
        return said + self._finished_but(last if last.growing else None)

    def _finished_but(self, growing: Item | None) -> bytes:
        """The ends of the items that are complete; `growing` may still get parts."""
        done = [item for item in self._unfinished if not item.open and item is not growing]
        if not done:
            return b""
        self._unfinished = [item for item in self._unfinished if item not in done]
        status = "completed" if incomplete_reason(self._finish) is None else "incomplete"
        return b"".join(
            self._item_event("done", item, item.body(status if item is self._output.items[-1] else "completed"))
            for item in done
        )

    def _ended(self) -> bytes:
        said = b"".join(map(self._of_part, self._sealer.end()))
        said += b"".join([self._closed(Closed(part)) for part in list(self._open)]) + self._finished_but(None)
        finish = self._finish
        body = {**self._frame(), **ending(finish), "output": items_of(self._output.items, finish)}
        body["usage"] = None if self._usage is None else encode_usage(self._usage, own(self._extras).get("usage"))
        body.update(beside(self._extras))
        self.losses += answer_losses(self._extras, NAME, "", NO_FIELD)
        name = "response.completed" if incomplete_reason(finish) is None else "response.incomplete"
        return said + self._event(name, {"response": body})

    def _failed(self, failure: Failure) -> bytes:
        """The event `error`, and the answer so far, failed."""
        said = self._event("error", error_event(failure))
        if self._started is None:
            return said
        code = _FAILED_CODES.get(failure.kind, "server_error")
        body: JsonObject = {**self._frame(), "status": "failed", "incomplete_details": None, "usage": None}
        body |= {"error": {"code": code, "message": failure.message}, "output": items_of(self._output.items, None)}
        return said + self._event("response.failed", {"response": body})

    def _aside(self, event: Aside) -> bytes:
        """An event of this dialect's own; those of others carry nothing that its clients miss."""
        if event.origin != NAME or not isinstance(event.body, dict):
            return b""
        if not event.kind:
            self._extras = merged(self._extras, {NAME: event.body})
            return b""
        item = event.body.get("item")
        told: Json = item.get("id") if isinstance(item, dict) else event.body.get("item_id")
        body = {**event.body}
        if isinstance(told, str):
            if isinstance(item, dict):
                self._announced.add(told)
            body["output_index"] = self._output.reserve(told)
        return self._event(event.kind, body)

    def _said(self, events: list[part_out.Said]) -> bytes:
        return b"".join([self._event(name, body) for name, body in events])

    def _event(self, name: str, body: JsonObject) -> bytes:
        said = {"type": name, **body, "sequence_number": self._number}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(said))

    def _lose(self, path: str, why: str) -> None:
        """Report a loss once, however often it comes."""
        if path not in self._reported:
            self._reported.add(path)
            self.losses.append(Loss(path, why))
