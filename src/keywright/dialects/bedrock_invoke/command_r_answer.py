"""Command R's answers, whole and as they arrive."""

from typing import Final

import msgspec

from keywright.core.dialect import Encoded
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
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Citation, Part, Refusal, Text, ToolCall
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import NO_USAGE
from keywright.dialects.bedrock_invoke.pieces import text_in, usage_of, word_in
from keywright.dialects.bedrock_invoke.texts import said_by_part
from keywright.dialects.bedrock_invoke.wire import METRICS, NAME, metrics_of, own, parsed, rendered
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses

SHAPE_NAME: Final = "command_r"

_REASONS: Final[dict[str, FinishReason]] = {
    "COMPLETE": "stop",
    "MAX_TOKENS": "length",
    "STOP_SEQUENCE": "stop_sequence",
    "ERROR": "error",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "context_window",
    "USER_CANCEL": "other",
}
_WORDS: Final[dict[FinishReason, str]] = {reason: word for word, reason in _REASONS.items() if reason != "other"}
_ORIGIN: Final = f"{NAME} {SHAPE_NAME}"
_KNOWN: Final = frozenset(
    {"text", "tool_calls", "citations", "finish_reason", "response_id", "generation_id", "chat_history", "event_type"}
)


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no answer of this shape.
    """
    node = parsed(body)
    try:
        return _response(node)
    except WrongFieldError as error:
        raise UpstreamMalformedError(f"the answer is wrong: {error}") from None


def encode_response(response: Response, request: Request) -> Encoded:
    """The answer that says `response`, and what it could not say."""
    del request
    losses: list[Loss] = []
    return Encoded(rendered(_answer(response, losses)), tuple(losses))


def _response(node: JsonObject) -> Response:
    parts: list[Part] = []
    text = text_in(node, "text")
    if text:
        parts.append(Text(text, tuple(map(_citation, _objects(node, "citations")))))
    parts += [_call(call, index) for index, call in enumerate(_objects(node, "tool_calls"))]
    reason = word_in(node, "finish_reason")
    extras: JsonObject = {
        key: value for key, value in node.items() if key not in _KNOWN and value is not None and key != METRICS
    }
    return Response(
        id=text_in(node, "response_id"),
        model="",
        choices=(Choice(tuple(parts), None if reason is None else _finish(reason, parts)),),
        extras={NAME: extras} if extras else {},
    )


def _finish(reason: str, parts: list[Part]) -> Finish:
    """The finish of an answer that may hold calls, of which the reason says nothing."""
    meaning = _REASONS.get(reason, "other")
    called = any(isinstance(part, ToolCall) for part in parts)
    return Finish("tool_calls" if called and meaning == "stop" else meaning, raw=reason, origin=_ORIGIN)


def _answer(response: Response, losses: list[Loss]) -> JsonObject:
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", "this shape gives one answer: the first"))
    texts: list[str] = []
    calls: list[Json] = []
    citations: list[Json] = []
    chars = 0
    for index, part in enumerate(choice.parts):
        if isinstance(part, ToolCall):
            calls.append(_call_node(part))
            continue
        text = said_by_part(part, f"parts[{index}]", losses)
        if isinstance(part, Text):
            citations += [_citation_node(citation, chars, text) for citation in part.citations]
        texts.append(text)
        chars += len(text)
    losses += answer_losses(response.extras, NAME, "", "Command R's answer has no such field")
    node: JsonObject = {
        "response_id": response.id,
        "generation_id": response.id,
        "text": "".join(texts),
        "finish_reason": _word(choice.finish),
        **own(response.extras),
    }
    if calls:
        node["tool_calls"] = calls
    if citations:
        node["citations"] = citations
    return node


def _word(finish: Finish | None) -> str:
    if finish is None:
        return "COMPLETE"
    if finish.origin == _ORIGIN and finish.raw is not None:
        return finish.raw
    return _WORDS.get(finish.reason, "COMPLETE")


def _objects(node: JsonObject, field: str) -> list[JsonObject]:
    value = node.get(field)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _call(node: JsonObject, index: int) -> ToolCall:
    fields = Fields(node, f"tool_calls[{index}]")
    arguments = msgspec.json.encode(fields.json("parameters") or {}).decode()
    return ToolCall(f"call_{index}", fields.needed_text("name"), arguments)


def _call_node(call: ToolCall) -> JsonObject:
    try:
        parameters: Json = msgspec.json.decode(call.arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        parameters = None
    return {
        "name": call.name,
        "parameters": parameters if isinstance(parameters, dict) else {"arguments": call.arguments},
    }


def _citation(node: JsonObject) -> Citation:
    start, end, text = node.get("start"), node.get("end"), node.get("text")
    return Citation(
        origin=NAME,
        body=node,
        cited_text=text if isinstance(text, str) else None,
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
    )


def _citation_node(citation: Citation, start: int, text: str) -> JsonObject:
    """A citation. One from elsewhere is of the whole text that it belongs to."""
    if citation.origin == NAME:
        return citation.body
    node: JsonObject = {"start": start, "end": start + len(text), "text": citation.cited_text or text}
    return {**node, "document_ids": [citation.url or citation.title or ""]}


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
            events += [CitationDelta(0, _citation(each)) for each in _objects(node, "citations")]
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
        for each in _objects(node, "tool_calls"):
            self._calls += 1
            call = _call(each, self._calls - 1)
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
        events.append(Finished(_finish(reason, called)))


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
        whole = _answer(response, self.losses)
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
