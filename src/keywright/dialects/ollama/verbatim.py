"""The verbatim lane: what policy must know of a body, and the one value that is exchanged.

Streams always tell usage, so nothing is added to ask for it.
"""

from typing import Annotated, Final, NoReturn, TypeVar

import msgspec

from keywright.core.dialect import Peek
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.dialects.members import Members, Peeked, members_of, walked

_SHARED: Final = frozenset(("format", "images", "model", "options", "stream", "think", "tools"))
CHAT_RELIED: Final = _SHARED | {"messages"}
"""The members of a chat request that policy acts on, here or after decoding."""

GENERATE_RELIED: Final = _SHARED | {"prompt", "raw", "suffix", "system", "template"}
"""The same of a request to generate."""

_OPTIONS_RELIED: Final = frozenset(("num_predict",))
_Value = TypeVar("_Value")
_MODEL: Final = msgspec.json.Decoder(str)
_FLAG: Final = msgspec.json.Decoder(bool | None)
_TOKENS: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(lt=2**31)] | None)


def peek(body: bytes, relied: frozenset[str]) -> Peek:
    """What policy and routing need to know of `body`. A stream is what is wanted when nothing is said.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, relied)
    model = _read(members, "model", _MODEL)
    if not model:
        _refuse("model", "it is missing")
    stream = _read(members, "stream", _FLAG)
    raw = members.values.get("options")
    limit = None
    if raw is not None and bytes(raw) != b"null":
        limit = _read(walked(bytes(raw), _OPTIONS_RELIED), "num_predict", _TOKENS)
    return Peeked(
        model=model,
        stream=stream is None or stream,
        input_bytes=len(body),
        output_tokens_max=limit if limit is not None and limit > 0 else None,  # else: without a limit
        members=members,
    )


def patch(body: bytes, peeked: Peek, model: str, relied: frozenset[str]) -> bytes:
    """`body` with the model's name replaced; all else byte for byte."""
    if model == peeked.model:
        return body
    return members_of(peeked, body, relied).edited({"model": msgspec.json.encode(model)})


def _read(members: Members, field: str, decoder: "msgspec.json.Decoder[_Value]") -> _Value | None:
    raw = members.values.get(field)
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(field, str(error))


def _refuse(field: str, why: str) -> NoReturn:
    message = f"{field} is not as it must be: {why}"
    raise RefusedError(
        Failure(kind="invalid_request", status=400, code="invalid_request", message=message, param=field)
    )
