"""Events to this wire's chunks.

Each event is one chunk, written as OpenAI does: the role first, `usage` only for a client that asked for it, in a
chunk of its own before `[DONE]`. Thinking that the plain field cannot say alone (signed, of another dialect, or not
the first of its choice) is repeated in `reasoning_details`, piece by piece, under one index per thought. Citations
come together, before the finish: OpenAI's SDK joins no lists of objects that have no index.
"""

from operator import itemgetter
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
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Citation, Part, Refusal, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.dialects.openai_chat.error import encode_error
from keywright.dialects.openai_chat.fields import NAME, own
from keywright.dialects.openai_chat.finish import encode_finish
from keywright.dialects.openai_chat.response import (
    ANSWER_FIELDS,
    ONE_CALL,
    annotations_of,
    lose_finish,
    lost_kind,
    other_fields,
    own_logprobs,
)
from keywright.dialects.openai_chat.thinking import PLAIN, encode_detail, is_thought, needs_detail
from keywright.dialects.openai_chat.tools import speaks_functions
from keywright.dialects.openai_chat.usage import encode_usage
from keywright.dialects.seal import Bound, Sealer
from keywright.dialects.sse import data_frame

_DONE: Final = b"data: [DONE]\n\n"
_NONE: Final[JsonObject] = {}
_ADDED_UP: Final = frozenset(("index", "type", "text", "summary", "signature"))
"""Of an item of `reasoning_details`, what each of its pieces says."""


class _Part:
    """What must be known of an open part: its head, and the number it has among its like on the wire."""

    __slots__ = ("begun", "chars", "citations", "detailed", "field", "head", "number")

    def __init__(self, head: Part, number: int, *, detailed: bool = False, field: str = PLAIN) -> None:
        self.head = head
        self.number = number
        self.detailed = detailed
        self.field = field
        self.chars = 0  # of a text
        self.citations: list[Citation] = []  # of a text, until they are written
        self.begun = False  # whether an item of `reasoning_details` has been written for it


class StreamWriter:
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    def __init__(self, request: Request) -> None:
        self.losses: list[Loss] = []
        self._legacy = speaks_functions(request)
        self._with_usage = bool(request.stream_usage)
        self._head = b""
        self._tail = b',"usage":null}' if self._with_usage else b"}"
        self._sealer = Sealer(NAME)
        self._foreign: set[tuple[int, int]] = set()  # thoughts of other dialects' providers
        self._parts: dict[tuple[int, int], _Part] = {}
        self._calls: dict[int, int] = {}
        self._thoughts: dict[int, int] = {}
        self._spoken: set[int] = set()
        self._citing: set[int] = set()  # the choices with citations that are not written yet
        self._metered: Metered | None = None
        self._late: JsonObject = {}  # fields of the answer that came after its first chunk

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty."""
        match event:
            case TextDelta():
                return self._text(event)
            case ArgumentsDelta():
                return self._arguments(event)
            case Opened() | SignatureDelta() | Closed():
                if isinstance(event, Opened) and _is_foreign(event.head):
                    self._foreign.add((event.choice, event.part))
                return b"".join(map(self._bound, self._sealer.events(event)))
            case CitationDelta():
                part = self._parts.get((event.choice, event.part))
                if part is not None:
                    part.citations.append(event.citation)
                    self._citing.add(event.choice)
                return b""
            case LogprobsDelta():
                return self._logprobs(event)
            case Finished():
                return self._finished(event)
            case Started() | Metered() | Aside():
                return self._noted(event)
            case Failed():
                return data_frame(encode_error(event.failure, ""))
            case Ended():
                sealed = b"".join(map(self._bound, self._sealer.end()))
                return sealed + b"".join(map(self._cited, sorted(self._citing))) + self._usage() + _DONE
            case _:
                assert_never(event)

    def _bound(self, event: Bound) -> bytes:
        match event:
            case Opened():
                return self._opened(event)
            case SignatureDelta():
                return self._signature(event)
            case Closed():
                return b""
            case _:
                assert_never(event)

    def _noted(self, event: Started | Metered | Aside) -> bytes:
        """What is only remembered."""
        match event:
            case Started():
                extra = {field: value for field, value in own(event.extras).items() if field not in ANSWER_FIELDS}
                head: JsonObject = {
                    "id": event.id,
                    "object": "chat.completion.chunk",
                    "created": event.created_s or 0,
                    "model": event.model,
                    **extra,
                }
                self._head = msgspec.json.encode(head)[:-1]
            case Metered():
                self._metered = event
                self._late.update(own(event.extras))
            case Aside():
                if event.origin == NAME and isinstance(event.body, dict):
                    self._late.update(event.body)
        return b""

    def _chunk(self, choice: int, delta: Json, more: JsonObject = _NONE) -> bytes:
        """One chunk, with `more` in its choice. The first of a choice is preceded by one that says the role."""
        role = b""
        if choice not in self._spoken:
            self._spoken.add(choice)
            role = self._chunk(choice, {"role": "assistant", "content": "", "refusal": None})
        said = msgspec.json.encode({"index": choice, "delta": delta, "logprobs": None, "finish_reason": None, **more})
        return b'%bdata: %b,"choices":[%b]%b\n\n' % (role, self._head, said, self._tail)

    def _opened(self, event: Opened) -> bytes:
        head, choice = event.head, event.choice
        if isinstance(head, ToolCall):
            return self._opened_call(event, head)
        if is_thought(head):
            return self._opened_thought(event)
        self._parts[choice, event.part] = _Part(head, 0)
        match head:
            case Text():
                said = self._chunk(choice, {"content": head.text}) if head.text else b""
                part = self._parts[choice, event.part]
                part.chars, part.citations = len(head.text), list(head.citations)
                if head.citations:
                    self._citing.add(choice)
                return said
            case Refusal():
                return self._chunk(choice, {"refusal": head.text}) if head.text else b""
            case _:
                fields = other_fields(head)
                if fields is None:
                    why = f"OpenAI's chat completions have no place for {lost_kind(head)}"
                    self.losses.append(Loss(f"choices[{choice}].message", why))
                    return b""
                return self._chunk(choice, fields)

    def _opened_call(self, event: Opened, head: ToolCall) -> bytes:
        number = self._calls.get(event.choice, 0)
        self._calls[event.choice] = number + 1
        self._parts[event.choice, event.part] = _Part(head, number)
        if self._legacy:
            said: JsonObject = {"function_call": {"name": head.name, "arguments": head.arguments}}
            if number == 1:
                self.losses.append(Loss(f"choices[{event.choice}].message.function_call", ONE_CALL))
            return self._chunk(event.choice, said) if number == 0 else b""
        kind, inner = ("custom", "input") if head.custom else ("function", "arguments")
        call: JsonObject = {
            "index": number,
            "id": head.id,
            "type": kind,
            kind: {"name": head.name, inner: head.arguments},
        }
        return self._chunk(event.choice, {"tool_calls": [call]})

    def _opened_thought(self, event: Opened) -> bytes:
        head, choice = event.head, event.choice
        number = self._thoughts.get(choice, 0)
        self._thoughts[choice] = number + 1
        if not isinstance(head, Thinking):
            return self._chunk(choice, {"reasoning_details": [_indexed(head, number)]})
        foreign = (choice, event.part) in self._foreign
        field = own(head.extras).get("field")
        part = _Part(
            head,
            number,
            detailed=foreign or number > 0 or needs_detail(head),
            field=field if isinstance(field, str) else PLAIN,
        )
        self._parts[choice, event.part] = part
        return self._thought(choice, part, head.text, head.signature) if head.text or head.signature else b""

    def _thought(self, choice: int, part: _Part, text: str, signature: str | None) -> bytes:
        delta: JsonObject = {part.field: text} if text and part.field else {}
        if part.detailed or signature is not None:
            assert isinstance(part.head, Thinking)
            piece = msgspec.structs.replace(part.head, text=text, signature=signature)
            item = _indexed(piece, part.number)
            delta["reasoning_details"] = [_continued(item) if part.begun else item]
            part.begun = True
        return self._chunk(choice, delta)

    def _text(self, event: TextDelta) -> bytes:
        part = self._parts.get((event.choice, event.part))
        match part.head if part else None:
            case Text():
                assert part is not None
                part.chars += len(event.text)
                return self._chunk(event.choice, {"content": event.text})
            case Thinking():
                assert part is not None
                return self._thought(event.choice, part, event.text, None)
            case Refusal():
                return self._chunk(event.choice, {"refusal": event.text})
            case _:
                return b""

    def _arguments(self, event: ArgumentsDelta) -> bytes:
        part = self._parts.get((event.choice, event.part))
        if part is None or not isinstance(part.head, ToolCall):
            return b""
        if self._legacy:
            said: JsonObject = {"function_call": {"arguments": event.text}}
            return self._chunk(event.choice, said) if part.number == 0 else b""
        kind, inner = ("custom", "input") if part.head.custom else ("function", "arguments")
        call: JsonObject = {"index": part.number, kind: {inner: event.text}}
        if part.head.custom:
            call["type"] = "custom"
        return self._chunk(event.choice, {"tool_calls": [call]})

    def _signature(self, event: SignatureDelta) -> bytes:
        part = self._parts.get((event.choice, event.part))
        if part is None or not isinstance(part.head, Thinking):
            return b""
        return self._thought(event.choice, part, "", event.signature)

    def _cited(self, choice: int) -> bytes:
        """The citations of a choice, with where in its content the texts stand that have them."""
        if choice not in self._citing:
            return b""
        self._citing.remove(choice)
        annotations: list[Json] = []
        end = 0
        for (of, _), part in sorted(self._parts.items(), key=itemgetter(0)):
            if of == choice and isinstance(part.head, Text):
                start, end = end, end + part.chars
                annotations += annotations_of(part.citations, start, end, f"choices[{choice}].message", self.losses)
                part.citations = []
        return self._chunk(choice, {"annotations": annotations}) if annotations else b""

    def _logprobs(self, event: LogprobsDelta) -> bytes:
        body = own_logprobs(event.body) if event.origin in ("", NAME) else None
        return b"" if body is None else self._chunk(event.choice, {}, {"logprobs": body})

    def _finished(self, event: Finished) -> bytes:
        lose_finish(event.finish, f"choices[{event.choice}]", self.losses)
        extra = own(event.extras)
        delta = extra.get("message") or {}
        more = {field: value for field, value in extra.items() if field != "message"}
        more["finish_reason"] = encode_finish(event.finish, legacy=self._legacy)
        return self._cited(event.choice) + self._chunk(event.choice, delta, more)

    def _usage(self) -> bytes:
        if self._metered is None or not self._with_usage:
            return b""
        late = {field: value for field, value in self._late.items() if field not in ANSWER_FIELDS}
        more = b"," + msgspec.json.encode(late)[1:-1] if late else b""
        usage = msgspec.json.encode(encode_usage(self._metered.usage, self._late.get("usage")))
        return b'data: %b,"choices":[]%b,"usage":%b}\n\n' % (self._head, more, usage)


def _is_foreign(head: Part) -> bool:
    return isinstance(head, Thinking) and head.origin not in (None, NAME)


def _indexed(thought: Part, number: int) -> Json:
    """The item for a piece of a thought, with its index unless its own server gave it one."""
    item = encode_detail(thought)
    return {"index": number, **item} if isinstance(item, dict) else item


def _continued(item: Json) -> Json:
    """A further item of a thought: only what clients add up. They would join its other strings with the first's."""
    return {name: value for name, value in item.items() if name in _ADDED_UP} if isinstance(item, dict) else item
