"""The canonical request to the body for the API."""

from typing import Final, assert_never

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Format, JsonObjectFormat, JsonSchemaFormat, Request, Sampling
from keywright.dialects.anthropic.thinking import Plan, planned, resumed
from keywright.dialects.anthropic.tools import write_tools
from keywright.dialects.anthropic.turns import Conversation
from keywright.dialects.anthropic.wire import NAME, Node, mark, rendered, report_foreign

TEMPERATURE_MAX: Final = 1.0
THINKING_TOP_P_MIN: Final = 0.95

UNKNOWN_KNOBS: Final = ("frequency_penalty", "presence_penalty", "seed", "logit_bias", "logprobs", "top_logprobs")

SERVICE_TIERS: Final = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
"""The tiers that clients ask for, and what this API calls them."""

_NO_SAMPLING: Final = Sampling()


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for what `request` says, and what could not be said."""
    body, losses = request_node(request, model, abilities)
    return Encoded(rendered(body), tuple(losses))


def request_node(request: Request, model: str, abilities: Abilities) -> tuple[Node, list[Loss]]:
    """The same, not rendered yet."""
    losses: list[Loss] = []
    plan = planned(request, abilities, losses)
    body: Node = {"model": model, "max_tokens": plan.output_tokens_max}
    conversation = Conversation(request.turns, abilities, losses)
    messages = conversation.messages()
    plan = resumed(plan, messages, losses)
    if conversation.system:
        body["system"] = conversation.system
    body["messages"] = messages
    if request.tools or request.tool_choice is not None:
        write_tools(request, abilities, body, losses)
    if request.sampling != _NO_SAMPLING:
        _write_sampling(request.sampling, plan, abilities, body, losses)
    _write_thinking(plan, request.format, abilities, body, losses)
    _write_stop(request.stop, abilities, body, losses)
    _write_rest(request, body, losses)
    if request.extras:
        _write_extras(request.extras.get(NAME, {}), body)
        report_foreign(request.extras, "", losses)
    return body, losses


def _write_sampling(sampling: Sampling, plan: Plan, abilities: Abilities, body: Node, losses: list[Loss]) -> None:
    losses += [Loss(field, "the Messages API has no such knob") for field in UNKNOWN_KNOBS if getattr(sampling, field)]
    if sampling.seed == 0:  # a seed like any other; the other knobs say nothing when they are zero or empty
        losses.append(Loss("seed", "the Messages API has no such knob"))
    said: Node = {}
    if sampling.temperature is not None:
        said["temperature"] = min(sampling.temperature, TEMPERATURE_MAX)
        if sampling.temperature > TEMPERATURE_MAX:
            losses.append(Loss("temperature", "the Messages API takes 0 to 1: set to 1"))
    if sampling.top_p is not None:
        said["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        said["top_k"] = sampling.top_k
    for field, why in _forbidden(sampling, plan, abilities):
        if field in said:
            del said[field]
            losses.append(Loss(field, why))
    body.update(said)


def _forbidden(sampling: Sampling, plan: Plan, abilities: Abilities) -> list[tuple[str, str]]:
    """The knobs that may not be said, and why."""
    if not abilities.sampling:
        return [(field, "this model takes no sampling knobs") for field in ("temperature", "top_p", "top_k")]
    forbidden = []
    temperature, top_p = sampling.temperature, sampling.top_p
    if plan.thinks:
        if temperature is not None and temperature < TEMPERATURE_MAX:
            forbidden.append(("temperature", "the Messages API takes only 1 while the model thinks"))
        if top_p is not None and top_p < THINKING_TOP_P_MIN:
            forbidden.append(("top_p", f"the Messages API takes {THINKING_TOP_P_MIN} to 1 while the model thinks"))
        forbidden.append(("top_k", "the Messages API takes none while the model thinks"))
    if temperature is not None and top_p is not None and len(forbidden) < 2:
        forbidden.append(("top_p", "current models take temperature or top_p, not both"))
    return forbidden


def _write_thinking(plan: Plan, wanted: Format | None, abilities: Abilities, body: Node, losses: list[Loss]) -> None:
    """Put `thinking` and `output_config` into `body`."""
    if plan.thinking is not None:
        body["thinking"] = plan.thinking
    config: Node = {}
    if plan.effort is not None:
        config["effort"] = plan.effort
    match wanted:
        case None:
            pass
        case JsonSchemaFormat():
            if not abilities.json_schema:
                losses.append(Loss("format", "this model does not hold to a schema", "meaning"))
            else:
                config["format"] = {"type": "json_schema", "schema": wanted.schema}
                if wanted.description is not None:
                    losses.append(Loss("format.description", "put it into the schema instead"))
        case JsonObjectFormat():
            why = "the Messages API promises JSON only by a schema: use json_schema"
            losses.append(Loss("format", why, "meaning"))
        case _:
            assert_never(wanted)
    if config:
        body["output_config"] = config


def _write_stop(stop: tuple[str, ...], abilities: Abilities, body: Node, losses: list[Loss]) -> None:
    if not stop:
        return
    if not abilities.stop:
        losses.append(Loss("stop", "this model takes no stop sequences"))
        return
    visible = [text for text in stop if text.strip()]
    if visible:
        body["stop_sequences"] = visible
    if len(visible) < len(stop):
        losses.append(Loss("stop", "the Messages API takes no stop sequence of white space only"))


def _write_rest(request: Request, body: Node, losses: list[Loss]) -> None:
    if request.stream:
        body["stream"] = True
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    if request.cache is not None:
        body["cache_control"] = mark(request.cache)
    if request.choices is not None and request.choices != 1:
        losses.append(Loss("choices", "the Messages API gives one answer", "meaning"))
    if request.metadata:
        losses.append(Loss("metadata", "the Messages API keeps no metadata but the user's id"))
    if request.service_tier is not None:
        tier = SERVICE_TIERS.get(request.service_tier)
        if tier is None:
            losses.append(Loss("service_tier", f"the Messages API has no tier like {request.service_tier!r}"))
        else:
            body["service_tier"] = tier


def _write_extras(extras: JsonObject, body: Node) -> None:
    """Put back what the client's request said beyond the model; joined where a member holds both."""
    for field, value in extras.items():
        present = body.get(field)
        if present is None:
            body[field] = value
        elif isinstance(present, dict) and isinstance(value, dict) and field in ("output_config", "metadata"):
            body[field] = {**value, **present}
