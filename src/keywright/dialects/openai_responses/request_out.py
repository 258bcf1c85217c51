"""A canonical request to this wire's body, as OpenAI's published schema wants it, for a model with given abilities.

Knobs that cannot be said are dropped and reported. Images that are not obvious:
- of a client of another dialect nothing is stored (`store: false`), and where the model reasons, its encrypted
  reasoning is asked for, so that the client can send it back;
- a budget of thinking tokens becomes an effort, and thinking switched off the effort `none`, as in chat completions;
- a client that thinks aloud (thinking switched on, or shown in summary) is sent summaries;
- `strict` on a schema that does not keep OpenAI's rules for strict schemas: not strict, a knob loss;
- fewer output tokens than OpenAI takes: as many as it takes, a knob loss;
- a schema without a name is called `response`.
Extras of this dialect are put over everything else: they are the client's own words.
"""

from typing import Final, assert_never

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.request import JsonObjectFormat, JsonSchemaFormat, Reasoning, Request
from keywright.dialects.openai_chat.fields import TIERS
from keywright.dialects.openai_chat.request_out import UNNAMED, effort_for, keeps_strict_rules
from keywright.dialects.openai_responses.fields import CHAT, NAME, own
from keywright.dialects.openai_responses.input_out import InputWriter
from keywright.dialects.openai_responses.request_in import ENCRYPTED, LOGPROBS, SEALS
from keywright.dialects.openai_responses.target import Target
from keywright.dialects.openai_responses.tools import encode_choice, encode_tool

OUTPUT_TOKENS_MIN: Final = 16
"""OpenAI takes no lower limit."""

_UNKNOWN: Final = ("top_k", "frequency_penalty", "presence_penalty", "seed", "logit_bias")
_SHARED: Final = (
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
)
"""Fields that chat completions have under the same name, with the same meaning."""

_NOTES: Final = frozenset((SEALS, "include", "store", "stream_options", "text"))
"""Extras that are not simply put over the body."""


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request` to the provider's `model`."""
    plain = "store" in own(request.extras)
    target = Target(abilities, plain=plain, stored=plain)
    extra = target.extras(_translated(request.extras))
    written = InputWriter(target)
    written.write(request.turns)
    body: JsonObject = {"model": model}
    if written.instructions is not None:
        body["instructions"] = written.instructions
    if written.items or not plain:
        body["input"] = list[Json](written.items)
    _tools(request, body, target)
    if request.output_tokens_max is not None:
        _limit(request.output_tokens_max, body, target)
    _sampling(request, body, target)
    if request.reasoning is not None and "reasoning" not in extra:
        _reasoning(request.reasoning, body, target)
    _text(request, extra, body, target)
    _account(request, body, target)
    _kept(request, extra, body, target)
    body.update((field, value) for field, value in extra.items() if field not in _NOTES)
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _translated(extras: Extras) -> Extras:
    """`extras`, where what chat completions share is this dialect's."""
    chat = extras.get(CHAT)
    if not chat:
        return extras
    shared: JsonObject = {field: chat[field] for field in _SHARED if field in chat}
    if "verbosity" in chat:
        shared["text"] = {"verbosity": chat["verbosity"]}
    rest: JsonObject = {field: value for field, value in chat.items() if field not in _SHARED and field != "verbosity"}
    return {**extras, CHAT: rest, NAME: {**own(extras), **shared}}


def _tools(request: Request, body: JsonObject, target: Target) -> None:
    if request.tools and not target.abilities.tools:
        target.meaning("tools", "the model cannot call tools")
        return
    tools: list[Json] = []
    for index, tool in enumerate(request.tools):
        encoded = encode_tool(tool, f"tools[{index}]", target)
        if encoded is not None:
            tools.append(encoded)
    if tools:
        body["tools"] = tools
    if request.tool_choice is not None:
        target.extras(request.tool_choice.extras, "tool_choice")
        if tools or target.plain:
            body.update(encode_choice(request.tool_choice, request.tools))
        else:
            target.knob("tool_choice", "there are no tools to choose from")


def _limit(tokens: int, body: JsonObject, target: Target) -> None:
    if tokens < OUTPUT_TOKENS_MIN:
        target.knob("output_tokens_max", f"OpenAI takes no lower limit than {OUTPUT_TOKENS_MIN}, which is sent")
    body["max_output_tokens"] = max(tokens, OUTPUT_TOKENS_MIN)


def _sampling(request: Request, body: JsonObject, target: Target) -> None:
    sampling = request.sampling
    for knob in ("temperature", "top_p"):
        value = getattr(sampling, knob)
        if value is None:
            continue
        if target.abilities.sampling:
            body[knob] = value
        else:
            target.knob(knob, "the model has no such setting")
    for knob in _UNKNOWN:
        if getattr(sampling, knob) is not None:
            target.knob(knob, "the Responses API has no such setting")
    if sampling.top_logprobs is not None and sampling.logprobs:
        body["top_logprobs"] = sampling.top_logprobs
    if request.stop:
        target.knob("stop", "the Responses API takes no stop sequences")
    if request.choices is not None and request.choices != 1:
        target.meaning("choices", "the Responses API gives one answer")


def _reasoning(reasoning: Reasoning, body: JsonObject, target: Target) -> None:
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
    said: JsonObject = {}
    if effort is not None:
        said["effort"] = effort
    if reasoning.display == "summarized" or (reasoning.display is None and reasoning.mode in ("on", "adaptive")):
        said["summary"] = "auto"
    if said:
        body["reasoning"] = said


def _text(request: Request, extra: JsonObject, body: JsonObject, target: Target) -> None:
    """`text`: the form of the answer, and what else the client said there."""
    said: JsonObject = {}
    match request.format:
        case None:
            pass
        case JsonObjectFormat():
            said["format"] = {"type": "json_object"}
        case JsonSchemaFormat() as form:
            if not target.abilities.json_schema:
                target.meaning("format", "the model cannot keep to a JSON schema")
                return
            said["format"] = _schema(form, target)
        case _:
            assert_never(request.format)
    more = extra.get("text")
    if isinstance(more, dict):
        said.update(more)
    if said:
        body["text"] = said


def _schema(form: JsonSchemaFormat, target: Target) -> JsonObject:
    said = shown_schema(form)
    if form.strict and not keeps_strict_rules(form.schema):
        target.knob("format.strict", "OpenAI wants every property required and no others allowed in a strict schema")
        del said["strict"]
    return said


def shown_schema(form: JsonSchemaFormat) -> JsonObject:
    """The format that a schema asks for."""
    said: JsonObject = {"type": "json_schema", "name": form.name or UNNAMED, "schema": form.schema}
    if form.description is not None:
        said["description"] = form.description
    if form.strict is not None:
        said["strict"] = form.strict
    return said


def _account(request: Request, body: JsonObject, target: Target) -> None:
    """Who asks, and on which terms."""
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
    if request.cache is not None:
        target.knob("cache", "OpenAI caches by itself and refuses marks")


def _kept(request: Request, extra: JsonObject, body: JsonObject, target: Target) -> None:
    """What is stored, what is given beside the answer, and whether it is a stream."""
    wanted = extra.get("include")
    include: list[Json] = list(wanted) if isinstance(wanted, list) else []
    if not target.plain:
        body["store"] = False
    elif extra["store"] is not None:
        body["store"] = extra["store"]
    if extra.get(SEALS) or (not target.plain and target.abilities.reasoning != "none"):
        include.append(ENCRYPTED)
    if request.sampling.logprobs:
        include.append(LOGPROBS)
    if include:
        body["include"] = include
    if request.stream:
        body["stream"] = True
        options = extra.get("stream_options")
        if options is not None:
            body["stream_options"] = options
