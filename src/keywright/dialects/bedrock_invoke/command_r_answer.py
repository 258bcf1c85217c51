"""Command R's answers, whole and as they arrive."""

from typing import Final

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Citation, Part, Text, ToolCall
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.dialects.bedrock_invoke.pieces import text_in, word_in
from keywright.dialects.bedrock_invoke.texts import said_by_part
from keywright.dialects.bedrock_invoke.wire import METRICS, NAME, own, parsed, rendered
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
    return Encoded(rendered(answer_node(response, losses)), tuple(losses))


def _response(node: JsonObject) -> Response:
    parts: list[Part] = []
    text = text_in(node, "text")
    if text:
        parts.append(Text(text, tuple(map(citation_of, objects_in(node, "citations")))))
    parts += [call_of(call, index) for index, call in enumerate(objects_in(node, "tool_calls"))]
    reason = word_in(node, "finish_reason")
    extras: JsonObject = {
        key: value for key, value in node.items() if key not in _KNOWN and value is not None and key != METRICS
    }
    return Response(
        id=text_in(node, "response_id"),
        model="",
        choices=(Choice(tuple(parts), None if reason is None else finish_of(reason, parts)),),
        extras={NAME: extras} if extras else {},
    )


def finish_of(reason: str, parts: list[Part]) -> Finish:
    """The finish of an answer that may hold calls, of which the reason says nothing."""
    meaning = _REASONS.get(reason, "other")
    called = any(isinstance(part, ToolCall) for part in parts)
    return Finish("tool_calls" if called and meaning == "stop" else meaning, raw=reason, origin=_ORIGIN)


def answer_node(response: Response, losses: list[Loss]) -> JsonObject:
    """The answer in plain JSON."""
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


def objects_in(node: JsonObject, field: str) -> list[JsonObject]:
    """The objects in the list at `field`; none where there is no list."""
    value = node.get(field)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def call_of(node: JsonObject, index: int) -> ToolCall:
    """The call that is the answer's `index`th.

    Raises:
        WrongFieldError: it names no tool.
    """
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


def citation_of(node: JsonObject) -> Citation:
    """One citation."""
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
