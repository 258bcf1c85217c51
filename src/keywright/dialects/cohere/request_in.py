"""A client's body to a canonical request.

Tool results that follow one another are one turn. A request's `documents` stand at the beginning of the user's last
turn, which is what they are given for. Fields without a canonical place are kept in `extras["cohere"]` and go out
again to Cohere.
"""

from typing import Final

import msgspec

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import Json
from keywright.core.message import Part, Role, Thinking, ToolResult, Turn
from keywright.core.request import Format, JsonObjectFormat, JsonSchemaFormat, Request, Sampling
from keywright.dialects.cohere.fields import NAME, PLAN, PLAN_EXTRAS
from keywright.dialects.cohere.parts import decode_content, decode_document, with_citations
from keywright.dialects.cohere.thinking import decode_thinking
from keywright.dialects.cohere.tools import decode_calls, decode_choice, decode_tools
from keywright.dialects.cohere.verbatim import RELIED
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.whole import asked

_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}
_SCHEMA_FIELDS: Final = ("json_schema", "schema")
"""The schema's name, and its name in the older API, which clients still use."""


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, RELIED, _request)


def _request(body: Fields) -> Request:
    return Request(
        model=body.needed_text("model"),
        turns=_turns(body),
        tools=decode_tools(body),
        tool_choice=decode_choice(body),
        output_tokens_max=body.count("max_tokens"),
        stop=body.texts("stop_sequences"),
        sampling=Sampling(
            temperature=body.number("temperature"),
            top_p=body.number("p"),
            top_k=body.integer("k"),
            frequency_penalty=body.number("frequency_penalty"),
            presence_penalty=body.number("presence_penalty"),
            seed=body.integer("seed"),
            logprobs=body.flag("logprobs"),
        ),
        reasoning=decode_thinking(body),
        format=_format(body),
        stream=body.flag("stream") or False,
        extras=body.extras(NAME),
    )


def _turns(body: Fields) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for index, item in enumerate(body.array("messages")):
        message = Fields(item, f"messages[{index}]")
        role = message.needed_text("role")
        if role == "assistant":
            turns.append(_assistant(message))
        elif role == "tool":
            result = _tool_result(message)
            if turns and turns[-1].role == "tool":
                turns[-1] = Turn("tool", (*turns[-1].parts, result))
            else:
                turns.append(Turn("tool", (result,)))
        elif role in _ROLES:
            parts = decode_content(message.json("content"), message.at("content"))
            turns.append(Turn(_ROLES[role], tuple(parts), extras=message.extras(NAME)))
        else:
            raise WrongFieldError(message.at("role"), "system, user, assistant or tool")
    if not turns:
        raise WrongFieldError("messages", "an array of at least one message")
    _add_documents(turns, body)
    return tuple(turns)


def _assistant(message: Fields) -> Turn:
    content = decode_content(message.json("content"), message.at("content"))
    parts, rest = with_citations(content, len(content), message.array("citations"))
    if rest:
        message.keep("citations", rest)
    if plan := message.text(PLAN):
        parts = [Thinking(plan, origin=NAME, extras=PLAN_EXTRAS), *parts]
    return Turn("assistant", (*parts, *decode_calls(message)), extras=message.extras(NAME))


def _tool_result(message: Fields) -> ToolResult:
    parts: tuple[Part, ...] = tuple(decode_content(message.json("content"), message.at("content")))
    return ToolResult(message.needed_text("tool_call_id"), parts, extras=message.extras(NAME))


def _add_documents(turns: list[Turn], body: Fields) -> None:
    """Put the request's `documents` before the user's last words. Where nobody spoke, they stay extras."""
    last = next((index for index in reversed(range(len(turns))) if turns[index].role == "user"), None)
    if last is None:
        return
    documents = tuple(map(decode_document, body.array("documents")))
    if documents:
        turns[last] = msgspec.structs.replace(turns[last], parts=(*documents, *turns[last].parts))


def _format(body: Fields) -> Format | None:
    said: Json = body.left.get("response_format")
    form = body.object("response_format")
    if form is None:
        return None
    match form.text("type"):
        case "text" if not form.left:
            return None
        case "json_object":
            schema = next((form.object(field) for field in _SCHEMA_FIELDS if form.left.get(field) is not None), None)
            return JsonObjectFormat() if schema is None else JsonSchemaFormat(schema.left)
        case _:
            body.keep("response_format", said)
            return None
