"""A client's body to a canonical request. What is not modelled is kept in `extras["openai_completions"]`.

Fields that ask for nothing (`echo: false`, an empty suffix, nulls) are left out.
"""

from typing import Final

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import Extras, JsonObject
from keywright.core.message import Turn
from keywright.core.request import Format, JsonSchemaFormat, Request, Sampling
from keywright.dialects.fields import Fields
from keywright.dialects.openai_chat.fields import CHOICES_MAX
from keywright.dialects.openai_chat.request_in import biases_of
from keywright.dialects.openai_completions.prompt import NAME, decode_prompt
from keywright.dialects.openai_completions.verbatim import RELIED
from keywright.dialects.whole import asked

_ASKS_NOTHING: Final[dict[str, tuple[object, ...]]] = {"echo": (False,), "suffix": ("",)}


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, RELIED, _request)


def _request(body: Fields) -> Request:
    options = body.object("stream_options")
    stream_usage = None
    if options is not None:
        stream_usage = options.flag("include_usage")
        if options.left:
            body.keep("stream_options", options.left)
    return Request(
        model=body.needed_text("model"),
        turns=(Turn("user", (decode_prompt(body),)),),
        output_tokens_max=body.count("max_tokens"),
        stop=body.texts("stop"),
        sampling=_sampling(body),
        format=_format(body),
        choices=body.count("n", 1, CHOICES_MAX),
        stream=body.flag("stream") or False,
        stream_usage=stream_usage,
        user=body.text("user"),
        extras=_extras(body),
    )


def _sampling(body: Fields) -> Sampling:
    """The knobs. `top_k`, which OpenAI has not, stays among the extras, for servers of this wire that have it."""
    top_k = body.integer("top_k")
    if top_k is not None:
        body.keep("top_k", top_k)
    logprobs = body.count("logprobs")
    return Sampling(
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=top_k,
        frequency_penalty=body.number("frequency_penalty"),
        presence_penalty=body.number("presence_penalty"),
        seed=body.integer("seed"),
        logit_bias=biases_of(body),
        logprobs=None if logprobs is None else True,
        top_logprobs=logprobs,
    )


def _format(body: Fields) -> Format | None:
    """The schema that some servers of this wire take, which stays among the extras for them."""
    match body.left.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return JsonSchemaFormat(schema)
        case _:
            return None


def _extras(body: Fields) -> Extras:
    extra: JsonObject = {
        field: value
        for field, value in body.left.items()
        if value is not None and value not in _ASKS_NOTHING.get(field, ())
    }
    return {NAME: extra} if extra else {}
