"""A whole answer, both ways.

Unknown fields of the answer, of a choice and of its message are kept: in `Response.extras`, in `Choice.extras`, and
there under `message`. What `usage` says beside tokens is under `usage`. Numbers that contradict each other count as
no usage: such a call is settled by what was seen of it.

To clients, thinking is `reasoning_content`, and `reasoning_details` where it is signed (see thinking.py). Blocks of
tools that another dialect's provider runs have no place here and are reported as lost.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.errors import ProviderError
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    Base64Source,
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
    UrlSource,
)
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import InconsistentUsageError, Usage
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_chat.error import failure_of
from keywright.dialects.openai_chat.fields import NAME, own
from keywright.dialects.openai_chat.finish import UNSAID, decode_finish, encode_finish
from keywright.dialects.openai_chat.parts import (
    decode_citations,
    decode_content,
    decode_part,
    encode_citation,
    image_url,
    with_citations,
)
from keywright.dialects.openai_chat.thinking import decode_thinking, encode_thinking, is_thought
from keywright.dialects.openai_chat.tools import decode_calls, encode_calls, speaks_functions
from keywright.dialects.openai_chat.usage import decode_usage, encode_usage, unmodelled
from keywright.dialects.seal import sealed
from keywright.dialects.whole import answered

ONE_CALL: Final = "a client that speaks of functions can be told of one call only"
NO_FIELD: Final = "OpenAI has no such field"
ANSWER_FIELDS: Final = frozenset(("id", "object", "created", "model", "choices", "usage"))


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no chat completion; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    return answered(body, "chat completion", lambda value: _response(Fields(value)))


def _response(body: Fields) -> Response:
    if "choices" not in body.left and (body.left.get("error") is not None or body.left.get("object") == "error"):
        raise ProviderError(failure_of(body.left.get("error") or body.left))
    number = body.text("id") or ""
    body.json("object")
    choices = body.array("choices")
    if not choices:
        raise WrongFieldError("choices", "an array of at least one choice")
    usage, extra_usage = read_usage(body.json("usage"))
    decoded = tuple(_choice(Fields(item, f"choices[{index}]"), index, number) for index, item in enumerate(choices))
    created = body.number("created")
    model = body.text("model") or ""
    if extra_usage:
        body.keep("usage", extra_usage)
    return Response(number, model, decoded, usage, int(created) if created else None, body.extras(NAME))


def read_usage(value: Json) -> tuple[Usage | None, JsonObject]:
    """The units of a `usage` object and what else it says. No units when there is none or it contradicts itself."""
    if not isinstance(value, dict):
        return None, {}
    usage = read_units(value)
    return usage, value if usage is None else unmodelled(value)


def read_units(value: JsonObject | None) -> Usage | None:
    """The units alone."""
    if not value:
        return None
    try:
        return decode_usage(value)
    except InconsistentUsageError:
        return None


def _choice(choice: Fields, position: int, prefix: str) -> Choice:
    index = choice.integer("index")
    message = choice.object("message") or choice.object("delta") or Fields({}, choice.at("message"))
    parts = _message_parts(message, f"call_{prefix}_{position}")
    word = choice.text("finish_reason")
    logprobs = choice.json("logprobs")
    if message.left:
        choice.keep("message", message.left)
    return Choice(
        parts=tuple(parts),
        finish=decode_finish(word) if word else None,
        index=position if index is None else index,
        logprobs=logprobs,
        extras=choice.extras(NAME),
    )


def _message_parts(message: Fields, prefix: str) -> list[Part]:
    message.json("role")
    parts = decode_thinking(message)
    content = message.json("content")
    if content != "":
        parts += decode_content(content, message.at("content"))
    if refusal := message.text("refusal"):
        parts.append(Refusal(refusal))
    parts = with_citations(parts, decode_citations(message.array("annotations")))
    parts += [decode_part(item, message.at("images")) for item in message.array("images")]
    if (audio := message.json("audio")) and isinstance(audio, dict) and (audio.get("id") or audio.get("data")):
        parts.append(Opaque(NAME, "audio", audio))
    return [*parts, *decode_calls(message, prefix)]


def encode_response(response: Response, request: Request) -> Encoded:
    """The chat completion for a client that asked `request`. `created` is 0 where no provider said a time."""
    losses: list[Loss] = []
    legacy = speaks_functions(request)
    extra = own(response.extras)
    body: JsonObject = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created_s or 0,
        "model": response.model,
        "choices": [_encoded_choice(choice, losses, legacy=legacy) for choice in response.choices],
    }
    if response.usage is not None:
        body["usage"] = encode_usage(response.usage, extra.get("usage"))
    losses += answer_losses(response.extras, NAME, "", NO_FIELD)
    body |= {field: value for field, value in extra.items() if field not in ANSWER_FIELDS}
    return Encoded(msgspec.json.encode(body), tuple(losses))


def _encoded_choice(choice: Choice, losses: list[Loss], *, legacy: bool) -> JsonObject:
    path = f"choices[{choice.index}]"
    extra = own(choice.extras)
    message = _encoded_message(sealed(choice.parts, NAME), f"{path}.message", losses, legacy=legacy)
    if isinstance(more := extra.get("message"), dict):
        message |= {field: value for field, value in more.items() if field not in message}
    lose_finish(choice.finish, path, losses)
    losses += answer_losses(choice.extras, NAME, path, NO_FIELD)
    return {
        **extra,
        "index": choice.index,
        "message": message,
        "logprobs": own_logprobs(choice.logprobs),
        "finish_reason": encode_finish(choice.finish, legacy=legacy),
    }


def lose_finish(finish: Finish | None, path: str, losses: list[Loss]) -> None:
    """Report a reason whose image says something else, and what another provider said beside it."""
    if finish is None:
        return
    if finish.reason in UNSAID:
        losses.append(Loss(f"{path}.finish_reason", f"OpenAI has no word for {finish.raw or finish.reason}"))
    losses += answer_losses(finish.extras, NAME, path, NO_FIELD)


def own_logprobs(logprobs: Json) -> Json:
    """Log probabilities in this wire's shape; None when they are in another's."""
    return logprobs if isinstance(logprobs, dict) and ("content" in logprobs or "refusal" in logprobs) else None


def _encoded_message(parts: Sequence[Part], path: str, losses: list[Loss], *, legacy: bool) -> JsonObject:
    texts: list[str] = []
    refusals: list[str] = []
    annotations: list[Json] = []
    calls: list[ToolCall] = []
    more: JsonObject = {}
    chars = 0
    for part in parts:
        match part:
            case Text():
                annotations += annotations_of(part.citations, chars, chars + len(part.text), path, losses)
                texts.append(part.text)
                chars += len(part.text)
            case Refusal():
                refusals.append(part.text)
            case ToolCall():
                calls.append(part)
            case _:
                _add_other(part, more, path, losses)
    if legacy and len(calls) > 1:
        losses.append(Loss(f"{path}.function_call", ONE_CALL))
    message: JsonObject = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if annotations:
        message["annotations"] = annotations
    return {**message, **encode_thinking(parts), **more, **encode_calls(calls, legacy=legacy)}


def _add_other(part: Part, more: JsonObject, path: str, losses: list[Loss]) -> None:
    """Add a part that is neither text nor call to the fields `more`, or report it."""
    if is_thought(part):
        return
    fields = other_fields(part)
    if fields is None:
        losses.append(Loss(path, f"OpenAI's chat completions have no place for {lost_kind(part)}"))
        return
    for field, value in fields.items():
        present = more.get(field)
        more[field] = present + value if isinstance(present, list) and isinstance(value, list) else value


def other_fields(part: Part) -> JsonObject | None:
    """The message fields for a part that is neither text, refusal, thought nor call; None when there are none."""
    match part:
        case Image():
            if isinstance(part.source, Base64Source | UrlSource):
                return {"images": [{"type": "image_url", "image_url": {"url": image_url(part.source)}}]}
            return None
        case Opaque():
            return {"audio": part.body} if part.origin == NAME and part.kind == "audio" else None
        case Text() | Refusal() | ToolCall() | Thinking() | RedactedThinking():
            return None  # said in fields of their own
        case Audio() | Document() | ToolResult() | ServerToolCall() | ServerToolResult():
            return None  # not said at all
        case _:
            assert_never(part)


def lost_kind(part: Part) -> str:
    """What a part that has no place is, in words."""
    if isinstance(part, ServerToolCall):
        return f"the provider-run tool {part.name}"
    if isinstance(part, ServerToolResult | Opaque):
        return f"{part.kind} of {part.origin}"
    return f"{part.__struct_config__.tag} parts"


def annotations_of(citations: Iterable[Citation], start: int, end: int, path: str, losses: list[Loss]) -> list[Json]:
    """The annotations of the text from `start` to `end`; citations without an address are reported."""
    annotations: list[Json] = []
    for citation in citations:
        annotation = encode_citation(citation, start, end)
        if annotation is None:
            losses.append(Loss(f"{path}.annotations", "OpenAI's citations need a URL"))
        else:
            annotations.append(annotation)
    return annotations


def late_extras(fields: JsonObject, usage: JsonObject) -> Extras:
    """The extras of an answer for its unmodelled fields and those of its usage."""
    if usage:
        fields = {**fields, "usage": usage}
    return {NAME: fields} if fields else {}
