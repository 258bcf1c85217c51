"""A canonical request to this wire's body, as OpenAI's published schema wants it, for a model with given abilities.

Knobs that cannot be said are dropped and reported. Images that are not obvious:
- a budget of thinking tokens, to a model that takes an effort: up to 2,048 `low`, up to 8,192 `medium`, above `high`;
- thinking switched off, to such a model: the effort `none`;
- `strict` on a schema that does not keep OpenAI's rules for strict schemas: not strict, a knob loss;
- more than four stop sequences: the first four;
- a schema without a name is called `response`; a stream always reports its usage.
Extras of this dialect are put over everything else: they are the client's own words.
"""

from typing import Final, assert_never

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import Json, JsonObject
from keywright.core.request import (
    Effort,
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    ServerTool,
    Tool,
)
from keywright.dialects.openai_chat.fields import NAME, TIERS, own
from keywright.dialects.openai_chat.messages_out import encode_messages
from keywright.dialects.openai_chat.target import Target
from keywright.dialects.openai_chat.tools import encode_choice, encode_tool, is_legacy

STOPS_MAX: Final = 4
UNNAMED: Final = "response"
LOW_TOKENS_MAX: Final = 2_048
MEDIUM_TOKENS_MAX: Final = 8_192
_KNOBS: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs")


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request` to the provider's `model`."""
    target = Target(abilities)
    body: JsonObject = {"model": model, "messages": encode_messages(request.turns, target)}
    _tools(request, body, target)
    if request.output_tokens_max is not None:
        body[abilities.output_tokens_field] = request.output_tokens_max
    _stop(request, body, target)
    _sampling(request, body, target)
    if request.reasoning is not None:
        _reasoning(request.reasoning, body, target, echoed="reasoning" in own(request.extras))
    _format(request, body, target)
    _account(request, body, target)
    extra = target.extras(request.extras)
    if request.stream:
        options = extra.get("stream_options")
        body["stream"] = True
        asked: JsonObject = {"include_usage": True} if abilities.stream_usage else {}
        if isinstance(options, dict):
            asked = {**options, **asked}
        if asked:
            body["stream_options"] = asked
    body.update((field, value) for field, value in extra.items() if field != "stream_options")
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _tools(request: Request, body: JsonObject, target: Target) -> None:
    if request.tools and not target.abilities.tools:
        target.meaning("tools", "the model cannot call tools")
        return
    tools: list[Json] = []
    functions: list[Json] = []
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        match tool:
            case Tool():
                encoded = encode_tool(tool, strict=_strict(tool.strict, tool.parameters, f"{path}.strict", target))
                encoded |= target.mark(tool.cache, target.extras(tool.extras, path))
                (functions if is_legacy(tool.extras) else tools).append(encoded)
            case ServerTool():
                if tool.origin == NAME:
                    tools.append(tool.body)
                else:
                    target.meaning(path, f"only {tool.origin} runs the tool {tool.kind}")
            case _:
                assert_never(tool)
    if tools:
        body["tools"] = tools
    if functions:
        body["functions"] = functions
    if request.tool_choice is not None:
        target.extras(request.tool_choice.extras, "tool_choice")
        if tools or functions:
            body.update(encode_choice(request.tool_choice, request.tools))
        else:
            target.knob("tool_choice", "there are no tools to choose from")


def _strict(strict: bool | None, schema: JsonObject | None, path: str, target: Target) -> bool | None:
    if strict and schema is not None and not keeps_strict_rules(schema):
        target.knob(path, "OpenAI wants every property required and no others allowed in a strict schema")
        return None
    return strict


def keeps_strict_rules(schema: Json) -> bool:
    """Whether every object in `schema` requires all its properties and allows no others."""
    if isinstance(schema, list):
        return all(keeps_strict_rules(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        required = schema.get("required")
        named = set(properties) if isinstance(properties, dict) else set()
        listed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
        if schema.get("additionalProperties") is not False or named != listed:
            return False
    return all(
        keeps_strict_rules(value) for field, value in schema.items() if field not in ("enum", "const", "default")
    )


def _stop(request: Request, body: JsonObject, target: Target) -> None:
    if not request.stop:
        return
    if not target.abilities.stop:
        target.knob("stop", "the model takes no stop sequences")
        return
    if len(request.stop) > STOPS_MAX:
        target.knob("stop", f"OpenAI takes at most {STOPS_MAX} stop sequences")
    body["stop"] = list(request.stop[:STOPS_MAX])


def _sampling(request: Request, body: JsonObject, target: Target) -> None:
    sampling = request.sampling
    said: JsonObject = {knob: value for knob in _KNOBS if (value := getattr(sampling, knob)) is not None}
    if sampling.logit_bias is not None:
        said["logit_bias"] = {
            token: int(bias) if bias == int(bias) else bias for token, bias in sampling.logit_bias.items()
        }
    if not target.abilities.sampling:
        for knob in said:
            target.knob(knob, "the model has no such setting")
    else:
        body.update(said)
    if sampling.top_k is not None and "top_k" not in own(request.extras):
        target.knob("top_k", "OpenAI has no top_k")


def _reasoning(reasoning: Reasoning, body: JsonObject, target: Target, *, echoed: bool) -> None:
    """`echoed`: the client's own `reasoning` object goes out with the extras."""
    if echoed:
        return
    if target.abilities.reasoning == "none":
        target.knob("reasoning", "the model does not reason on request")
        return
    effort = reasoning.effort
    if effort is None and reasoning.mode == "off":
        effort = "none"
    elif effort is None and reasoning.budget_tokens is not None:
        effort = effort_for(reasoning.budget_tokens)
        target.knob("reasoning.budget_tokens", f"OpenAI takes no budget; it is sent as the effort {effort}")
    elif reasoning.budget_tokens is not None:
        target.knob("reasoning.budget_tokens", "OpenAI takes no budget")
    elif effort is None and reasoning.mode is not None:
        target.knob("reasoning", "OpenAI decides itself whether to reason")
    if reasoning.display is not None:
        target.knob("reasoning.display", "OpenAI shows no reasoning")
    if effort is not None:
        body["reasoning_effort"] = effort


def effort_for(budget_tokens: int) -> Effort:
    """The effort that stands for a budget of thinking tokens."""
    if budget_tokens <= LOW_TOKENS_MAX:
        return "low"
    return "medium" if budget_tokens <= MEDIUM_TOKENS_MAX else "high"


def _format(request: Request, body: JsonObject, target: Target) -> None:
    match request.format:
        case None:
            pass
        case JsonObjectFormat():
            body["response_format"] = {"type": "json_object"}
        case JsonSchemaFormat() as form:
            if not target.abilities.json_schema:
                target.meaning("format", "the model cannot keep to a JSON schema")
                return
            inner: JsonObject = {"name": form.name or UNNAMED, "schema": form.schema}
            if form.description is not None:
                inner["description"] = form.description
            strict = _strict(form.strict, form.schema, "format.strict", target)
            if strict is not None:
                inner["strict"] = strict
            body["response_format"] = {"type": "json_schema", "json_schema": inner}
        case _:
            assert_never(request.format)


def _account(request: Request, body: JsonObject, target: Target) -> None:
    """Who asks, how many answers are wanted, and on which terms."""
    if request.choices is not None:
        body["n"] = request.choices
    if request.user is not None:
        body["user"] = request.user
    if request.service_tier is not None:
        if request.service_tier in TIERS:
            body["service_tier"] = request.service_tier
        else:
            target.knob("service_tier", f"OpenAI has no tier {request.service_tier!r}")
    if request.metadata is not None:
        texts: JsonObject = {name: value for name, value in request.metadata.items() if isinstance(value, str)}
        for name in request.metadata:
            if name not in texts:
                target.knob(f"metadata.{name}", "OpenAI takes only strings as metadata")
        body["metadata"] = texts
    body |= target.mark(request.cache, own(request.extras))
