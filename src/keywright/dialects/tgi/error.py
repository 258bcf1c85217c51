"""Errors, both ways: `{"error": "words", "error_type": "word"}`, whole and as a frame of a stream.

Hugging Face's router before the server answers in the same form, without a type; while it loads a model it says for
how many more seconds.
"""

from typing import Final

import msgspec

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import Json, JsonObject
from keywright.dialects.status import kind_of
from keywright.dialects.tgi.details import NAME

MESSAGE_CHARS_MAX: Final = 2_000
WAIT_S_MAX: Final = 86_400.0
NO_REASON: Final = "the provider gave no reason"
_KEY_REFUSED: Final = "the provider refused the gateway's credential"
_TYPES: Final[dict[str, tuple[FailureKind, int]]] = {
    "validation": ("invalid_request", 422),
    "template_error": ("invalid_request", 422),
    "tool_error": ("invalid_request", 422),
    "overloaded": ("overloaded", 429),
    "unhealthy": ("overloaded", 503),
    "generation": ("server", 424),
    "incomplete_generation": ("server", 500),
    "incomplete_generation_stream": ("server", 500),
}
_TOO_LONG: Final = ("`inputs` must have less than", "`inputs` tokens + `max_new_tokens` must be", "must have less than")
_WORDS: Final[dict[FailureKind, str]] = {
    "overloaded": "overloaded",
    "rate_limited": "overloaded",
    "quota": "overloaded",
    "server": "generation",
    "timeout": "generation",
}


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` reports. Never raises."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return failure_of(value if isinstance(value, dict) else {"error": value}, status)


def failure_of(fields: JsonObject, status: int | None = None) -> Failure:
    """The failure that the object of an error reports. `status` None: within a stream, so its type must say it."""
    error, word = fields.get("error"), fields.get("error_type")
    if isinstance(error, dict):  # as the server's OpenAI face words it
        error = error.get("message", error)
    text = error if isinstance(error, str) else msgspec.json.encode(error).decode() if error else NO_REASON
    typed = _TYPES.get(word) if isinstance(word, str) else None
    kind = _kind(text, typed, status)
    return Failure(
        kind=kind,
        status=status or (typed[1] if typed else 500),
        code=word if isinstance(word, str) and word else kind,
        message=_KEY_REFUSED if kind == "authentication" else text[:MESSAGE_CHARS_MAX],
        retry_after_s=_wait_s(fields.get("estimated_time")),
        origin=NAME,
        raw_type=word if isinstance(word, str) else None,
    )


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error, also the data of one within a stream. Nothing in it names the request."""
    del request_id
    own = failure.raw_type if failure.origin == NAME else None
    word = own or _WORDS.get(failure.kind, "validation")
    return msgspec.json.encode({"error": failure.message, "error_type": word, "code": failure.code})


def _kind(text: str, typed: tuple[FailureKind, int] | None, status: int | None) -> FailureKind:
    if any(words in text for words in _TOO_LONG):
        return "context_too_long"
    if typed is not None:
        return typed[0]
    if status is None:
        return "server"
    return kind_of(status)


def _wait_s(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= WAIT_S_MAX:
        return None
    return float(value)
