"""Gemini's `batchEmbedContents`: one vector for each of the requests in it. One alone is `gemini_single`.

Each request says for itself what its vector is for and how long it shall be; here they must agree, but for their
titles. The model's name stands in the path and again in each request. Vectors are floats always.
"""

from typing import Final

import msgspec
from msgspec import Raw

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedRequest, EmbedResponse, Vector
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.usage import Usage
from keywright.dialects.embeddings.gemini_item import (
    Counted,
    encode_item,
    item_of,
    locate_item,
    peek_embedding,
    usage_node,
    usage_of,
    values_of,
)
from keywright.dialects.embeddings.inputs import Losses, written_as
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.gemini.error import decode_error, encode_error
from keywright.dialects.gemini.wire import listed, message
from keywright.dialects.members import members_of, walked
from keywright.dialects.whole import answered, asked

__all__ = [
    "CARRIES",
    "NAME",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "locate",
    "patch",
    "peek",
    "tap_response",
]

NAME: Final = "gemini_embeddings"
CARRIES: Final = frozenset({NAME})
INPUTS_MAX: Final = 100

_RELIED: Final = frozenset({"requests", "model"})
_ELEMENTS: Final = msgspec.json.Decoder(list[Raw])


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says, of the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, lambda fields: _request(fields.left, said))


def _request(body: JsonObject, said: PathSaid) -> EmbedRequest:
    fields = message(body)
    values = listed(fields, "requests")
    if not values:
        raise WrongFieldError("requests", "a list of at least one request")
    items = [item_of(message(value, f"requests[{at}]"), NAME) for at, value in enumerate(values)]
    first = items[0]
    for at, item in enumerate(items):
        if msgspec.structs.replace(item, inputs=(), title=None) != msgspec.structs.replace(
            first, inputs=(), title=None
        ):
            raise WrongFieldError(f"requests[{at}]", "like the others but for its content and title")
    extras = dict(first.extras.get(NAME) or {})
    titles: list[Json] = [item.title for item in items]
    if any(title != first.title for title in titles):
        extras["titles"] = titles
    return msgspec.structs.replace(
        first,
        model=said.model,
        inputs=tuple(part for item in items for part in item.inputs),
        single=False,
        extras={NAME: extras} if extras else {},
    )


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for the vectors."""
    losses = Losses("Gemini")
    extra = dict(losses.extras(request.extras, NAME))
    titles = extra.pop("titles", None)
    if len(request.inputs) > INPUTS_MAX:
        losses.meaning("inputs", f"Gemini takes at most {INPUTS_MAX} at once")
    requests: list[Json] = []
    for at in range(len(request.inputs)):
        item = encode_item(request, at, abilities, losses)
        if isinstance(titles, list) and at < len(titles) and titles[at] is not None:
            item["title"] = titles[at]
        requests.append({"model": f"models/{model}", **item, **extra})
    return Encoded(msgspec.json.encode({"requests": requests}), tuple(losses.found.values()))


def decode_response(body: bytes) -> EmbedResponse:
    """The vectors that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "embeddings of Gemini's", read_response)


def read_response(value: Json) -> EmbedResponse:
    """The vectors in an answer to one request or to several.

    Raises:
        WrongFieldError: it is none.
    """
    body = message(value)
    one = body.json("embedding")
    many = listed(body, "embeddings")
    if one is None and not many:
        raise WrongFieldError("embeddings", "a list of at least one")
    vectors = tuple(values_of(each, f"embeddings[{at}]") for at, each in enumerate(many if one is None else [one]))
    return EmbedResponse("", vectors, usage=usage_of(body.left.get("usageMetadata")), extras=body.extras(NAME))


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`."""
    del request
    losses: list[Loss] = []
    body: dict[str, object] = {"embeddings": floats_of(response.vectors, losses)}
    if response.usage is not None:
        body["usageMetadata"] = usage_node(response.usage)
    return Encoded(msgspec.json.encode({**body, **(response.extras.get(NAME) or {})}), tuple(losses))


def floats_of(vectors: tuple[Vector, ...], losses: list[Loss]) -> list[object]:
    """The vectors as this API writes them."""
    return [{"values": numbers} for numbers in written_as(vectors, "float", losses) or ()]


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    del request
    return locate_item(path, "requests")


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`, with the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return peek_embedding(body, said)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name exchanged in each request that has it; all else byte for byte."""
    members = members_of(peeked, body, _RELIED)
    listing = bytes(members.values.get("requests", b""))
    if not listing.startswith(b"["):
        return body
    name = msgspec.json.encode(f"models/{model}")
    pieces: list[bytes] = []
    at = 0
    for element in _ELEMENTS.decode(listing):
        one = bytes(element)
        start = listing.index(one, at)  # between the elements there are only commas and spaces
        pieces += listing[at:start], _renamed(one, name)
        at = start + len(one)
    return members.edited({"requests": b"".join(pieces) + listing[at:]})


def _renamed(one: bytes, name: bytes) -> bytes:
    """One of the requests with the model's name exchanged."""
    if not one.startswith(b"{"):
        return one
    members = walked(one, _RELIED)
    return members.edited({"model": name}) if "model" in members.values else one


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises."""
    return tapped(body)


_COUNTED: Final = msgspec.json.Decoder(Counted)


def tapped(body: bytes) -> Tapped:
    """What an answer to one request or to several tells of itself."""
    try:
        counted = _COUNTED.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    usage: Usage | None = usage_of(counted.usageMetadata)
    return Tapped(usage=usage, complete=True)
