"""The names of a dialect, each handed on to the shape that it concerns."""

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects.bedrock_invoke.shapes import (
    shape_of_answer,
    shape_of_body,
    shape_of_model,
    shape_of_request,
)
from keywright.dialects.bedrock_invoke.wire import members_of, parsed
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.refusal import refused


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` is, to the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    try:
        members = members_of(body)
    except ValueError as error:
        raise refused("invalid_json", f"the body is not a JSON object: {error}") from None
    shape = shape_of_body(members, said.model)
    if shape is None:
        raise refused("invalid_request", "the body is of none of the shapes that are known here for InvokeModel")
    try:
        return shape.decode_request(body, said)
    except WrongFieldError as error:
        raise refused("invalid_request", str(error), error.path) from None
    except RecursionError:
        raise refused("invalid_request", "the body is nested too deep") from None


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model`, in the shape of its vendor."""
    return shape_of_model(model).encode_request(request, model, abilities)


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is of no known shape, or breaks its own.
    """
    return shape_of_answer(parsed(body)).decode_response(body)


def encode_response(response: Response, request: Request) -> Encoded:
    """The answer that says `response` in the shape in which `request` was asked."""
    return shape_of_request(request).encode_response(response, request)


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    return shape_of_request(request).locate(path, request)
