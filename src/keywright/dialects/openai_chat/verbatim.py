"""The verbatim lane: what policy must know of a body, and the two edits that it may get."""

from typing import Final, NoReturn, TypeVar

import msgspec
from msgspec import Struct

from keywright.core.dialect import Peek
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.dialects.members import Members, Peeked, members_of, walked

RELIED: Final = frozenset(
    ("model", "messages", "tools", "functions", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n")
) | {"service_tier", "user", "metadata"}
"""The members that policy acts on, here or after decoding."""

_USAGE_ASKED: Final = b'{"include_usage":true}'
_Value = TypeVar("_Value")


class _StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


_MODEL: Final = msgspec.json.Decoder(str)
_FLAG: Final = msgspec.json.Decoder(bool | None)
_COUNT: Final = msgspec.json.Decoder(int | None)
_OPTIONS: Final = msgspec.json.Decoder(_StreamOptions | None)


def peek(body: bytes) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, RELIED)
    model = _read(members, "model", _MODEL)
    if model is None:
        _refuse("model", "it is missing")
    options = _read(members, "stream_options", _OPTIONS)
    tokens = _read(members, "max_completion_tokens", _COUNT)
    return Peeked(
        model=model,
        stream=bool(_read(members, "stream", _FLAG)),
        input_bytes=len(body),
        output_tokens_max=_read(members, "max_tokens", _COUNT) if tokens is None else tokens,
        choices=_read(members, "n", _COUNT) or 1,
        stream_usage=options is not None and bool(options.include_usage),
        members=members,
    )


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name replaced and, for a stream, usage asked for; all else byte for byte."""
    members = members_of(peeked, body, RELIED)
    changes = {"model": msgspec.json.encode(model)}
    if peeked.stream and not peeked.stream_usage:
        changes["stream_options"] = _with_usage(members)
    return members.edited(changes)


def _with_usage(members: Members) -> bytes:
    """The client's `stream_options`, with the usage asked for."""
    options = members.values.get("stream_options")
    given = None if options is None else msgspec.json.decode(options)
    return msgspec.json.encode({**given, "include_usage": True}) if given else _USAGE_ASKED


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
