"""Cohere's errors, both ways: `{"id": …, "message": …}`, sometimes with an `error_type`.

There are few words to go by, so the kind is found by `error_type`, then by the message, then by the status. An answer
that fails after it began says so in its last event (`finish_reason` `ERROR` with `error` beside it).
"""

from typing import Final

import msgspec

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import Json, JsonObject
from keywright.dialects.cohere.fields import NAME
from keywright.dialects.status import kind_of

MESSAGE_CHARS_MAX: Final = 2_000
NO_REASON: Final = "the provider gave no reason"

_TYPES: Final[dict[str, FailureKind]] = {
    "TOO_MANY_TOKENS": "context_too_long",
    "INVALID_TOOL_GENERATION": "server",
}
_HINTS: Final[tuple[tuple[str, FailureKind], ...]] = (
    ("too many tokens", "context_too_long"),
    ("blocked input", "content_filtered"),
    ("blocked output", "content_filtered"),
    ("api calls / month", "quota"),
    ("monthly limit", "quota"),
    ("billing limit", "quota"),
)
_STATUSES: Final[dict[int, FailureKind]] = {
    498: "authentication",
    499: "timeout",
}
"""Cohere's own statuses."""

_KEY_REFUSED: Final = "the provider refused the gateway's credential"


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` reports. Never raises.

    A body that is not Cohere's comes from something before it, whose words may tell of addresses: they are not kept.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return (
        failure_of(value.get("message"), value.get("error_type"), status)
        if isinstance(value, dict)
        else failure_of(None, None, status)
    )


def failure_of(message: Json, error_type: Json, status: int) -> Failure:
    """The failure that `message` and `error_type` report under `status`."""
    text = message if isinstance(message, str) and message else NO_REASON
    word = error_type if isinstance(error_type, str) and error_type else None
    kind = _kind(word, text, status)
    return Failure(
        kind=kind,
        status=status,
        code=kind if word is None else word.lower(),
        message=_KEY_REFUSED if kind == "authentication" else text[:MESSAGE_CHARS_MAX],
        origin=NAME,
        raw_type=word,
    )


def streamed_failure(message: Json, error_type: Json, *, timeout: bool = False) -> Failure:
    """The failure that ends a stream, which has no status of its own."""
    return failure_of(message, error_type, 504 if timeout else 500)


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error."""
    return msgspec.json.encode({"id": request_id, "message": failure.message, **error_words(failure)})


def error_words(failure: Failure) -> JsonObject:
    """What is said beside the message: Cohere's own word, or the stable code of an error that is not Cohere's."""
    if failure.origin == NAME:
        return {} if failure.raw_type is None else {"error_type": failure.raw_type}
    return {"code": failure.code}


def _kind(word: str | None, message: str, status: int) -> FailureKind:
    if word in _TYPES:
        return _TYPES[word]
    lowered = message.lower()
    for hint, kind in _HINTS:
        if hint in lowered:
            return kind
    return _STATUSES.get(status) or kind_of(status)
