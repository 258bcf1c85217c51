"""What all wires share whose requests are one JSON object and whose answers come whole: reading both, and the
verbatim lane.
"""

from collections.abc import Callable
from typing import Annotated, Final, NoReturn, TypeVar

import msgspec
from msgspec import Struct

from keywright.core.dialect import PathSaid, Peek, Tapped
from keywright.core.errors import RefusedError, UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json
from keywright.core.usage import Usage
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.members import Peeked, members_of, walked

MODEL_CHARS_MAX: Final = 512

_T = TypeVar("_T")
_MODEL: Final = msgspec.json.Decoder(Annotated[str, msgspec.Meta(min_length=1, max_length=MODEL_CHARS_MAX)])
_MODEL_ONLY: Final = frozenset({"model"})


def asked(body: bytes, relied: frozenset[str], read: Callable[[Fields], _T]) -> _T:
    """The request that `read` makes of `body`. `relied`: the members that policy acts on.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    walked(body, relied)
    try:
        return read(Fields(msgspec.json.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _refuse("invalid_json", f"the body cannot be read: {error}")
    except WrongFieldError as error:
        _refuse("invalid_request", str(error), error.path)


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
    model = said.model
    if (raw := members.values.get("model")) is not None:
        try:
            model = _MODEL.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _refuse("invalid_request", f"model is not as it must be: {error}", "model")
    if not model:
        _refuse("invalid_request", "model is missing", "model")
    return Peeked(model=model, stream=False, input_bytes=len(body), output_tokens_max=0, members=members)


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


def _refuse(code: str, message: str, param: str | None = None) -> NoReturn:
    raise RefusedError(Failure(kind="invalid_request", status=400, code=code, message=message, param=param))
