"""A client's request body, and what its path said, to the canonical request.

What is modelled is checked and named when wrong; what is not goes into `extras`, those of `generationConfig` and
`toolConfig` each behind the name of where they stood.
"""

from typing import Final

import msgspec

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import NO_EXTRAS, Json
from keywright.core.request import Request, Sampling
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.config import format_of, rest_of, sampling_of, stop_of
from keywright.dialects.gemini.contents_in import turns_of
from keywright.dialects.gemini.thinking import reasoning_of
from keywright.dialects.gemini.tools import choice_of, tools_of
from keywright.dialects.gemini.wire import CONFIG, NAME, TOOL_CONFIG, inner, message, respelled, whole
from keywright.dialects.refusal import refused

CHOICES_MAX: Final = 8
"""How many candidates one request may ask for, as the API limits it."""

_DECODER: Final = msgspec.json.Decoder(dict[str, Json])
_NO_SAMPLING: Final = Sampling()


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` is, of the model and in the manner that its path said.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    try:
        node = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused("invalid_json", f"the body is not a JSON object: {error}") from None
    return request_of(node, said)


def request_of(node: Json, said: PathSaid) -> Request:
    """The request that a decoded body is.

    Raises:
        RefusedError: 400 `invalid_request` naming the field.
    """
    try:
        return _request(message(node), said)
    except WrongFieldError as error:
        raise refused("invalid_request", str(error), error.path) from None
    except RecursionError:
        raise refused("invalid_request", "contents: parts are nested too deep", "contents") from None


def _request(body: Fields, said: PathSaid) -> Request:
    body.json("model")  # the path has it
    turns = turns_of(body)
    tools = tools_of(body)
    tool_config = inner(body, "toolConfig")
    config = inner(body, "generationConfig")
    request = Request(
        model=said.model,
        turns=turns,
        tools=tools,
        tool_choice=None if tool_config is None else choice_of(tool_config),
        stream=said.stream,
    )
    if config is not None:
        request = _configured(request, config)
    extras = {name: respelled(value, name) for name, value in body.left.items() if name != "labels"}
    if "labels" in body.left:
        extras["labels"] = body.left["labels"]  # whose names are the client's own
    if config is not None:
        extras |= {CONFIG + name: value for name, value in rest_of(config).items()}
    if tool_config is not None:
        extras |= {TOOL_CONFIG + name: respelled(value, name) for name, value in tool_config.left.items()}
    return msgspec.structs.replace(request, extras={NAME: extras} if extras else NO_EXTRAS)


def _configured(request: Request, config: Fields) -> Request:
    """`request` with what its `generationConfig` says."""
    sampling = sampling_of(config)
    return msgspec.structs.replace(
        request,
        output_tokens_max=whole(config, "maxOutputTokens", 1),
        stop=stop_of(config),
        sampling=_NO_SAMPLING if sampling == _NO_SAMPLING else sampling,
        reasoning=reasoning_of(config),
        format=format_of(config),
        choices=whole(config, "candidateCount", 1, CHOICES_MAX),
    )
