"""The canonical request to the body for the API. The path names the model; a stream has a path of its own."""

from typing import Final, assert_never

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Format, JsonObjectFormat, JsonSchemaFormat, Request, Sampling
from keywright.dialects.bedrock_converse.blocks import BlockWriter
from keywright.dialects.bedrock_converse.knobs import Plan, planned, set_top_k
from keywright.dialects.bedrock_converse.tools import write_tools
from keywright.dialects.bedrock_converse.turns import Conversation
from keywright.dialects.bedrock_converse.vendors import Manner, manner_of, vendor_of
from keywright.dialects.bedrock_converse.wire import Node, own, rendered, report_foreign

TEMPERATURE_MAX: Final = 1.0
THINKING_TOP_P_MIN: Final = 0.95
STOP_MAX: Final = 2500
METADATA_CHARS_MAX: Final = 256
METADATA_MAX: Final = 16

UNKNOWN_KNOBS: Final = ("frequency_penalty", "presence_penalty", "seed", "logit_bias", "logprobs", "top_logprobs")
SERVICE_TIERS: Final = {
    "auto": None,
    "default": "default",
    "standard_only": "default",
    "flex": "flex",
    "priority": "priority",
    "reserved": "reserved",
}
"""The tiers that clients ask for, and what this API calls them; None where it need not be told."""

_METADATA: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_@$#=/+,-. \t\n\r\f\v")
_JOINED: Final = frozenset({"inferenceConfig", "toolConfig", "outputConfig", "additionalModelRequestFields"})
_KEPT: Final = frozenset({"reasoning"})
"""Extras in which a client's spelling is kept and which are no members of the body."""

_NO_SAMPLING: Final = Sampling()


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for what `request` says, and what could not be said."""
    losses: list[Loss] = []
    body = body_of(request, model, abilities, losses)
    return Encoded(rendered(body), tuple(losses))


def body_of(request: Request, model: str, abilities: Abilities, losses: list[Loss]) -> Node:
    """The body in plain JSON."""
    manner = manner_of(model)
    said = own(request.extras)
    spelled = said.get("reasoning")
    if not vendor_of(model) and isinstance(spelled, dict):
        plan = Plan(spelled, _effort_beside_mode(request))
    else:
        plan = planned(request, manner, abilities, losses)
    fields: JsonObject = dict(plan.fields)
    body = _conversation(request, abilities, manner, losses)
    config, added = write_tools(request, manner, abilities, losses)
    if config is not None:
        body["toolConfig"] = config
        fields |= {name: value for name, value in added.items() if name not in fields}
    inference = _inference(request, plan, manner, abilities, losses)
    _write_top_k(request.sampling, plan, manner, abilities, fields, losses)
    if inference:
        body["inferenceConfig"] = inference
    if fields:
        body["additionalModelRequestFields"] = fields
    _write_output(request.format, plan, abilities, body, losses)
    _write_rest(request, body, losses)
    if request.extras:
        _write_extras(said, body)
        report_foreign(request.extras, "", losses)
    return body


def _effort_beside_mode(request: Request) -> str | None:
    """The effort that was said beside a `thinking` in the client's own spelling."""
    reasoning = request.reasoning
    return None if reasoning is None or reasoning.mode is None else reasoning.effort


def _conversation(request: Request, abilities: Abilities, manner: Manner, losses: list[Loss]) -> Node:
    writer = BlockWriter(abilities, losses, caches=manner.caches)
    conversation = Conversation(request.turns, writer, abilities, losses)
    messages = conversation.messages()
    body: Node = {"messages": messages}
    if conversation.system:
        body["system"] = conversation.system
    return body


def _inference(request: Request, plan: Plan, manner: Manner, abilities: Abilities, losses: list[Loss]) -> Node:
    said: Node = {}
    limit, asked = abilities.output_tokens_max, request.output_tokens_max
    if asked is not None:
        said["maxTokens"] = asked if limit is None else min(asked, limit)
        if limit is not None and asked > limit:
            losses.append(Loss("output_tokens_max", f"this model writes at most {limit} tokens"))
    if request.sampling != _NO_SAMPLING:
        _write_sampling(request.sampling, plan, manner, abilities, said, losses)
    stop = [text for text in request.stop if text]
    if stop and not abilities.stop:
        losses.append(Loss("stop", "this model takes no stop sequences"))
    elif stop:
        said["stopSequences"] = stop[:STOP_MAX]
    if len(stop) < len(request.stop) or len(stop) > STOP_MAX:
        losses.append(Loss("stop", f"Converse takes at most {STOP_MAX} stop sequences, and none that is empty"))
    return said


def _write_sampling(
    sampling: Sampling, plan: Plan, manner: Manner, abilities: Abilities, said: Node, losses: list[Loss]
) -> None:
    losses += [Loss(field, "Converse has no such knob") for field in UNKNOWN_KNOBS if getattr(sampling, field)]
    if sampling.seed == 0:  # a seed like any other; the other knobs say nothing when they are zero or empty
        losses.append(Loss("seed", "Converse has no such knob"))
    temperature, top_p = sampling.temperature, sampling.top_p
    if not abilities.sampling:
        losses += [
            Loss(field, "this model takes no sampling knobs")
            for field, value in (("temperature", temperature), ("top_p", top_p))
            if value is not None
        ]
        return
    temperature = _bounded("temperature", temperature, losses)
    top_p = _bounded("top_p", top_p, losses)
    if plan.exclusive and temperature is not None and temperature < TEMPERATURE_MAX:
        losses.append(Loss("temperature", "this model takes only 1 while it thinks"))
        temperature = None
    if plan.exclusive and top_p is not None and top_p < THINKING_TOP_P_MIN:
        losses.append(Loss("top_p", f"this model takes {THINKING_TOP_P_MIN} to 1 while it thinks"))
        top_p = None
    if manner.one_knob and temperature is not None and top_p is not None:
        losses.append(Loss("top_p", "this model takes temperature or top_p, not both"))
        top_p = None
    if temperature is not None:
        said["temperature"] = temperature
    if top_p is not None:
        said["topP"] = top_p


def _bounded(field: str, value: float | None, losses: list[Loss]) -> float | None:
    """`value`, or the bound that it is beyond."""
    if value is None or 0 <= value <= TEMPERATURE_MAX:
        return value
    bound = 0.0 if value < 0 else TEMPERATURE_MAX
    losses.append(Loss(field, f"Converse takes 0 to 1: set to {bound:g}"))
    return bound


def _write_top_k(
    sampling: Sampling, plan: Plan, manner: Manner, abilities: Abilities, fields: JsonObject, losses: list[Loss]
) -> None:
    top_k = sampling.top_k
    if top_k is None:
        return
    if not abilities.sampling:
        losses.append(Loss("top_k", "this model takes no sampling knobs"))
    elif plan.exclusive:
        losses.append(Loss("top_k", "this model takes none while it thinks"))
    elif not set_top_k(top_k, manner, fields):
        losses.append(Loss("top_k", "this model has no such knob"))


def _write_output(wanted: Format | None, plan: Plan, abilities: Abilities, body: Node, losses: list[Loss]) -> None:
    """Put `outputConfig` into `body`."""
    config: Node = {}
    match wanted:
        case None:
            pass
        case JsonSchemaFormat():
            if not abilities.json_schema:
                losses.append(Loss("format", "this model does not hold to a schema", "meaning"))
            else:
                config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": _definition(wanted)}}
        case JsonObjectFormat():
            losses.append(Loss("format", "Converse promises JSON only by a schema: use json_schema", "meaning"))
        case _:
            assert_never(wanted)
    if plan.effort is not None:
        config["effort"] = plan.effort
    if config:
        body["outputConfig"] = config


def _definition(wanted: JsonSchemaFormat) -> Node:
    definition: Node = {"schema": msgspec.json.encode(wanted.schema).decode()}
    if wanted.name is not None:
        definition["name"] = wanted.name
    if wanted.description is not None:
        definition["description"] = wanted.description
    return definition


def _write_rest(request: Request, body: Node, losses: list[Loss]) -> None:
    if request.user is not None:
        losses.append(Loss("user", "Converse is not told of end users"))
    if request.cache is not None:
        losses.append(Loss("cache", "Converse caches only up to the points that are marked"))
    if request.choices is not None and request.choices != 1:
        losses.append(Loss("choices", "Converse gives one answer", "meaning"))
    if request.metadata:
        kept = {key: value for key, value in request.metadata.items() if _is_metadata(key, value)}
        if kept and len(kept) <= METADATA_MAX:
            body["requestMetadata"] = kept
        if len(kept) < len(request.metadata) or len(kept) > METADATA_MAX:
            losses.append(Loss("metadata", "Converse takes 16 short texts of plain characters at most"))
    if request.service_tier is not None:
        if request.service_tier not in SERVICE_TIERS:
            losses.append(Loss("service_tier", f"Converse has no tier like {request.service_tier!r}"))
        elif (tier := SERVICE_TIERS[request.service_tier]) is not None:
            body["serviceTier"] = {"type": tier}


def _is_metadata(key: str, value: Json) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(key) <= METADATA_CHARS_MAX
        and len(value) <= METADATA_CHARS_MAX
        and _METADATA.issuperset(key)
        and _METADATA.issuperset(value)
    )


def _write_extras(extras: JsonObject, body: Node) -> None:
    """Put back what the client's request said beyond the model; joined where a member holds both."""
    for field, value in extras.items():
        present = body.get(field)
        if field in _KEPT:
            continue
        if present is None and not (field == "toolConfig" and isinstance(value, dict)):
            body[field] = value
        elif isinstance(present, dict) and isinstance(value, dict) and field in _JOINED:
            body[field] = {**value, **present}
