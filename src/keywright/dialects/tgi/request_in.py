"""A client's body to a canonical request: the text is a turn of the user's.

Parameters that are not modelled are kept by their path (`parameters.typical_p`), everything else by its name.
"""

from typing import Final

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import Extras, JsonObject
from keywright.core.message import Text, Turn
from keywright.core.request import Format, JsonSchemaFormat, Request, Sampling
from keywright.dialects.fields import Fields, present
from keywright.dialects.tgi.details import NAME, PARAMETER
from keywright.dialects.tgi.verbatim import RELIED
from keywright.dialects.whole import asked

_ASKS_NOTHING: Final = frozenset(("decoder_input_details", "details", "return_full_text", "watermark"))
"""Parameters that say nothing when they are false."""


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says, to the model, and as a stream, that the path said.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, RELIED, lambda fields: _request(fields, said))


def _request(body: Fields, said: PathSaid) -> Request:
    parameters = body.object("parameters") or Fields({}, "parameters")
    model = body.text("model")
    stream = body.flag("stream")
    return Request(
        model=said.model or model or "",
        turns=(Turn("user", (Text(body.needed_text("inputs")),)),),
        output_tokens_max=parameters.count("max_new_tokens"),
        stop=parameters.texts("stop"),
        sampling=_sampling(parameters),
        format=_format(parameters),
        stream=said.stream or stream or False,
        extras=_extras(body, parameters),
    )


def _sampling(parameters: Fields) -> Sampling:
    tops = parameters.count("top_n_tokens")
    return Sampling(
        temperature=parameters.number("temperature"),
        top_p=parameters.number("top_p"),
        top_k=parameters.integer("top_k"),
        frequency_penalty=parameters.number("frequency_penalty"),
        seed=parameters.integer("seed"),
        logprobs=True if tops else None,
        top_logprobs=tops or None,
    )


def _format(parameters: Fields) -> Format | None:
    """The schema of a grammar; a grammar of another kind stays among the extras, for it means something."""
    match parameters.left.get("grammar"):
        case {"type": "json", "value": dict(schema)}:
            form = JsonSchemaFormat(schema)
        case {"type": "json_schema", "value": {"schema": dict(schema), **rest}}:
            name = rest.get("name")
            form = JsonSchemaFormat(schema, name if isinstance(name, str) else None)
        case _:
            return None
    parameters.json("grammar")
    return form


def _extras(body: Fields, parameters: Fields) -> Extras:
    extra: JsonObject = present(body.left)
    for name, value in present(parameters.left).items():
        if value is not False or name not in _ASKS_NOTHING:
            extra[PARAMETER + name] = value
    return {NAME: extra} if extra else {}
