"""The fields of a body that both endpoints have, from a canonical request.

Images that are not obvious: a budget of thinking tokens is `think: true`; efforts that the wire has no word for are
the nearest that it has (both reported); `think: false` is said to any model, for those that cannot think do not mind.
"""

from typing import Final, assert_never

from keywright.core.json import JsonObject
from keywright.core.request import Effort, JsonObjectFormat, JsonSchemaFormat, Reasoning, Request
from keywright.dialects.ollama.family import LOAD, OPTION
from keywright.dialects.ollama.target import Target

_SAMPLING: Final = ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed")
_LEVELS: Final[dict[Effort, str]] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "max",
}


def settings_of(request: Request, target: Target) -> JsonObject:
    """Every field of the body but model, prompt and tools."""
    said: JsonObject = {"stream": request.stream}
    if request.reasoning is not None:
        _think(request.reasoning, said, target)
    _format(request, said, target)
    for field in ("logprobs", "top_logprobs"):
        if (value := getattr(request.sampling, field)) is not None:
            said[field] = value
    options = _options(request, target)
    _account(request, target)
    for field, value in target.extras(request.extras).items():
        if field.startswith(OPTION):
            options[field.removeprefix(OPTION)] = value
        elif field != LOAD:
            said[field] = value
    if options:
        said["options"] = options
    return said


def _think(reasoning: Reasoning, said: JsonObject, target: Target) -> None:
    effort, ability = reasoning.effort, target.abilities.reasoning
    if reasoning.mode == "off" or effort == "none":
        said["think"] = False
        return
    if ability == "none":
        target.knob("reasoning", "the model does not reason on request")
        return
    said["think"] = _LEVELS[effort] if effort is not None and ability == "effort" else True
    if effort is not None and said["think"] != effort:
        target.knob("reasoning.effort", f"Ollama's nearest is think: {said['think']}")
    if reasoning.budget_tokens is not None:
        target.knob("reasoning.budget_tokens", "Ollama takes no budget")
    if reasoning.display is not None:
        target.knob("reasoning.display", "Ollama shows all thinking")


def _format(request: Request, said: JsonObject, target: Target) -> None:
    match request.format:
        case None:
            pass
        case JsonObjectFormat():
            said["format"] = "json"
        case JsonSchemaFormat() as form:
            if not target.abilities.json_schema:
                target.meaning("format", "the model cannot keep to a JSON schema")
                return
            if form.description is not None:
                target.knob("format.description", "Ollama takes the schema only")
            said["format"] = form.schema
        case _:
            assert_never(request.format)


def _options(request: Request, target: Target) -> JsonObject:
    sampling, abilities = request.sampling, target.abilities
    options: JsonObject = {}
    if request.output_tokens_max is not None:
        options["num_predict"] = request.output_tokens_max
    if request.stop and abilities.stop:
        options["stop"] = list(request.stop)
    elif request.stop:
        target.knob("stop", "the model takes no stop sequences")
    for field in _SAMPLING:
        value = getattr(sampling, field)
        if value is not None and abilities.sampling:
            options[field] = value
        elif value is not None:
            target.knob(field, "the model has no such setting")
    if sampling.logit_bias:
        target.knob("logit_bias", "Ollama has no logit_bias")
    return options


def _account(request: Request, target: Target) -> None:
    """Who asks, and on which terms: Ollama knows nothing of it."""
    if request.choices is not None and request.choices != 1:
        target.meaning("choices", "Ollama gives one answer")
    for field in ("user", "service_tier", "metadata"):
        if getattr(request, field):
            target.knob(field, f"Ollama has no {field}")
    target.uncached(request.cache, "")
