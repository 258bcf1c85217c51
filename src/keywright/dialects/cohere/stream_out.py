"""Events to this wire's frames.

An item that another provider has and Cohere has not is left out, with a loss. Citations are written when their text is
complete, for Cohere's say which characters they are of; the finish and the usage come together in the last frame, and
`[DONE]` after it. A failure is a last frame, too: with the finish `ERROR` and the error beside it.
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
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Citation, Refusal, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.dialects.cohere.error import error_words
from keywright.dialects.cohere.fields import NAME, PLAN, own
from keywright.dialects.cohere.finish import encode_finish
from keywright.dialects.cohere.parts import encode_citation
from keywright.dialects.cohere.response import answer_item, is_plan, lose_finish, own_logprobs
from keywright.dialects.cohere.usage import encode_usage
from keywright.dialects.sse import event_frame

DONE: Final = b"data: [DONE]\n\n"
EMPTY: Final[JsonObject] = {"role": "assistant", "content": [], PLAN: "", "tool_calls": [], "citations": []}


_CALLS: Final = "tool_calls"
_ANY: Final = b'"?"'


class _Part:
    """An open part: where it stands among its like (`field` says which like), the bytes before and after more of its
    text, and a text's characters so far.
    """

    __slots__ = ("after", "before", "citations", "field", "index", "texts")

    def __init__(self, field: str, index: int) -> None:
        self.field = field
        self.index = index
        self.texts: list[str] = []
        self.citations: list[Citation] = []
        self.before, _, self.after = _delta(field, index).partition(_ANY)

    def more(self, text: str) -> bytes:
        """The frame that adds `text`."""
        return b"%b%b%b" % (self.before, msgspec.json.encode(text), self.after)


def _delta(field: str, index: int) -> bytes:
    """A frame that adds `_ANY` to a part."""
    match field:
        case "tool_calls":
            return _frame("tool-call-delta", index, {_CALLS: {"function": {"arguments": "?"}}})
        case "tool_plan":
            return _frame("tool-plan-delta", None, {PLAN: "?"})
        case _:
            return _frame("content-delta", index, {"content": {field: "?"}})


class StreamWriter:
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    def __init__(self, request: Request) -> None:  # the same for every request
        self.losses: list[Loss] = []
        self._parts: dict[int, _Part] = {}
        self._items = 0
        self._calls = 0
        self._citations = 0
        self._finish: Finish | None = None
        self._late: list[Json] = []  # citations of what is no text
        self._metered: Metered | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty."""
        if not isinstance(event, Started | Metered | Aside | Failed | Ended) and event.choice:
            return b""  # there is one answer only; told at its finish
        match event:
            case TextDelta():
                return self._text(event)
            case ArgumentsDelta():
                return self._arguments(event)
            case Opened():
                return self._opened(event)
            case Closed():
                return self._closed(event)
            case CitationDelta():
                if event.part in self._parts:
                    return self._cited(self._parts[event.part], event.citation)
                return b""
            case LogprobsDelta():
                return self._logprobs(event)
            case Failed():
                end: JsonObject = {"finish_reason": "TIMEOUT" if event.failure.kind == "timeout" else "ERROR"}
                end |= {"usage": {}, "error": event.failure.message, **error_words(event.failure)}
                return _frame("message-end", delta=end) + DONE
            case Ended():
                return self._end() + DONE
            case Started() | Finished() | Metered() | Aside() | SignatureDelta():
                return self._noted(event)
            case _:
                assert_never(event)

    def _noted(self, event: Started | Finished | Metered | Aside | SignatureDelta) -> bytes:
        """What has a frame of its own or is only remembered."""
        match event:
            case Started():
                start = {**own(event.extras), "id": event.id, "type": "message-start", "delta": {"message": EMPTY}}
                return event_frame(b"message-start", msgspec.json.encode(start))
            case Finished():
                self._finish = event.finish
                lose_finish(event.finish, self.losses)
                late = own(event.extras).get("citations")
                self._late = late if isinstance(late, list) else []
            case Metered():
                self._metered = event
            case Aside():
                if event.origin == NAME and isinstance(event.body, dict):
                    return event_frame(event.kind.encode(), msgspec.json.encode(event.body))
            case SignatureDelta():
                self.losses.append(Loss(f"choices[0].parts[{event.part}].signature", "Cohere's thinking is not signed"))
        return b""

    def _opened(self, event: Opened) -> bytes:
        head = event.head
        if isinstance(head, ToolCall):
            part = self._parts[event.part] = _Part(_CALLS, self._calls)
            self._calls += 1
            function: JsonObject = {"name": head.name, "arguments": head.arguments}
            call: JsonObject = {**own(head.extras), "id": head.id, "type": "function", "function": function}
            return _frame("tool-call-start", part.index, {_CALLS: call})
        if is_plan(head):
            assert isinstance(head, Thinking)
            part = self._parts[event.part] = _Part(PLAN, 0)
            return part.more(head.text) if head.text else b""
        item = answer_item(head, f"choices[0].parts[{event.part}]", self.losses)
        if item is None:
            return b""
        field = "thinking" if isinstance(head, Thinking) else "text" if isinstance(head, Text | Refusal) else ""
        part = self._parts[event.part] = _Part(field, self._items)
        self._items += 1
        cited = b""
        if isinstance(head, Text):
            part.texts.append(head.text)
            cited = b"".join(self._cited(part, citation) for citation in head.citations)
        return _frame("content-start", part.index, {"content": item}) + cited

    def _text(self, event: TextDelta) -> bytes:
        part = self._parts.get(event.part)
        if part is None or part.field == _CALLS:
            return b""
        if part.field == "text":
            part.texts.append(event.text)
        return part.more(event.text)

    def _arguments(self, event: ArgumentsDelta) -> bytes:
        part = self._parts.get(event.part)
        return b"" if part is None or part.field != _CALLS else part.more(event.text)

    def _closed(self, event: Closed) -> bytes:
        part = self._parts.get(event.part)
        if part is None or part.field == PLAN:
            return b""
        if part.field == _CALLS:
            return _frame("tool-call-end", part.index)
        return self._owed(part) + _frame("content-end", part.index)

    def _owed(self, part: _Part) -> bytes:
        """The citations of a text that is complete."""
        owed, part.citations = part.citations, []
        return b"".join(self._citation(encode_citation(one, "".join(part.texts), part.index)) for one in owed)

    def _cited(self, part: _Part, citation: Citation) -> bytes:
        """A citation: at once where it says itself of which characters it is, else when its text is complete."""
        if citation.origin == NAME:
            return self._citation(citation.body)
        part.citations.append(citation)
        return b""

    def _citation(self, body: Json) -> bytes:
        index = self._citations
        self._citations += 1
        return _frame("citation-start", index, {"citations": body}) + _frame("citation-end", index)

    def _logprobs(self, event: LogprobsDelta) -> bytes:
        frames = []
        last = max(self._items - 1, 0)
        for item in own_logprobs(event.body):
            delta: JsonObject = {"message": {"content": {"text": ""}}}
            said: JsonObject = {"type": "content-delta", "index": last, "delta": delta, "logprobs": item}
            frames.append(event_frame(b"content-delta", msgspec.json.encode(said)))
        return b"".join(frames)

    def _end(self) -> bytes:
        late = b"".join(map(self._owed, self._parts.values())) + b"".join(map(self._citation, self._late))
        used = self._metered
        usage: JsonObject = {}
        if used is not None:
            usage = encode_usage(used.usage, used.billed, own(used.extras).get("usage"))
        return late + _frame("message-end", delta={"finish_reason": encode_finish(self._finish), "usage": usage})


def _frame(
    kind: str, index: int | None = None, message: JsonObject | None = None, delta: JsonObject | None = None
) -> bytes:
    """One frame: of the `message`'s change, or of another `delta`."""
    said: JsonObject = {"type": kind}
    if index is not None:
        said["index"] = index
    if message is not None:
        said["delta"] = {"message": message}
    elif delta is not None:
        said["delta"] = delta
    return event_frame(kind.encode(), msgspec.json.encode(said))
