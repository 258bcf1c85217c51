"""A whole answer, both ways.

A candidate's fields beyond the model (ratings, grounding, the mean log probability) are kept in `Choice.extras` under
their own names, the answer's in `Response.extras`, and there what `usageMetadata` says beside the tokens. An answer
whose prompt was blocked has no candidate: it is a choice without parts that a filter ended.
"""

from datetime import UTC, datetime
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace

from keywright.core.dialect import Encoded
from keywright.core.errors import ProviderError, UpstreamMalformedError
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    Citation,
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
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.error import error_in, failure_of
from keywright.dialects.gemini.finish import STOPPED, blocked, finish_of, finish_reason
from keywright.dialects.gemini.grounding import citations_of, grounding_of
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.logprobs import logprobs_of, logprobs_result, says_logprobs
from keywright.dialects.gemini.parts_in import part_of
from keywright.dialects.gemini.parts_out import call, file, thought
from keywright.dialects.gemini.usage import usage_extras, usage_node, usage_of
from keywright.dialects.gemini.wire import (
    NAME,
    Node,
    completed,
    inner,
    listed,
    message,
    own,
    rendered,
    report_answer,
    whole,
)
from keywright.dialects.seal import sealed

ANSWER: Final = frozenset(("candidates", "usageMetadata", "promptFeedback"))
"""An answer has one of these."""


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no `GenerateContentResponse`; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformedError(f"the answer is not JSON: {error}") from None
    failed = error_in(value)
    if failed is not None:
        raise ProviderError(failure_of(failed))
    try:
        return _response(message(value))
    except WrongFieldError as error:
        raise UpstreamMalformedError(f"the answer is none of Gemini's: {error}") from None
    except RecursionError:
        raise UpstreamMalformedError("the answer's parts are nested too deep") from None


def _response(body: Fields) -> Response:
    if not ANSWER & body.left.keys():
        raise WrongFieldError("candidates", "there, or promptFeedback")
    answer_id = body.text("responseId") or ""
    calls = Calls(answer_id)
    choices = [
        _choice(message(value, f"candidates[{at}]"), at, calls) for at, value in enumerate(listed(body, "candidates"))
    ]
    refused = None if choices else blocked(body.left.get("promptFeedback"))
    if refused is not None:
        choices = [Choice((), refused)]
    usage = body.json("usageMetadata")
    if isinstance(usage, dict):
        more = usage_extras(usage)
        if more:
            body.keep("usageMetadata", more)
    return Response(
        id=answer_id,
        model=body.text("modelVersion") or "",
        choices=tuple(choices),
        usage=usage_of(usage) if isinstance(usage, dict) else None,
        created_s=created_of(body.left.get("createTime")),
        extras=body.extras(NAME),
    )


def _choice(candidate: Fields, at: int, calls: Calls) -> Choice:
    content = inner(candidate, "content")
    parts: list[Part] = []
    if content is not None:
        for index, value in enumerate(listed(content, "parts")):
            part = part_of(value, content.at(f"parts[{index}]"), calls)
            if part != _NOTHING:
                parts.append(part)
    citations = citations_of(candidate.left)
    called = any(isinstance(part, ToolCall) for part in parts)
    return Choice(
        parts=tuple(_cited(parts, citations)),
        finish=finish_of(candidate.json("finishReason"), candidate.json("finishMessage"), called=called),
        index=whole(candidate, "index") or at,
        logprobs=logprobs_of(candidate.json("logprobsResult")),
        extras=candidate.extras(NAME),
    )


_NOTHING: Final = Text("")


def _cited(parts: list[Part], citations: tuple[Citation, ...]) -> list[Part]:
    """`parts`, whose last text carries `citations`."""
    if citations:
        for index in range(len(parts) - 1, -1, -1):
            part = parts[index]
            if isinstance(part, Text):
                parts[index] = replace(part, citations=citations)
                break
    return parts


def created_of(value: Json) -> int | None:
    """Unix seconds of a time in proto3 JSON (RFC 3339); None when it is none."""
    try:
        return int(datetime.fromisoformat(value).timestamp()) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def encode_response(response: Response, request: Request) -> Encoded:  # the same for every request
    """The `GenerateContentResponse` that says `response`, and what it could not say."""
    losses: list[Loss] = []
    body: Node = {}
    if blocked(own(response.extras).get("promptFeedback")) is None or any(choice.parts for choice in response.choices):
        body["candidates"] = [_candidate(choice, losses) for choice in response.choices]
    told = own(response.extras).get("usageMetadata")
    if response.usage is not None or told is not None:
        body["usageMetadata"] = told if response.usage is None else usage_node(response.usage, told)
    body |= head_of(response.id, response.model, response.created_s, response.extras)
    report_answer(response.extras, "", losses)
    return Encoded(rendered(body), tuple(losses))


def head_of(answer_id: str, model: str, created_s: int | None, extras: Extras) -> Node:
    """What an answer and each frame of a stream say of the answer as a whole."""
    head: Node = {"modelVersion": model, "responseId": answer_id}
    if created_s is not None:
        head["createTime"] = datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head.update((name, value) for name, value in own(extras).items() if name != "usageMetadata")
    return head


def _candidate(choice: Choice, losses: list[Loss]) -> Node:
    at = f"candidates[{choice.index}]"
    parts: list[Node] = []
    cited: list[tuple[JsonObject, tuple[Citation, ...]]] = []
    for index, part in enumerate(sealed(choice.parts, NAME)):
        node = answer_part(part, f"{at}.content.parts[{index}]", losses)
        if node is None:
            continue
        if isinstance(part, Text) and part.citations:
            segment: JsonObject = {"partIndex": len(parts), "endIndex": len(part.text.encode()), "text": part.text}
            cited.append((segment, part.citations))
        parts.append(node)
    candidate: Node = {"content": {"parts": parts, "role": "model"}, "index": choice.index}
    candidate |= ending(choice.finish or STOPPED, choice.logprobs, choice.extras, at, losses)
    if "groundingMetadata" not in candidate:
        grounding = grounding_of(cited)
        if grounding is not None:
            candidate["groundingMetadata"] = grounding
    return candidate


def ending(finish: Finish | None, logprobs: Json, extras: Extras, at: str, losses: list[Loss]) -> Node:
    """What a candidate says beside its content. `finish` None: it has not ended."""
    said: Node = {}
    if finish is not None:
        said["finishReason"] = finish_reason(finish)
        said |= own(finish.extras)
        report_answer(finish.extras, at, losses)
    if says_logprobs(logprobs):
        result = logprobs_result(logprobs)
        if result is None:
            losses.append(Loss(f"{at}.logprobs", "log probabilities in a form that Gemini has not"))
        else:
            said["logprobsResult"] = result
    report_answer(extras, at, losses)
    return said | own(extras)


def answer_part(part: Part, path: str, losses: list[Loss]) -> Node | None:
    """The wire part of an answer's part; None, with a loss, when an answer of this API cannot hold it."""
    node: Node | None
    match part:
        case Text():
            if any(citation.url is None and citation.origin != NAME for citation in part.citations):
                losses.append(Loss(f"{path}.citations", "Gemini has no citations without an address"))
            node = completed({"text": part.text}, part.extras)
        case Refusal():
            losses.append(Loss(path, "Gemini has no refusals: given as text"))
            node = {"text": part.text}
        case ToolCall():
            node = call(part)
        case Thinking() | RedactedThinking():
            node = thought(part)
        case ServerToolCall() | ServerToolResult() | Opaque():
            node = dict(part.body) if part.origin == NAME and isinstance(part.body, dict) else None
        case Image() | Audio() | Document():
            node = file(part.source, "application/octet-stream")
            node = None if node is None else completed(node, part.extras)
        case ToolResult():
            node = None
        case _:
            assert_never(part)
    if node is None:
        losses.append(Loss(path, "an answer of Gemini's cannot hold this", "meaning"))
    elif not isinstance(part, ServerToolCall | ServerToolResult | Opaque):
        report_answer(part.extras, path, losses)
    return node
