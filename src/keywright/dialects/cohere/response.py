"""A whole answer, both ways.

Cohere does not say which model answered. Citations of a plan or of thinking, which no canonical part can carry, and
unknown fields of the message are kept in `Choice.extras`; log probabilities as a list under this dialect's name.
"""

from typing import Final, assert_never

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    Document,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects.cohere.fields import NAME, PLAN, PLAN_EXTRAS, own
from keywright.dialects.cohere.finish import UNSAID, decode_finish, encode_finish
from keywright.dialects.cohere.parts import decode_content, encode_citation, with_citations
from keywright.dialects.cohere.tools import decode_calls, encode_call
from keywright.dialects.cohere.usage import encode_usage, unmodelled, usage_of
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses
from keywright.dialects.whole import answered

NO_FIELD: Final = "Cohere has no such field"
ANSWER_FIELDS: Final = frozenset(("id", "finish_reason", "message", "usage", "logprobs"))


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "chat of Cohere's", lambda value: _response(Fields(value)))


def _response(body: Fields) -> Response:
    message = body.object("message")
    if message is None:
        raise WrongFieldError("message", "an object")
    number, word = body.text("id") or "", body.text("finish_reason")
    logprobs, usage = body.json("logprobs"), body.json("usage")
    metering = usage_of(usage)
    parts, extra = _message(message)
    if more := unmodelled(usage):
        body.keep("usage", more)
    choice = Choice(
        parts=tuple(parts),
        finish=decode_finish(word) if word else None,
        logprobs={NAME: logprobs} if logprobs else None,
        extras={NAME: extra} if extra else {},
    )
    return Response(number, "", (choice,), metering.used, None, body.extras(NAME), metering.billed)


def _message(message: Fields) -> tuple[list[Part], JsonObject]:
    """The parts of a message and what else it says."""
    message.json("role")
    content = decode_content(message.json("content"), message.at("content"))
    parts, rest = with_citations(content, len(content), message.array("citations"))
    if plan := message.text(PLAN):
        parts = [Thinking(plan, origin=NAME, extras=PLAN_EXTRAS), *parts]
    parts += decode_calls(message)
    extra: JsonObject = {"citations": rest} if rest else {}
    if message.left:
        extra["message"] = message.left
    return parts, extra


def encode_response(response: Response, request: Request) -> Encoded:  # the same for every request
    """The answer that says `response`, and what it could not say."""
    losses: list[Loss] = []
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", "Cohere gives one answer: the first"))
    extra = own(response.extras)
    body: JsonObject = {
        "id": response.id,
        "message": _encoded_message(choice, losses),
        "finish_reason": encode_finish(choice.finish),
        "usage": encode_usage(response.usage, response.billed, extra.get("usage")),
    }
    lose_finish(choice.finish, losses)
    probabilities = own_logprobs(choice.logprobs)
    if probabilities:
        body["logprobs"] = probabilities
    elif choice.logprobs is not None:
        losses.append(Loss("choices[0].logprobs", "Cohere has another form of log probabilities"))
    losses += answer_losses(choice.extras, NAME, "choices[0]", NO_FIELD)
    losses += answer_losses(response.extras, NAME, "", NO_FIELD)
    body |= {field: value for field, value in extra.items() if field not in ANSWER_FIELDS}
    return Encoded(msgspec.json.encode(body), tuple(losses))


def lose_finish(finish: Finish | None, losses: list[Loss]) -> None:
    """Report a reason whose image says something else, and what another provider said beside it."""
    if finish is None:
        return
    if finish.reason in UNSAID and finish.origin != NAME:
        losses.append(Loss("choices[0].finish_reason", f"Cohere has no word for {finish.raw or finish.reason}"))
    losses += answer_losses(finish.extras, NAME, "choices[0]", NO_FIELD)


def own_logprobs(logprobs: Json) -> list[Json]:
    """Log probabilities in this wire's shape; none when they are in another's."""
    items = logprobs.get(NAME) if isinstance(logprobs, dict) else None
    return items if isinstance(items, list) else []


def _encoded_message(choice: Choice, losses: list[Loss]) -> JsonObject:
    plans: list[str] = []
    content: list[Json] = []
    calls: list[Json] = []
    citations: list[Json] = []
    for index, part in enumerate(choice.parts):
        if isinstance(part, ToolCall):
            calls.append(encode_call(part))
        elif is_plan(part):
            assert isinstance(part, Thinking)
            plans.append(part.text)
        else:
            item = answer_item(part, f"choices[0].parts[{index}]", losses)
            if isinstance(part, Text):
                citations += (encode_citation(each, part.text, len(content)) for each in part.citations)
            if item is not None:
                content.append(item)
    extra = own(choice.extras)
    kept = extra.get("citations")
    citations += kept if isinstance(kept, list) else ()
    message: JsonObject = {"role": "assistant"}
    if plans:
        message[PLAN] = "".join(plans)
    if calls:
        message["tool_calls"] = calls
    if content:
        message["content"] = content
    if citations:
        message["citations"] = citations
    more = extra.get("message")
    return {**more, **message} if isinstance(more, dict) else message


def is_plan(part: Part) -> bool:
    """Whether a part is the plan for the calls."""
    return isinstance(part, Thinking) and bool(own(part.extras).get(PLAN))


def answer_item(part: Part, path: str, losses: list[Loss]) -> JsonObject | None:
    """The content item of an answer's part; None, with a loss, when an answer of Cohere's cannot hold it."""
    match part:
        case Text():
            return {**own(part.extras), "type": "text", "text": part.text}
        case Refusal():
            losses.append(Loss(path, "Cohere has no refusal part: given as text"))
            return {"type": "text", "text": part.text}
        case Thinking():
            if part.signature:
                losses.append(Loss(f"{path}.signature", "Cohere's thinking is not signed"))
            return {**own(part.extras), "type": "thinking", "thinking": part.text}
        case Opaque() if part.origin == NAME and isinstance(part.body, dict):
            return part.body
        case RedactedThinking():
            losses.append(Loss(path, "thinking that only another provider can read"))
            return None
        case Image() | Document() | Audio() | ToolCall() | ToolResult() | ServerToolCall() | ServerToolResult():
            losses.append(Loss(path, "an answer of Cohere's cannot hold this", "meaning"))
            return None
        case Opaque():
            losses.append(Loss(path, f"only {part.origin} understands {part.kind}", "meaning"))
            return None
        case _:
            assert_never(part)
