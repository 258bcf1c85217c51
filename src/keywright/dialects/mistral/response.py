"""A whole answer, both ways.

It is read as OpenAI's. To clients, content is a string where text is all there is, else chunks, thoughts among them in
their place. Numbers stand as Mistral counts: audio tokens beside the prompt's; of thoughts nothing is said.
"""

from collections.abc import Iterable
from typing import Final, assert_never

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.errors import ProviderError
from keywright.core.json import Json, JsonObject
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
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects import openai_chat
from keywright.dialects.foreign import answer_losses
from keywright.dialects.mistral.wire import NAME, ours, own
from keywright.dialects.openai_chat.parts import image_url
from keywright.dialects.openai_chat.response import ANSWER_FIELDS, lost_kind
from keywright.dialects.openai_chat.thinking import CHUNK, encode_chunk
from keywright.dialects.seal import sealed

NO_FIELD: Final = "Mistral has no such field"

_FINISHES: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "context_window": "model_length",
    "error": "error",
    "stop_sequence": "stop",
    "refusal": "stop",
    "content_filter": "stop",
    "pause": "stop",
    "other": "stop",
}
_UNSAID: Final = frozenset(("refusal", "content_filter", "pause", "other"))
"""Reasons whose image misleads, so that it is reported as a loss."""


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no chat completion; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    try:
        return ours(openai_chat.decode_response(body))
    except ProviderError as error:
        raise ProviderError(ours(error.failure)) from None


def encode_response(response: Response, request: Request) -> Encoded:  # the same for every request
    """The chat completion that says `response`, and what it could not say."""
    losses: list[Loss] = []
    extra = own(response.extras)
    body: JsonObject = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created_s or 0,
        "model": response.model,
        "choices": [_encoded_choice(choice, losses) for choice in response.choices],
        "usage": encode_usage(response.usage or Usage(), extra.get("usage")),
    }
    losses += answer_losses(response.extras, NAME, "", NO_FIELD)
    body |= {field: value for field, value in extra.items() if field not in ANSWER_FIELDS}
    return Encoded(msgspec.json.encode(body), tuple(losses))


def _encoded_choice(choice: Choice, losses: list[Loss]) -> JsonObject:
    path = f"choices[{choice.index}]"
    extra = own(choice.extras)
    if choice.logprobs is not None:
        losses.append(Loss(f"{path}.logprobs", "Mistral has no log probabilities"))
    losses += answer_losses(choice.extras, NAME, path, NO_FIELD)
    more = extra.get("message")
    parts = sealed(choice.parts, NAME)
    return {
        **extra,
        "index": choice.index,
        "message": {
            **(more if isinstance(more, dict) else {}),
            "role": "assistant",
            "content": _content(parts, f"{path}.message", losses),
            "tool_calls": _calls(parts, path, losses),
        },
        "finish_reason": encode_finish(choice.finish, path, losses),
    }


def _content(parts: Iterable[Part], path: str, losses: list[Loss]) -> Json:
    chunks = [chunk for part in parts for chunk in answer_chunks(part, path, losses)]
    texts = [chunk["text"] for chunk in chunks if chunk.keys() == {"type", "text"}]
    if len(texts) == len(chunks):
        return "".join(text for text in texts if isinstance(text, str))
    return list(chunks)


def _calls(parts: Iterable[Part], path: str, losses: list[Loss]) -> Json:
    calls = [part for part in parts if isinstance(part, ToolCall)]
    return [encode_call(call, index, path, losses) for index, call in enumerate(calls)] or None


def encode_call(call: ToolCall, index: int, path: str, losses: list[Loss]) -> JsonObject:
    """A call in `tool_calls`."""
    losses += answer_losses(call.extras, NAME, f"{path}.tool_calls[{index}]", NO_FIELD)
    function: JsonObject = {"name": call.name, "arguments": call.arguments}
    return {**own(call.extras), "id": call.id, "type": "function", "function": function, "index": index}


def answer_chunks(part: Part, path: str, losses: list[Loss]) -> list[JsonObject]:
    """The content chunks that say a part of an answer; none for a call, which is not content, and for what is lost.

    Thoughts must be of this API, or sealed. One without words has no chunk: where it is alone, content is a string.
    """
    match part:
        case Text():
            text: list[JsonObject] = [{"type": "text", "text": part.text}] if part.text else []
            return text + references(part.citations, path, losses)
        case Refusal():
            losses.append(Loss(path, "Mistral has no refusal part: given as text"))
            return [{"type": "text", "text": part.text}]
        case Thinking():
            return [encode_chunk(part, own(part.extras).get(CHUNK))]
        case Image(source=Base64Source() | UrlSource() as source):
            return [{"type": "image_url", "image_url": image_url(source)}]
        case Opaque(origin, _, dict(body)) if origin == NAME:
            return [body]
        case ToolCall():
            return []
        case RedactedThinking():
            losses.append(Loss(path, "thinking that only another provider can read"))
            return []
        case Image() | Document() | Audio() | ToolResult() | ServerToolCall() | ServerToolResult() | Opaque():
            losses.append(Loss(path, f"Mistral's answers have no place for {lost_kind(part)}", "meaning"))
            return []
        case _:
            assert_never(part)


def references(citations: Iterable[Citation], path: str, losses: list[Loss]) -> list[JsonObject]:
    """The chunks that say `citations`; those from elsewhere are reported."""
    found = []
    for citation in citations:
        if citation.origin == NAME:
            found.append(citation.body)
        else:
            losses.append(Loss(f"{path}.citations", "a citation from elsewhere cannot be put in this API's form"))
    return found


def encode_finish(finish: Finish | None, path: str, losses: list[Loss]) -> str:
    """The word for `finish`."""
    if finish is None:
        return "stop"
    losses += answer_losses(finish.extras, NAME, path, NO_FIELD)
    if finish.origin == NAME and finish.raw is not None:
        return finish.raw
    if finish.reason in _UNSAID:
        losses.append(Loss(f"{path}.finish_reason", f"Mistral has no word for {finish.raw or finish.reason}"))
    return _FINISHES[finish.reason]


def encode_usage(usage: Usage, extra: Json = None) -> JsonObject:
    """A `usage` object. `extra`: what the provider said beside the tokens."""
    heard = usage.audio_input + usage.audio_cache_read
    prompt, completion = usage.input_total - heard, usage.output_total
    details: JsonObject = {"cached_tokens": usage.cache_read + usage.audio_cache_read}
    if heard:
        details["audio_tokens"] = heard
    return {
        **(extra if isinstance(extra, dict) else {}),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion + heard,
        "prompt_tokens_details": details,
    }
