"""A canonical request to this wire's body, as the published schema wants it. Images that are not obvious:

- the model has no place: the server has one, or the path names it;
- `details` are always asked for: without them no answer says why it ended; the prompt is never asked back;
- a temperature of zero, which the server refuses, is `do_sample: false`; any other asks to sample, for it does not do
  that by itself;
- `top_p: 1` and `top_k: 0` say nothing, and the server refuses them: they are left out;
- "any JSON object" is the grammar of a schema that says no more than that;
- log probabilities are asked for by how many of the likeliest tokens are wanted: at least one.
"""

from typing import Final, assert_never

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import JsonObject
from keywright.core.request import Format, JsonObjectFormat, JsonSchemaFormat, Request, Sampling
from keywright.dialects.openai_chat.target import Target
from keywright.dialects.tgi.details import NAME, PARAMETER
from keywright.dialects.transcript import transcript

STOPS_MAX: Final = 4
_ABOVE: Final = {"top_p": 0, "top_k": 0, "frequency_penalty": -2, "seed": 0}
_SETTINGS: Final = ("temperature", *_ABOVE)
_ANY_OBJECT: Final[JsonObject] = {"type": "object"}


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request`. `model` stands in the path, if anywhere."""
    del model
    target = Target(abilities, NAME, "TGI")
    for index, turn in enumerate(request.turns):
        target.extras(turn.extras, f"turns[{index}]")
    written = transcript(request.turns)
    for loss in written.losses:
        (target.meaning if loss.weight == "meaning" else target.knob)(loss.path, loss.why)
    parameters: JsonObject = {"return_full_text": False}
    if request.output_tokens_max is not None:
        parameters["max_new_tokens"] = request.output_tokens_max
    _stop(request.stop + written.stop, parameters, target)
    _sampling(request.sampling, parameters, target)
    _format(request.format, parameters, target)
    _unsaid(request, target)
    body: JsonObject = {"inputs": written.text, "parameters": parameters, "stream": request.stream}
    for field, value in target.extras(request.extras).items():
        if field.startswith(PARAMETER):
            parameters[field.removeprefix(PARAMETER)] = value
        else:
            body[field] = value
    parameters["details"] = True
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _stop(stop: tuple[str, ...], parameters: JsonObject, target: Target) -> None:
    if not stop:
        return
    if not target.abilities.stop:
        target.knob("stop", "the model takes no stop sequences")
        return
    if len(stop) > STOPS_MAX:
        target.knob("stop", f"TGI takes at most {STOPS_MAX} stop sequences")
    parameters["stop"] = list(stop[:STOPS_MAX])


def _sampling(sampling: Sampling, parameters: JsonObject, target: Target) -> None:
    for field in ("presence_penalty", "logit_bias"):
        if getattr(sampling, field):
            target.knob(field, f"TGI has no {field}")
    if sampling.logprobs:
        parameters["top_n_tokens"] = max(sampling.top_logprobs or 0, 1)
    said = {field: value for field in _SETTINGS if (value := getattr(sampling, field)) is not None}
    if not target.abilities.sampling:
        for field in said:
            target.knob(field, "the model has no such setting")
        return
    temperature = said.pop("temperature", None)
    if temperature is not None:
        parameters["do_sample"] = temperature > 0
        if temperature > 0:
            parameters["temperature"] = temperature
    for field, value in said.items():
        if (field, value) == ("top_k", 0) or (field == "top_p" and value >= 1):
            continue
        if value > _ABOVE[field]:
            parameters[field] = value
        else:
            target.knob(field, f"TGI takes only values above {_ABOVE[field]}")


def _format(form: Format | None, parameters: JsonObject, target: Target) -> None:
    match form:
        case None:
            return
        case JsonObjectFormat():
            schema = _ANY_OBJECT
        case JsonSchemaFormat():
            schema = form.schema
            if form.description is not None:
                target.knob("format.description", "TGI takes the schema only")
        case _:
            assert_never(form)
    if target.abilities.json_schema:
        parameters["grammar"] = {"type": "json", "value": schema}
    else:
        target.meaning("format", "the model cannot keep to a form")


def _unsaid(request: Request, target: Target) -> None:
    """Report what there is no parameter for."""
    if request.tools and (request.tool_choice is None or request.tool_choice.mode != "none"):
        target.meaning("tools", "TGI's text generation has no tools")
    if request.choices is not None and request.choices != 1:
        target.meaning("choices", "TGI gives one answer")
    for field in ("reasoning", "user", "service_tier", "metadata", "cache"):
        if getattr(request, field):
            target.knob(field, f"TGI has no {field}")
