"""A stream, both ways.

It is read as OpenAI's. To clients it is written as Mistral does: a tool's call whole in one chunk, and the usage in the
last chunk, with the reason why the answer ended, so that one is held back until the stream ends.
"""

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
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Part, Refusal, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects import openai_chat
from keywright.dialects.mistral.error import error_frame
from keywright.dialects.mistral.response import (
    answer_chunks,
    encode_call,
    encode_finish,
    encode_usage,
    references,
)
from keywright.dialects.mistral.wire import NAME, ours, own
from keywright.dialects.openai_chat.response import ANSWER_FIELDS
from keywright.dialects.openai_chat.thinking import encode_chunk
from keywright.dialects.seal import Bound, Sealer
from keywright.dialects.sse import data_frame

_DONE: Final = b"data: [DONE]\n\n"
_ALIKE: Final = (TextDelta, ArgumentsDelta, Closed)
"""Events in which nothing names a dialect."""

_Piece: TypeAlias = TextDelta | ArgumentsDelta | SignatureDelta | CitationDelta


class StreamReader:
    """Upstream bytes to events. Bytes may be cut anywhere."""

    def __init__(self) -> None:
        self._reader = openai_chat.StreamReader()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            UpstreamMalformedError: the bytes are not this dialect's stream, or a frame is too large.
        """
        return list(map(_our, self._reader.feed(chunk)))

    def end(self) -> list[Event]:
        """The events still owed when the connection has ended.

        Raises:
            UpstreamBrokeError: the stream ended before the answer was complete.
        """
        return list(map(_our, self._reader.end()))


def _our(event: Event) -> Event:
    return event if isinstance(event, _ALIKE) else ours(event)


class _Open:
    """A part that is open: its head, and of a call the arguments so far."""

    __slots__ = ("arguments", "head")

    def __init__(self, head: Part) -> None:
        self.head = head
        self.arguments: list[str] = []


class StreamWriter:
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    def __init__(self, request: Request) -> None:  # the same for every request
        self.losses: list[Loss] = []
        self._sealer = Sealer(NAME)
        self._head: JsonObject = {}
        self._parts: dict[tuple[int, int], _Open] = {}
        self._calls: dict[int, int] = {}
        self._spoken: set[int] = set()
        self._finishes: dict[int, Finished] = {}
        self._usage = Usage()
        self._late: JsonObject = {}
        self._reported: set[str] = set()

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty."""
        match event:
            case TextDelta() | ArgumentsDelta() | CitationDelta():
                return self._piece(event)
            case Opened() | SignatureDelta() | Closed():
                return b"".join(map(self._bound, self._sealer.events(event)))
            case Finished():
                self._finishes[event.choice] = event
                return b""
            case Started() | Metered() | Aside() | LogprobsDelta():
                self._note(event)
                return b""
            case Failed():
                return data_frame(error_frame(event.failure))
            case Ended():
                return b"".join(map(self._bound, self._sealer.end())) + self._last()
            case _:
                assert_never(event)

    def _bound(self, event: Bound) -> bytes:
        match event:
            case Opened():
                return self._opened(event)
            case SignatureDelta():
                return self._piece(event)
            case Closed():
                return self._closed(event)
            case _:
                assert_never(event)

    def _note(self, event: Started | Metered | Aside | LogprobsDelta) -> None:
        """What is only remembered."""
        match event:
            case Started():
                self._head = {
                    **_beside(own(event.extras)),
                    "id": event.id,
                    "object": "chat.completion.chunk",
                    "created": event.created_s or 0,
                    "model": event.model,
                }
            case Metered():
                self._usage = event.usage
                self._late.update(own(event.extras))
            case Aside():
                if event.origin == NAME and isinstance(event.body, dict):
                    self._late.update(event.body)
            case LogprobsDelta():
                self._lose(Loss(f"choices[{event.choice}].logprobs", "Mistral has no log probabilities"))
            case _:
                assert_never(event)

    def _opened(self, event: Opened) -> bytes:
        head, choice = event.head, event.choice
        self._parts[choice, event.part] = _Open(head)
        losses: list[Loss] = []
        chunks: list[Json] = list(answer_chunks(head, _path(choice), losses))
        self._report(losses)
        match head:
            case Thinking(text="", signature=None) | Refusal(text=""):
                return b""
            case Text(text=text, citations=()) | Refusal(text=text):
                return self._chunk(choice, {"content": text}) if text else b""
            case _:
                return self._chunk(choice, {"content": chunks}) if chunks else b""

    def _piece(self, event: _Piece) -> bytes:
        """More of a part that is open."""
        part = self._parts.get((event.choice, event.part))
        if part is None:
            return b""
        losses: list[Loss] = []
        content: Json = None
        match event:
            case TextDelta():
                content = [encode_chunk(Thinking(event.text), None)] if isinstance(part.head, Thinking) else event.text
            case ArgumentsDelta():
                part.arguments.append(event.text)
            case SignatureDelta():
                if isinstance(part.head, Thinking) and event.signature:
                    content = [{"type": "thinking", "thinking": [], "signature": event.signature}]
            case CitationDelta():
                content = list(references((event.citation,), _path(event.choice), losses))
            case _:
                assert_never(event)
        self._report(losses)
        return self._chunk(event.choice, {"content": content}) if content else b""

    def _closed(self, event: Closed) -> bytes:
        """A part has ended: a call can be said now."""
        part = self._parts.pop((event.choice, event.part), None)
        if part is None or not isinstance(part.head, ToolCall):
            return b""
        index = self._calls.get(event.choice, 0)
        self._calls[event.choice] = index + 1
        call = msgspec.structs.replace(part.head, arguments=part.head.arguments + "".join(part.arguments))
        losses: list[Loss] = []
        said = encode_call(call, index, _path(event.choice), losses)
        self._report(losses)
        return self._chunk(event.choice, {"tool_calls": [said]})

    def _chunk(self, choice: int, delta: Json, finish: str | None = None, more: JsonObject | None = None) -> bytes:
        """One chunk. The first of a choice is preceded by one that says the role."""
        role = b""
        if choice not in self._spoken:
            self._spoken.add(choice)
            role = self._chunk(choice, {"role": "assistant", "content": ""})
        said: Json = {"index": choice, "delta": delta, "finish_reason": finish}
        return role + data_frame(msgspec.json.encode({**self._head, "choices": [said], **(more or {})}))

    def _last(self) -> bytes:
        """What was held back until the end."""
        finishes = self._finishes or {0: Finished(Finish("stop"))}
        written = []
        for choice, event in sorted(finishes.items()):
            losses: list[Loss] = []
            word = encode_finish(event.finish, f"choices[{choice}]", losses)
            self._report(losses)
            more: JsonObject = {}
            if choice == max(finishes):
                more = {**_beside(self._late), "usage": encode_usage(self._usage, self._late.get("usage"))}
            written.append(self._chunk(choice, {"content": ""}, word, more))
        return b"".join(written) + _DONE

    def _report(self, losses: list[Loss]) -> None:
        for loss in losses:
            self._lose(loss)

    def _lose(self, loss: Loss) -> None:
        """Report a loss once, however often it comes."""
        if loss.path not in self._reported:
            self._reported.add(loss.path)
            self.losses.append(loss)


def _path(choice: int) -> str:
    return f"choices[{choice}].message"


def _beside(extra: JsonObject) -> JsonObject:
    return {field: value for field, value in extra.items() if field not in ANSWER_FIELDS}
