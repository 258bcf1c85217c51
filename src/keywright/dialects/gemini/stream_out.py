"""Canonical events to a stream of the API.

Text is written as it comes. A call is written when it is whole, since on this wire it comes so, and in the order in
which calls opened. How a choice ended is held until the end, where it goes out together with the usage, in the last
frame, as clients expect.
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
from keywright.core.fold import merged
from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Citation, Part, Refusal, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.usage import Usage
from keywright.dialects.gemini.error import error_node
from keywright.dialects.gemini.finish import STOPPED
from keywright.dialects.gemini.grounding import grounding_of
from keywright.dialects.gemini.parts_out import call, thought
from keywright.dialects.gemini.response import answer_part, ending, head_of
from keywright.dialects.gemini.usage import usage_node
from keywright.dialects.gemini.wire import NAME, Node, own, rendered
from keywright.dialects.seal import Bound, Sealer
from keywright.dialects.sse import data_frame

_LEAST: Final = frozenset(("modelVersion", "responseId", "createTime"))
"""What of the answer's head every frame repeats."""


class StreamWriter:
    """Events of one answer to server-sent events. Everything it could not say is in `losses`."""

    def __init__(self, request: Request) -> None:
        self._answer = AnswerWriter(request)
        self.losses = self._answer.losses

    def write(self, event: Event) -> bytes:
        """The bytes that `event` lets out; may be empty."""
        frames = self._answer.frames(event)
        return b"".join(map(data_frame, frames)) if frames else b""


class _Open:
    """A part under way: its head, what has come of it, and whether it has ended."""

    __slots__ = ("citations", "ended", "head", "pieces", "signature")

    def __init__(self, head: Part) -> None:
        self.head = head
        self.pieces: list[str] = []  # of a call's arguments
        self.signature = ""  # of a thought
        self.citations: list[Citation] = []  # of a text
        self.ended = False


class _Choice:
    """What must be known of one candidate."""

    __slots__ = ("calls", "cited", "ending", "open", "said_bytes")

    def __init__(self) -> None:
        self.open: dict[int, _Open] = {}
        self.calls: dict[int, _Open] = {}  # those that are not written yet, in their order
        self.said_bytes = 0  # of its texts
        self.cited: list[tuple[JsonObject, tuple[Citation, ...]]] = []
        self.ending: Finished | None = None


class AnswerWriter:
    """Events of one answer to frames, however these will be framed."""

    def __init__(self, request: Request) -> None:  # the same for every request
        self.losses: list[Loss] = []
        self._sealer = Sealer(NAME)
        self._choices: dict[int, _Choice] = {}
        self._tail = b"}"  # of each frame
        self._head: Node = {}  # what the first frame and the last say beside that
        self._usage: Usage | None = None
        self._extras: Extras = NO_EXTRAS
        self._reported: set[str] = set()

    def frames(self, event: Event) -> list[bytes]:
        """The frames that `event` lets out."""
        match event:
            case TextDelta():
                return self._text(event)
            case Opened() | SignatureDelta() | Closed():
                return [frame for each in self._sealer.events(event) for frame in self._bound(each)]
            case ArgumentsDelta() | CitationDelta():
                return self._grown(event)
            case LogprobsDelta():
                said = ending(None, event.body, NO_EXTRAS, f"candidates[{event.choice}]", self.losses)
                return [self._candidate(event.choice, said)] if said else []
            case Started() | Finished() | Metered() | Aside():
                return self._noted(event)
            case Failed():
                return [rendered(error_node(event.failure))]
            case Ended():
                return [*(frame for each in self._sealer.end() for frame in self._bound(each)), self._last()]
            case _:
                assert_never(event)

    def _bound(self, event: Bound) -> list[bytes]:
        match event:
            case Opened():
                return self._opened(event)
            case SignatureDelta():
                return self._grown(event)
            case Closed():
                return self._closed(event)
            case _:
                assert_never(event)

    def _noted(self, event: Started | Finished | Metered | Aside) -> list[bytes]:
        """What is only remembered."""
        match event:
            case Started():
                head = head_of(event.id, event.model, event.created_s, event.extras)
                self._tail = b"," + rendered({name: head[name] for name in _LEAST & head.keys()})[1:]
                self._extras = merged(self._extras, event.extras)
                self._head = head
            case Finished():
                self._choice(event.choice).ending = event
            case Metered():
                self._usage = event.usage
                self._extras = merged(self._extras, event.extras)
            case Aside():
                pass
            case _:
                assert_never(event)
        return []

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _text(self, event: TextDelta) -> list[bytes]:
        choice = self._choice(event.choice)
        part = choice.open.get(event.part)
        match part.head if part is not None else None:
            case Text() | Refusal():
                choice.said_bytes += len(event.text.encode())
                return [self._said(event.choice, b'{"text":%b}' % rendered(event.text))]
            case Thinking():
                return [self._said(event.choice, b'{"text":%b,"thought":true}' % rendered(event.text))]
            case _:
                return []

    def _grown(self, event: ArgumentsDelta | SignatureDelta | CitationDelta) -> list[bytes]:
        part = self._choice(event.choice).open.get(event.part)
        if part is not None:
            match event:
                case ArgumentsDelta():
                    part.pieces.append(event.text)
                case SignatureDelta():
                    part.signature += event.signature
                case CitationDelta():
                    part.citations.append(event.citation)
                case _:
                    assert_never(event)
        return []

    def _opened(self, event: Opened) -> list[bytes]:
        choice = self._choice(event.choice)
        part = choice.open[event.part] = _Open(event.head)
        path = f"candidates[{event.choice}].content.parts[{event.part}]"
        match event.head:
            case ToolCall():
                choice.calls[event.part] = part
                return []
            case Text():
                part.citations += event.head.citations
                choice.said_bytes += len(event.head.text.encode())
                if not event.head.text and not own(event.head.extras):
                    return []
            case Thinking(text, signature) if not text and not own(event.head.extras):
                part.signature = signature or ""
                return []
            case _:
                pass
        node = answer_part(event.head, path, self.losses)
        return [] if node is None else [self._said(event.choice, rendered(node))]

    def _closed(self, event: Closed) -> list[bytes]:
        choice = self._choice(event.choice)
        part = choice.open.pop(event.part, None)
        if part is None:
            return []
        part.ended = True
        match part.head:
            case ToolCall():
                return self._calls(event.choice, choice)
            case Thinking() if part.signature:
                return [self._said(event.choice, rendered(thought(Thinking("", part.signature, NAME))))]
            case Text():
                if part.citations:
                    if any(citation.url is None and citation.origin != NAME for citation in part.citations):
                        path = f"candidates[{event.choice}].content.parts[{event.part}].citations"
                        self._lose(path, "Gemini has no citations without an address")
                    choice.cited.append(({"endIndex": choice.said_bytes}, tuple(part.citations)))
            case _:
                pass
        return []

    def _calls(self, index: int, choice: _Choice) -> list[bytes]:
        """The calls that are whole, up to the first that is not."""
        frames = []
        for number, part in list(choice.calls.items()):
            if not part.ended:
                break
            del choice.calls[number]
            head = part.head
            assert isinstance(head, ToolCall)
            whole = msgspec.structs.replace(head, arguments=head.arguments + "".join(part.pieces))
            path = f"candidates[{index}].content.parts[{number}]"
            answer_part(head, path, self.losses)  # for its losses
            frames.append(self._said(index, rendered(call(whole))))
        return frames

    def _said(self, choice: int, part: bytes) -> bytes:
        """The frame with one more part of a candidate."""
        return b'{"candidates":[{"content":{"parts":[%b],"role":"model"},"index":%d}]%b' % (part, choice, self._tail)

    def _candidate(self, index: int, said: Node) -> bytes:
        return b'{"candidates":[%b]%b' % (rendered({**said, "index": index}), self._tail)

    def _last(self) -> bytes:
        """How each candidate ended, and what all were used for."""
        frame: Node = {}
        candidates = []
        feedback = own(self._extras).get("promptFeedback")
        for index, choice in sorted(self._choices.items()):
            ended = choice.ending  # when the prompt was blocked there is no candidate
            if feedback is None or ended is None or choice.said_bytes or ended.finish.raw != _reason(feedback):
                candidates.append(self._ended(index, choice))
        if candidates:
            frame["candidates"] = candidates
        frame |= self._head
        frame.update((name, value) for name, value in own(self._extras).items() if name != "usageMetadata")
        if self._usage is not None:
            frame["usageMetadata"] = usage_node(self._usage, own(self._extras).get("usageMetadata"))
        return rendered(frame)

    def _ended(self, index: int, choice: _Choice) -> Node:
        at = f"candidates[{index}]"
        candidate: Node = {"content": {"parts": [{"text": ""}], "role": "model"}, "index": index}
        finish, extras = (STOPPED, NO_EXTRAS) if choice.ending is None else (choice.ending.finish, choice.ending.extras)
        candidate |= ending(finish, None, extras, at, self.losses)
        if "groundingMetadata" not in candidate and choice.cited:
            grounding = grounding_of(choice.cited)
            if grounding is not None:
                candidate["groundingMetadata"] = grounding
        return candidate

    def _lose(self, path: str, why: str) -> None:
        """Report a loss once, however often it comes."""
        if path not in self._reported:
            self._reported.add(path)
            self.losses.append(Loss(path, why))


def _reason(feedback: Json) -> Json:
    return feedback.get("blockReason") if isinstance(feedback, dict) else None
