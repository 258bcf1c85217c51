"""A whole answer, both ways.

The API names neither the answer nor the model: an answer's request id is a header, and its model was in the path.
"""

from typing import Final, assert_never

from keywright.core.dialect import Encoded
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import NO_EXTRAS, Extras, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    Base64Source,
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
from keywright.dialects.bedrock_converse.blocks import input_of, server_block, thought, tool_use
from keywright.dialects.bedrock_converse.citations import cited
from keywright.dialects.bedrock_converse.finish import finish_of, stop_reason
from keywright.dialects.bedrock_converse.parts import parts_of
from keywright.dialects.bedrock_converse.usage import usage_node, usage_of, usage_rest
from keywright.dialects.bedrock_converse.wire import (
    IMAGE_FORMATS,
    NAME,
    Node,
    own,
    parsed,
    rendered,
    report_foreign_answer,
)
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.seal import sealed

NO_METRICS: Final[JsonObject] = {"latencyMs": 0}
"""What must be said of an answer that another API gave, which did not tell how long it took."""

_KNOWN: Final = frozenset({"output", "stopReason", "usage"})
_FOREIGN_PART: Final = "an answer of Converse cannot hold this"


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no answer of this API.
    """
    try:
        node = parsed(body)
        return response_of(node)
    except WrongFieldError as error:
        raise UpstreamMalformedError(f"the answer is wrong: {error}") from None
    except (ValueError, RecursionError) as error:
        raise UpstreamMalformedError(f"the answer cannot be read: {error}") from None


def response_of(node: JsonObject) -> Response:
    """The answer that a body in plain JSON is.

    Raises:
        WrongFieldError: it has no message, or a block of it is wrong.
    """
    output = Fields(node.get("output"), "output")
    message = Fields(output.json("message"), "output.message")
    content = message.json("content")
    parts = parts_of(content if isinstance(content, list) else [], "output.message.content")
    reason = node.get("stopReason")
    finish = finish_of(reason) if isinstance(reason, str) else None
    message.json("role")
    return Response(
        id="",
        model="",
        choices=(Choice(parts, finish, extras=message.extras(NAME)),),
        usage=usage_of(node.get("usage")),
        extras=answer_extras(node, _KNOWN),
    )


def answer_extras(node: JsonObject, known: frozenset[str]) -> Extras:
    """What an answer, or the last event of one, says beyond the `known` members. A null says nothing."""
    rest: JsonObject = {key: value for key, value in node.items() if key not in known and value is not None}
    usage = usage_rest(node.get("usage"))
    if usage:
        rest["usage"] = usage
    return {NAME: rest} if rest else NO_EXTRAS


def encode_response(response: Response, request: Request) -> Encoded:  # the same for every request
    """The answer that says `response`, and what it could not say."""
    del request
    losses: list[Loss] = []
    return Encoded(rendered(answer_node(response, losses)), tuple(losses))


def answer_node(response: Response, losses: list[Loss]) -> Node:
    """The answer in plain JSON."""
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", "Converse gives one answer: the first"))
    if choice.logprobs is not None:
        losses.append(Loss("choices[0].logprobs", "Converse has no log probabilities"))
    content = []
    for index, part in enumerate(sealed(choice.parts, NAME)):
        block = answer_block(part, f"output.message.content[{index}]", losses)
        if block is not None:
            content.append(block)
    finish = choice.finish
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    if finish is not None:
        report_foreign_answer(finish.extras, "choices[0]", losses)
    report_foreign_answer(choice.extras, "choices[0]", losses)
    report_foreign_answer(response.extras, "", losses)
    said = own(response.extras)
    return {
        "output": {"message": {"role": "assistant", "content": content, **own(choice.extras)}},
        "stopReason": stop_reason(finish, called=called, refused=refused),
        "usage": usage_node(response.usage or NO_USAGE, said.get("usage")),
        "metrics": NO_METRICS,
        **{key: value for key, value in said.items() if key != "usage"},
        **(own(finish.extras) if finish is not None else {}),
    }


def answer_block(part: Part, path: str, losses: list[Loss]) -> Node | None:
    """The content block of an answer's part; None, with a loss, when an answer of this API cannot hold it.

    Thoughts must be of this API, or sealed.
    """
    match part:
        case Text():
            report_foreign_answer(part.extras, path, losses)
            if not part.citations:
                return {"text": part.text}
            citations = cited(part.citations, f"{path}.citationsContent.citations", losses)
            return {"citationsContent": {"content": [{"text": part.text}], "citations": citations, **own(part.extras)}}
        case Refusal():
            losses.append(Loss(path, "Converse has no refusal part: given as text"))
            return {"text": part.text}
        case ToolCall():
            report_foreign_answer(part.extras, path, losses)
            return tool_use(part, part.id, input_of(part.arguments))
        case Thinking() | RedactedThinking():
            return thought(part)
        case Image(source=Base64Source(media_type, data)) if media_type in IMAGE_FORMATS:
            return {"image": {"format": IMAGE_FORMATS[media_type], "source": {"bytes": data}, **own(part.extras)}}
        case ServerToolCall() | ServerToolResult() | Opaque() if part.origin == NAME:
            return server_block(part)
        case ServerToolCall() | ServerToolResult() | Opaque():
            losses.append(Loss(path, _FOREIGN_PART, "meaning"))
            return None
        case Image() | Document() | Audio() | ToolResult():
            losses.append(Loss(path, _FOREIGN_PART, "meaning"))
            return None
        case _:
            assert_never(part)
