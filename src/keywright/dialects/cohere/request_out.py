"""A canonical request to this wire's body, for a model with given abilities.

Knobs that cannot be said are dropped and reported; those that can be said within limits are brought to the nearest
limit, and that is reported too. Extras of this dialect are put over everything else: they are the client's own words.
"""

from typing import Final, assert_never

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import JsonObject
from keywright.core.request import JsonObjectFormat, JsonSchemaFormat, Request, Sampling
from keywright.dialects.cohere.messages_out import encode_messages
from keywright.dialects.cohere.target import Target
from keywright.dialects.cohere.thinking import encode_thinking
from keywright.dialects.cohere.tools import encode_tools

STOPS_MAX: Final = 5
TOP_K_MAX: Final = 500
_RANGES: Final = {
    "top_p": ("p", 0.01, 0.99),
    "frequency_penalty": ("frequency_penalty", 0.0, 1.0),
    "presence_penalty": ("presence_penalty", 0.0, 1.0),
}
"""Cohere's name of a knob, and its limits."""


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request` to the provider's `model`."""
    target = Target(abilities)
    messages, documents = encode_messages(request, target)
    body: JsonObject = {"model": model, "messages": list(messages), "stream": request.stream}
    if documents:
        body["documents"] = list(documents)
    encode_tools(request, body, target)
    if request.output_tokens_max is not None:
        body["max_tokens"] = request.output_tokens_max
    _stop(request.stop, body, target)
    _sampling(request.sampling, body, target)
    if request.reasoning is not None:
        thinking = encode_thinking(request.reasoning, target)
        if thinking is not None:
            body["thinking"] = thinking
    _format(request, body, target)
    _account(request, target)
    body.update(target.extras(request.extras))
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _stop(stop: tuple[str, ...], body: JsonObject, target: Target) -> None:
    if not stop:
        return
    if not target.abilities.stop:
        target.knob("stop", "the model takes no stop sequences")
        return
    if len(stop) > STOPS_MAX:
        target.knob("stop", f"Cohere takes at most {STOPS_MAX} stop sequences")
    body["stop_sequences"] = list(stop[:STOPS_MAX])


def _sampling(sampling: Sampling, body: JsonObject, target: Target) -> None:
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    for knob, (field, least, most) in _RANGES.items():
        value: float | None = getattr(sampling, knob)
        if value is None:
            continue
        body[field] = min(max(value, least), most)
        if body[field] != value:
            target.knob(knob, f"Cohere takes {least:g} to {most:g}: set to {body[field]:g}")
    if sampling.top_k is not None:
        body["k"] = min(sampling.top_k, TOP_K_MAX)
        if sampling.top_k > TOP_K_MAX:
            target.knob("top_k", f"Cohere takes at most {TOP_K_MAX}")
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.logprobs is not None:
        body["logprobs"] = sampling.logprobs
    if sampling.logit_bias:
        target.knob("logit_bias", "Cohere has no such knob")
    if sampling.top_logprobs:
        target.knob("top_logprobs", "Cohere tells the probabilities of the tokens that were chosen, not of others")


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
            if form.description is not None:
                target.knob("format.description", "put it into the schema instead")
            body["response_format"] = {"type": "json_object", "json_schema": form.schema}
        case _:
            assert_never(request.format)


def _account(request: Request, target: Target) -> None:
    """Who asks, how many answers are wanted, and on which terms: of all that, Cohere wants to know nothing."""
    if request.choices is not None and request.choices != 1:
        target.meaning("choices", "Cohere gives one answer")
    if request.user is not None:
        target.knob("user", "Cohere does not ask who the user is")
    if request.metadata:
        target.knob("metadata", "Cohere keeps no metadata")
    if request.service_tier not in (None, "auto", "default", "standard_only"):
        target.knob("service_tier", "Cohere has no tiers of service")
    if request.cache is not None:
        target.knob("cache", "Cohere caches by itself")
