"""A canonical request to this wire's body, as Mistral's published schema wants it, for a model with given abilities.

Knobs that cannot be said are dropped and reported. Images that are not obvious:
- the seed is `random_seed`, and none below 0; a temperature above 1.5 is 1.5;
- allowed tools: only those are declared; a choice where there are no tools is left out, a loss where it demands one;
- a tool without parameters takes an empty object of them; `none` of the efforts switches thinking off;
- what clients of OpenAI's wire say by a name that this API knows (`SHARED`) is said, for many of them mean this API.
Extras of this dialect are put over everything else: they are the client's own words.
"""

from typing import Final, assert_never

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.request import (
    AnyTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
)
from keywright.dialects.mistral.messages_out import encode_messages
from keywright.dialects.mistral.wire import NAME, READ_AS
from keywright.dialects.openai_chat.request_out import UNNAMED, effort_for
from keywright.dialects.openai_chat.target import Target

TEMPERATURE_MAX: Final = 1.5
TIERS: Final = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
"""The tiers that clients ask for, and what this API calls them."""

SHARED: Final = frozenset({"guardrails", "prediction", "prompt_cache_key", "prompt_mode", "random_seed", "safe_prompt"})
"""Extras of OpenAI's wire that this API knows."""

_NO_PARAMETERS: Final[JsonObject] = {"type": "object", "properties": {}}
_SAME_KNOBS: Final = ("frequency_penalty", "presence_penalty")
_UNKNOWN_KNOBS: Final = ("logit_bias", "logprobs", "top_logprobs", "top_k")


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request` to the provider's `model`."""
    target = Target(abilities, NAME, "Mistral")
    body: JsonObject = {"model": model, "messages": encode_messages(request.turns, target)}
    _tools(request, body, target)
    if request.output_tokens_max is not None:
        body["max_tokens"] = request.output_tokens_max
    _stop(request, body, target)
    _sampling(request.sampling, body, target)
    if request.reasoning is not None:
        _reasoning(request.reasoning, body, target)
    _format(request, body, target)
    _account(request, body, target)
    body.update(target.extras(_with_shared(request.extras)))
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _with_shared(extras: Extras) -> Extras:
    """`extras`, where this dialect says what OpenAI's client said by the same name."""
    theirs = extras.get(READ_AS) or {}
    shared: JsonObject = {field: value for field, value in theirs.items() if _is_shared(field, value)}
    if not shared:
        return extras
    rest: JsonObject = {field: value for field, value in theirs.items() if field not in shared}
    return {**extras, READ_AS: rest, NAME: {**shared, **(extras.get(NAME) or {})}}


def _is_shared(field: str, value: Json) -> bool:
    """Whether this API knows the field with that value. Of predictions, OpenAI knows one of parts as well."""
    if field == "prediction":
        return isinstance(value, dict) and isinstance(value.get("content"), str)
    return field in SHARED


def _tools(request: Request, body: JsonObject, target: Target) -> None:
    if request.tools and not target.abilities.tools:
        target.meaning("tools", "the model cannot call tools")
        return
    choice = request.tool_choice
    allowed = choice.names if choice is not None and choice.mode == "allowed" else None
    if allowed is not None:
        target.knob("tool_choice.names", "Mistral knows no allowed tools: only those are declared")
    tools: list[Json] = []
    for index, tool in enumerate(request.tools):
        if allowed is None or not isinstance(tool, Tool) or tool.name in allowed:
            tools += _tool(tool, f"tools[{index}]", target)
    if tools:
        body["tools"] = tools
    if choice is not None:
        target.extras(choice.extras, "tool_choice")
        if tools:
            _choice(choice, body)
        elif choice.mode in ("required", "named") or choice.required:
            target.knob("tool_choice", "there are no tools to choose from")


def _tool(tool: AnyTool, path: str, target: Target) -> list[Json]:
    match tool:
        case Tool():
            extra = target.extras(tool.extras, path)
            target.mark(tool.cache, extra)
            function: JsonObject = {
                "name": tool.name,
                "parameters": _NO_PARAMETERS if tool.parameters is None else tool.parameters,
            }
            if tool.description is not None:
                function["description"] = tool.description
            if tool.strict is not None:
                function["strict"] = tool.strict
            if isinstance(more := extra.get("function"), dict):
                function.update(more)
            return [{**extra, "type": "function", "function": function}]
        case ServerTool():
            if tool.origin == NAME:
                return [tool.body]
            target.meaning(path, f"only {tool.origin} runs the tool {tool.kind}")
            return []
        case _:
            assert_never(tool)


def _choice(choice: ToolChoice, body: JsonObject) -> None:
    match choice.mode:
        case None:
            pass
        case "auto" | "none":
            body["tool_choice"] = choice.mode
        case "required":
            body["tool_choice"] = "any"
        case "named":
            body["tool_choice"] = {"type": "function", "function": {"name": choice.names[0]}}
        case "allowed":
            body["tool_choice"] = "any" if choice.required else "auto"
        case _:
            assert_never(choice.mode)
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel


def _stop(request: Request, body: JsonObject, target: Target) -> None:
    if request.stop and not target.abilities.stop:
        target.knob("stop", "the model takes no stop sequences")
    elif request.stop:
        body["stop"] = list(request.stop)


def _sampling(sampling: Sampling, body: JsonObject, target: Target) -> None:
    said: JsonObject = {}
    if sampling.temperature is not None:
        said["temperature"] = min(sampling.temperature, TEMPERATURE_MAX)
        if sampling.temperature > TEMPERATURE_MAX:
            target.knob("temperature", f"Mistral takes 0 to {TEMPERATURE_MAX}: set to {TEMPERATURE_MAX}")
    if sampling.top_p is not None and sampling.top_p > 0:
        said["top_p"] = sampling.top_p
    elif sampling.top_p is not None:
        target.knob("top_p", "Mistral takes more than 0")
    said |= {knob: value for knob in _SAME_KNOBS if (value := getattr(sampling, knob)) is not None}
    if sampling.seed is not None and sampling.seed >= 0:
        said["random_seed"] = sampling.seed
    elif sampling.seed is not None:
        target.knob("seed", "Mistral takes no seed below 0")
    for knob in _UNKNOWN_KNOBS:
        if getattr(sampling, knob):
            target.knob(knob, "Mistral has no such knob")
    if target.abilities.sampling:
        body.update(said)
        return
    for field in said:
        target.knob("seed" if field == "random_seed" else field, "the model has no such setting")


def _reasoning(reasoning: Reasoning, body: JsonObject, target: Target) -> None:
    effort = "none" if reasoning.mode == "off" else reasoning.effort
    if target.abilities.reasoning == "none":
        if effort != "none":
            target.knob("reasoning", "the model does not reason on request")
        return
    if effort is None and reasoning.budget_tokens is not None:
        effort = effort_for(reasoning.budget_tokens)
        target.knob("reasoning.budget_tokens", f"Mistral takes no budget; it is sent as the effort {effort}")
    elif reasoning.budget_tokens is not None:
        target.knob("reasoning.budget_tokens", "Mistral takes no budget")
    elif effort is None and reasoning.mode is not None:
        effort = "high"
        target.knob("reasoning.mode", "Mistral takes an effort; it is sent as high")
    if effort == "max":
        effort = "xhigh"
        target.knob("reasoning.effort", "the most effort of Mistral's is xhigh")
    if reasoning.display is not None:
        target.knob("reasoning.display", "Mistral shows all of its reasoning")
    if effort is not None:
        body["reasoning_effort"] = effort


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
            if form.strict is not None:
                inner["strict"] = form.strict
            body["response_format"] = {"type": "json_schema", "json_schema": inner}
        case _:
            assert_never(request.format)


def _account(request: Request, body: JsonObject, target: Target) -> None:
    """How many answers are wanted, how, and on which terms."""
    if request.choices is not None:
        body["n"] = request.choices
    if request.stream:
        body["stream"] = True
    if request.user is not None:
        target.knob("user", "Mistral is not told of users")
    if request.metadata is not None:
        body["metadata"] = request.metadata
    if request.service_tier is not None:
        tier = TIERS.get(request.service_tier)
        if tier is None:
            target.knob("service_tier", f"Mistral has no tier {request.service_tier!r}")
        else:
            body["service_tier"] = tier
    target.mark(request.cache, {})
