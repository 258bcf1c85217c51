"""Reading a body that came whole, a request or an answer, and the verbatim lane of wires that have no other answers."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from keywright.core.dialect import TEXT, PathSaid, Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import Json
from keywright.core.usage import Usage
from keywright.dialects.extent import KEPT
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.members import MODEL, Peeked, members_of, walked
from keywright.dialects.refusal import refused

_T = TypeVar("_T")
_MODEL_ONLY: Final = frozenset({"model"})
_MEDIA: Final = frozenset(
    ("images", "inputs", "inputImage", "instances", "singleEmbeddingParams", "segmentedEmbeddingParams")
)
"""Members that may hold more than text, as `input` may where it holds objects."""


def asked(body: bytes, relied: frozenset[str], read: Callable[[Fields], _T]) -> _T:
    """The request that `read` makes of `body`. `relied`: the members that policy acts on.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    walked(body, relied)
    try:
        return read(Fields(msgspec.json.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused("invalid_json", f"the body cannot be read: {error}") from error
    except WrongFieldError as error:
        raise refused("invalid_request", str(error), error.path) from error


def answered(body: bytes, kind: str, read: Callable[[Json], _T]) -> _T:
    """The answer that `read` makes of `body`; `kind` is what it should be, in words.

    Raises:
        UpstreamMalformedError: it is none; says where it differs.
    """
    try:
        return read(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformedError(f"the answer is not JSON: {error}") from error
    except WrongFieldError as error:
        raise UpstreamMalformedError(f"the answer is no {kind}: {error}") from error


def peek_whole(body: bytes, said: PathSaid, relied: frozenset[str] = _MODEL_ONLY) -> Peek:
    """What policy and routing need to know of `body`, whose model may stand in the path.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the model.
    """
    members = walked(body, relied)
    model = said.model or members.value("model", MODEL)  # where the path names it, that is what is served
    if not model:
        raise refused("invalid_request", "model is missing", "model")
    values = members.values
    is_text = values.keys().isdisjoint(_MEDIA) and b"{" not in bytes(values.get("input", b""))
    beyond = TEXT if is_text else KEPT
    return Peeked(model, stream=False, input_bytes=len(body), output_tokens_max=0, beyond=beyond, members=members)


def patch_whole(body: bytes, peeked: Peek, model: str, relied: frozenset[str] = _MODEL_ONLY) -> bytes:
    """`body` with the model's name exchanged for `model`, where it stands in it; all else byte for byte."""
    members = members_of(peeked, body, relied)
    if model == peeked.model or "model" not in members.values:
        return body
    return members.edited({"model": msgspec.json.encode(model)})


class Known(Struct):
    """The little of a whole answer that is counted."""

    model: str | None = None
    usage: Json = None
    meta: Json = None


_KNOWN: Final = msgspec.json.Decoder(Known)


def tap_whole(body: bytes, usage_of: Callable[[Known], Usage | None]) -> Tapped:
    """What a whole answer tells of itself. Never raises: of a body that cannot be read, nothing is known."""
    try:
        known = _KNOWN.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    return Tapped(usage=usage_of(known), model=known.model, complete=True)
