"""A client's body to a canonical request.

Fields without a canonical place are kept in `extras["openai_chat"]` and go out again to a server of this dialect. So do
a few that have one, because servers of this dialect do not agree on how to say it (`ECHOED`): the canonical value
serves other dialects, the client's own spelling this one.
"""

from typing import Final

import msgspec

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import JsonObject
from keywright.core.message import Opaque, Part, Refusal, ToolCall, ToolResult, Turn
from keywright.core.request import (
    Effort,
    Format,
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
)
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_chat.fields import CHOICES_MAX, NAME, TIERS
from keywright.dialects.openai_chat.parts import cache_mark, decode_citations, decode_content, with_citations
from keywright.dialects.openai_chat.thinking import decode_thinking
from keywright.dialects.openai_chat.tools import LEGACY, decode_calls, decode_choice, decode_tools
from keywright.dialects.openai_chat.verbatim import RELIED
from keywright.dialects.seal import unsealed_turns
from keywright.dialects.whole import asked

ECHOED: Final = ("cache_control", "reasoning", "top_k")
"""Extras that repeat what the canonical request says in its own fields."""

EFFORTS: Final[dict[str, Effort]] = {
    "none": "none",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    request = read_request(body)
    return msgspec.structs.replace(request, turns=unsealed_turns(request.turns))


def read_request(body: bytes) -> Request:
    """The request that `body` says, with sealed thoughts as they stand in it.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, RELIED, _request)


def _request(body: Fields) -> Request:
    stream_options = body.object("stream_options")
    stream_usage = None
    if stream_options is not None:
        stream_usage = stream_options.flag("include_usage")
        if stream_options.left:
            body.keep("stream_options", stream_options.left)
    metadata = body.object("metadata")
    limit, older_limit = body.count("max_completion_tokens"), body.count("max_tokens")
    return Request(
        model=body.needed_text("model"),
        turns=_turns(body),
        tools=decode_tools(body),
        tool_choice=decode_choice(body),
        output_tokens_max=older_limit if limit is None else limit,
        stop=body.texts("stop"),
        sampling=_sampling(body),
        reasoning=_reasoning(body),
        format=_format(body),
        choices=body.count("n", 1, CHOICES_MAX),
        stream=body.flag("stream") or False,
        stream_usage=stream_usage,
        user=body.text("user"),
        service_tier=tier_of(body),
        metadata=None if metadata is None else metadata.left,
        cache=cache_mark(body),
        extras=body.extras(NAME),
    )


def _turns(body: Fields) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for index, item in enumerate(body.array("messages")):
        message = Fields(item, f"messages[{index}]")
        role = message.needed_text("role")
        match role:
            case "system" | "developer" | "user":
                parts = _marked(decode_content(message.json("content"), message.at("content")), message)
                turns.append(Turn(role, tuple(parts), message.text("name"), message.extras(NAME)))
            case "assistant":
                turns.append(_assistant(message, index))
            case "tool" | "function":
                result = _tool_result(message) if role == "tool" else _function_result(message, turns)
                if turns and turns[-1].role == "tool":
                    turns[-1] = Turn("tool", (*turns[-1].parts, result))
                else:
                    turns.append(Turn("tool", (result,)))
            case _:
                raise WrongFieldError(message.at("role"), "system, developer, user, assistant or tool")
    if not turns:
        raise WrongFieldError("messages", "an array of at least one message")
    return tuple(turns)


def _assistant(message: Fields, index: int) -> Turn:
    parts = decode_thinking(message)
    parts += decode_content(message.json("content"), message.at("content"))
    parts = _marked(parts, message)
    if refusal := message.text("refusal"):
        parts.append(Refusal(refusal))
    parts = with_citations(parts, decode_citations(message.array("annotations")))
    if (audio := message.object("audio")) is not None:
        parts.append(Opaque(NAME, "audio", audio.left))
    parts += decode_calls(message, f"call_{index}")
    return Turn("assistant", tuple(parts), message.text("name"), message.extras(NAME))


def _tool_result(message: Fields) -> ToolResult:
    parts = tuple(decode_content(message.json("content"), message.at("content")))
    call_id, name = message.needed_text("tool_call_id"), message.text("name")
    return ToolResult(call_id, parts, name=name, cache=cache_mark(message), extras=message.extras(NAME))


def _function_result(message: Fields, turns: list[Turn]) -> ToolResult:
    """A deprecated `function` message answers the last call of that function."""
    name = message.needed_text("name")
    parts = tuple(decode_content(message.json("content"), message.at("content")))
    calls = [part.id for turn in turns for part in turn.parts if isinstance(part, ToolCall) and part.name == name]
    return ToolResult(calls[-1] if calls else f"call_{name}", parts, name=name, extras=LEGACY)


def _marked(parts: list[Part], message: Fields) -> list[Part]:
    """`parts`, the last of which carries the cache mark of its message."""
    mark = cache_mark(message)
    if mark is None or not parts or not hasattr(parts[-1], "cache"):
        return parts
    return [*parts[:-1], msgspec.structs.replace(parts[-1], cache=mark)]


def tier_of(body: Fields) -> str | None:
    """The tier of service; a word that only one vendor knows is left among the extras."""
    tier = body.text("service_tier")
    if tier is None or tier in TIERS:
        return tier
    body.keep("service_tier", tier)
    return None


def _sampling(body: Fields) -> Sampling:
    top_k = body.integer("top_k")
    if top_k is not None:
        body.keep("top_k", top_k)
    return Sampling(
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=top_k,
        frequency_penalty=body.number("frequency_penalty"),
        presence_penalty=body.number("presence_penalty"),
        seed=body.integer("seed"),
        logit_bias=biases_of(body),
        logprobs=body.flag("logprobs"),
        top_logprobs=body.integer("top_logprobs"),
    )


def biases_of(body: Fields) -> dict[str, float] | None:
    """How much likelier each token shall be, by `logit_bias`."""
    biases = body.object("logit_bias")
    return None if biases is None else {token: biases.number(token) or 0 for token in list(biases.left)}


def _reasoning(body: Fields) -> Reasoning | None:
    """`reasoning_effort`, or the `reasoning` object of several vendors, which is echoed to them."""
    effort = _effort(body, "reasoning_effort")
    said = body.left.get("reasoning")
    if not isinstance(said, dict):
        return None if effort is None else Reasoning(effort=effort)
    fields = Fields(said, "reasoning")
    enabled = fields.flag("enabled")
    return Reasoning(
        mode=None if enabled is None else "on" if enabled else "off",
        effort=_effort(fields, "effort") or effort,
        budget_tokens=fields.integer("max_tokens"),
        display="omitted" if fields.flag("exclude") else None,
    )


def _effort(fields: Fields, name: str) -> Effort | None:
    """The effort in the field `name`; a word that only one vendor knows is left among the extras."""
    word = fields.text(name)
    effort = None if word is None else EFFORTS.get(word)
    if word is not None and effort is None:
        fields.keep(name, word)
    return effort


def _format(body: Fields) -> Format | None:
    form = body.object("response_format")
    if form is None:
        return None
    raw: JsonObject = dict(form.left)
    match form.text("type"):
        case "text":
            return None
        case "json_object":
            schema = form.object("schema") or form.object("value")
            return JsonObjectFormat() if schema is None else JsonSchemaFormat(schema.left)
        case "json_schema":
            inner = form.object("json_schema")
            if inner is None:
                raise WrongFieldError(form.at("json_schema"), "an object")
            schema = inner.object("schema")
            found = JsonSchemaFormat(
                schema={} if schema is None else schema.left,
                name=inner.text("name"),
                description=inner.text("description"),
                strict=inner.flag("strict"),
            )
            if inner.left:
                body.keep("response_format", raw)
            return found
        case _:
            body.keep("response_format", raw)
            return None
