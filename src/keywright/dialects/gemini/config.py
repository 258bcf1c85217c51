"""How the model should answer: `generationConfig`, both ways.

What is not modelled goes through in the request's extras, each under its own name behind `generationConfig.`, so that a
loss names it as the client wrote it.
"""

from typing import Final, assert_never

from keywright.core.ability import Abilities
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Format, JsonObjectFormat, JsonSchemaFormat, Request, Sampling
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.schema import json_schema
from keywright.dialects.gemini.wire import Node, respelled, whole

STOPS_MAX: Final = 5
"""How many stop sequences the API takes."""

SEED_MAX: Final = 2**31 - 1

JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_NO_SAMPLING: Final = Sampling()


def sampling_of(config: Fields) -> Sampling:
    """The knobs of a `generationConfig`, which are taken away.

    Raises:
        WrongFieldError: one is of the wrong type.
    """
    return Sampling(
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=whole(config, "topK"),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
        seed=whole(config, "seed", -SEED_MAX - 1),
        logprobs=config.flag("responseLogprobs"),
        top_logprobs=whole(config, "logprobs"),
    )


def stop_of(config: Fields) -> tuple[str, ...]:
    """The stop sequences of a `generationConfig`, which are taken away.

    Raises:
        WrongFieldError: they are no list of strings.
    """
    listed = config.json("stopSequences")
    if isinstance(listed, str):
        return (listed,)
    stop = tuple(text for text in listed if isinstance(text, str)) if isinstance(listed, list) else ()
    if listed is not None and (not isinstance(listed, list) or len(stop) != len(listed)):
        raise WrongFieldError(config.at("stopSequences"), "an array of strings")
    return stop


def format_of(config: Fields) -> Format | None:
    """The form of the answer, which is taken away unless it is not understood (a choice of words, say).

    Raises:
        WrongFieldError: the media type is no string.
    """
    kind = config.left.get("responseMimeType")
    if kind is not None and not isinstance(kind, str):
        raise WrongFieldError(config.at("responseMimeType"), "a string")
    schema = config.left.get("responseJsonSchema")
    if kind not in (None, JSON, _TEXT) or (schema is not None and not isinstance(schema, dict)):
        return None
    del_names = ("responseMimeType", "responseJsonSchema", "responseSchema")
    said = {name: config.left.pop(name, None) for name in del_names}
    if isinstance(schema, dict):
        return JsonSchemaFormat(schema)
    own_schema = said["responseSchema"]
    if isinstance(own_schema, dict) and own_schema:
        return JsonSchemaFormat(json_schema(own_schema))
    return JsonObjectFormat() if kind == JSON else None


def rest_of(config: Fields) -> JsonObject:
    """What of a `generationConfig` nobody took. That only text is wanted says nothing: every answer is."""
    kinds = config.left.get("responseModalities")
    if isinstance(kinds, list) and kinds in (["TEXT"], ["text"], [1], []):
        del config.left["responseModalities"]
    return {name: respelled(value, config.at(name)) for name, value in config.left.items()}


def write_config(request: Request, abilities: Abilities, config: Node, losses: list[Loss]) -> None:
    """Put what `request` says of its answer into `config`."""
    if request.output_tokens_max is not None:
        config["maxOutputTokens"] = _limit(request.output_tokens_max, abilities, losses)
    if request.choices is not None:
        config["candidateCount"] = request.choices
    if request.stop:
        if len(request.stop) > STOPS_MAX:
            losses.append(Loss("stop", f"Gemini takes at most {STOPS_MAX} stop sequences"))
        config["stopSequences"] = list(request.stop[:STOPS_MAX])
    if request.sampling != _NO_SAMPLING:
        _write_sampling(request.sampling, config, losses)
    _write_format(request.format, abilities, config, losses)


def _limit(asked: int, abilities: Abilities, losses: list[Loss]) -> int:
    most = abilities.output_tokens_max
    if most is None or asked <= most:
        return asked
    losses.append(Loss("output_tokens_max", f"this model writes at most {most} tokens"))
    return most


def _write_sampling(sampling: Sampling, config: Node, losses: list[Loss]) -> None:
    said: dict[str, Json] = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "responseLogprobs": sampling.logprobs,
        "logprobs": sampling.top_logprobs,
        "seed": sampling.seed,
    }
    if sampling.seed is not None and not -SEED_MAX - 1 <= sampling.seed <= SEED_MAX:
        losses.append(Loss("seed", "Gemini takes seeds of 32 bits"))
        del said["seed"]
    if sampling.logit_bias:
        losses.append(Loss("logit_bias", "Gemini has no bias of tokens"))
    config.update((name, value) for name, value in said.items() if value is not None)


def _write_format(wanted: Format | None, abilities: Abilities, config: Node, losses: list[Loss]) -> None:
    match wanted:
        case None:
            return
        case JsonObjectFormat():
            config["responseMimeType"] = JSON
        case JsonSchemaFormat(schema, _, description):
            if not abilities.json_schema:
                losses.append(Loss("format", "this model does not hold to a schema", "meaning"))
                return
            if description is not None:
                losses.append(Loss("format.description", "put it into the schema instead"))
            config["responseMimeType"] = JSON
            config["responseJsonSchema"] = schema
        case _:
            assert_never(wanted)
