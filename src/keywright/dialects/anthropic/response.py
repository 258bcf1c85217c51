"""A whole answer, both ways."""

from typing import Final, assert_never

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
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
from keywright.core.response import Choice, Response
from keywright.core.usage import NO_USAGE
from keywright.dialects.anthropic.blocks import server_block, thinking, tool_use
from keywright.dialects.anthropic.finish import finish_of, stop_reason
from keywright.dialects.anthropic.parts import parts_of
from keywright.dialects.anthropic.usage import usage_extras, usage_node, usage_of
from keywright.dialects.anthropic.wire import NAME, Node, ShapeError, completed, rendered
from keywright.dialects.foreign import answer_losses
from keywright.dialects.seal import sealed

_DECODER: Final = msgspec.json.Decoder(dict[str, Json])
_KNOWN: Final = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"}
)


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no `message` of this API.
    """
    try:
        node = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformedError(f"the answer is not a JSON object: {error}") from None
    if node.get("type", "message") != "message" or not isinstance(node.get("content"), list):
        raise UpstreamMalformedError("the answer is no message of the Messages API")
    try:
        parts = parts_of(node["content"])
    except ShapeError as error:
        raise UpstreamMalformedError(f"the answer is wrong at {error.path}: {error.why}") from None
    except RecursionError:
        raise UpstreamMalformedError("the answer's blocks are nested too deep") from None
    reason = node.get("stop_reason")
    finish = None
    if isinstance(reason, str):
        finish = finish_of(reason, node.get("stop_sequence"), node.get("stop_details"))
    usage = node.get("usage")
    return Response(
        id=text_of(node, "id"),
        model=text_of(node, "model"),
        choices=(Choice(parts, finish),),
        usage=usage_of(usage) if isinstance(usage, dict) else None,
        extras=message_extras(node),
    )


def message_extras(message: JsonObject) -> Extras:
    """What a message says beyond the model, its usage included. A null says nothing."""
    rest: JsonObject = {key: value for key, value in message.items() if key not in _KNOWN and value is not None}
    usage = message.get("usage")
    if isinstance(usage, dict):
        rest |= usage_extras(usage).get(NAME, {})
    return {NAME: rest} if rest else NO_EXTRAS


def text_of(node: JsonObject, key: str) -> str:
    """The string at `key`; empty when there is none."""
    value = node.get(key)
    return value if isinstance(value, str) else ""


def encode_response(response: Response, request: Request) -> Encoded:  # the same for every request
    """The `message` that says `response`, and what it could not say."""
    losses: list[Loss] = []
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", "the Messages API gives one answer: the first"))
    if choice.logprobs is not None:
        losses.append(Loss("choices[0].logprobs", "the Messages API has no log probabilities"))
    content = []
    for index, part in enumerate(sealed(choice.parts, NAME)):
        block = answer_block(part, f"content[{index}]", losses)
        if block is not None:
            content.append(block)
    body = message_node(response.id, response.model, content)
    finish = choice.finish
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    body["stop_reason"] = stop_reason(finish, called=called, refused=refused)
    if finish is not None:
        body["stop_sequence"] = finish.sequence
        body.update(finish.extras.get(NAME, {}))
        _report(finish.extras, "choices[0]", losses)
    own = response.extras.get(NAME, {})
    body.update((key, value) for key, value in own.items() if key != "usage")
    body["usage"] = usage_node(response.usage or NO_USAGE, own.get("usage"))
    _report(choice.extras, "choices[0]", losses)
    _report(response.extras, "", losses)
    return Encoded(rendered(body), tuple(losses))


def message_node(message_id: str, model: str, content: list[Node]) -> Node:
    """A message that has not ended, without its usage."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
    }


def answer_block(part: Part, path: str, losses: list[Loss]) -> Node | None:
    """The content block of an answer's part; None, with a loss, when an answer of this API cannot hold it.

    Thoughts must be of this API, or sealed.
    """
    node: Node
    match part:
        case Text():
            node = _text_block(part, path, losses)
        case Refusal():
            losses.append(Loss(path, "the Messages API has no refusal part: given as text"))
            node = {"type": "text", "text": part.text}
        case ToolCall():
            _report(part.extras, path, losses)
            return tool_use(part)
        case Thinking():
            node = thinking(part)
        case RedactedThinking():
            node = {"type": "redacted_thinking", "data": part.data}
        case ServerToolCall() | ServerToolResult() | Opaque():
            if part.origin == NAME:
                return server_block(part)
            losses.append(Loss(path, "an answer of the Messages API cannot hold this", "meaning"))
            return None
        case Image() | Document() | Audio() | ToolResult():
            losses.append(Loss(path, "an answer of the Messages API cannot hold this", "meaning"))
            return None
        case _:
            assert_never(part)
    _report(part.extras, path, losses)
    return completed(node, None, part.extras)


def _text_block(part: Text, path: str, losses: list[Loss]) -> Node:
    node: Node = {"type": "text", "text": part.text}
    own = [citation.body for citation in part.citations if citation.origin == NAME]
    if own:
        node["citations"] = own
    if len(own) < len(part.citations):
        losses.append(Loss(f"{path}.citations", "a citation from elsewhere cannot be put in this API's form"))
    return node


def _report(extras: Extras, path: str, losses: list[Loss]) -> None:
    losses += answer_losses(extras, NAME, path, "the Messages API has no such field")
