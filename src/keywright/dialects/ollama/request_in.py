"""The fields of a client's body that both endpoints have.

What is not modelled is kept as extras: options under their own path (`options.num_ctx`), everything else by its name.
Nulls and the empty strings that older clients send for `format` say nothing.
"""

from typing import Final

from keywright.core.json import Extras, JsonObject
from keywright.core.message import Turn
from keywright.core.request import (
    Effort,
    Format,
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
)
from keywright.dialects.fields import Fields, WrongFieldError, present
from keywright.dialects.ollama.family import LOAD, OPTION
from keywright.dialects.ollama.tools import decode_tools

EFFORTS: Final[dict[str, Effort]] = {"low": "low", "medium": "medium", "high": "high", "max": "max"}


def request_of(body: Fields, turns: tuple[Turn, ...], dialect: str) -> Request:
    """The request whose prompt, already taken, is `turns`; none means to load the model.

    Raises:
        WrongFieldError: a field is of the wrong type.
    """
    options = body.object("options") or Fields({}, "options")
    limit = options.integer("num_predict")
    if limit is not None and not 0 < limit < 2**31:  # without a limit, or up to the context's end
        options.keep("num_predict", limit)
        limit = None
    stream = body.flag("stream")
    return Request(
        model=body.needed_text("model"),
        turns=turns,
        tools=decode_tools(body, dialect),
        output_tokens_max=limit,
        stop=options.texts("stop"),
        sampling=_sampling(body, options),
        reasoning=_reasoning(body),
        format=_format(body),
        stream=stream is None or stream,
        extras=_extras(body, options, dialect, is_load=not turns),
    )


def _sampling(body: Fields, options: Fields) -> Sampling:
    return Sampling(
        temperature=options.number("temperature"),
        top_p=options.number("top_p"),
        top_k=options.integer("top_k"),
        frequency_penalty=options.number("frequency_penalty"),
        presence_penalty=options.number("presence_penalty"),
        seed=options.integer("seed"),
        logprobs=body.flag("logprobs"),
        top_logprobs=body.integer("top_logprobs"),
    )


def _reasoning(body: Fields) -> Reasoning | None:
    match body.json("think"):
        case None:
            return None
        case bool(on):
            return Reasoning("on" if on else "off")
        case str(word) if word in EFFORTS:
            return Reasoning(effort=EFFORTS[word])
        case _:
            raise WrongFieldError("think", "true, false, low, medium, high or max")


def _format(body: Fields) -> Format | None:
    match body.json("format"):
        case None | "":
            return None
        case "json":
            return JsonObjectFormat()
        case dict(schema):
            return JsonSchemaFormat(schema)
        case _:
            raise WrongFieldError("format", '"json" or a JSON schema')


def _extras(body: Fields, options: Fields, dialect: str, *, is_load: bool) -> Extras:
    extra: JsonObject = present(body.left)
    extra |= {OPTION + name: value for name, value in present(options.left).items()}
    if is_load:
        extra[LOAD] = True
    return {dialect: extra} if extra else {}
