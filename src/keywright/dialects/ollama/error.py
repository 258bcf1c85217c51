"""Errors, both ways: `{"error": "words"}`, whole and as a line of a stream.

There are no codes, so the kind is found by the words, then by the status. Towards clients the object also says our
stable `code`; Ollama's clients read `error` only.
"""

from typing import Final

import msgspec

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import Json
from keywright.dialects.status import kind_of

MESSAGE_CHARS_MAX: Final = 2_000
NO_REASON: Final = "the provider gave no reason"
_KEY_REFUSED: Final = "the provider refused the gateway's credential"
_WORDS: Final[tuple[tuple[str, FailureKind], ...]] = (
    ("exceeds the available context", "context_too_long"),
    ("exceeds maximum context", "context_too_long"),
    ("exceeds the context", "context_too_long"),
    ("context length", "context_too_long"),
    ("prompt too long", "context_too_long"),
    ("try pulling it first", "not_found"),
    ("server busy", "overloaded"),
    ("maximum pending requests", "overloaded"),
    ("usage limit", "quota"),
    ("too many requests", "rate_limited"),
    ("does not support", "invalid_request"),
    ("unauthorized", "authentication"),
)
_STATUS_OF: Final[dict[FailureKind, int]] = {
    "context_too_long": 400,
    "invalid_request": 400,
    "authentication": 401,
    "not_found": 404,
    "rate_limited": 429,
    "quota": 429,
    "overloaded": 503,
}
"""The statuses of those kinds that words tell."""


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` reports. Never raises."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return failure_of(value.get("error", value) if isinstance(value, dict) else value, status)


def failure_of(error: Json, status: int | None = None) -> Failure:
    """The failure that an `error` value reports. `status` None: within a stream, so the words must say it."""
    if isinstance(error, dict):  # as the server's OpenAI face words it
        error = error.get("message", error)
    text = error if isinstance(error, str) else msgspec.json.encode(error).decode() if error else NO_REASON
    kind = _kind(text.lower(), status)
    return Failure(
        kind=kind,
        status=status or _STATUS_OF.get(kind, 500),
        code=kind,
        message=_KEY_REFUSED if kind == "authentication" else text[:MESSAGE_CHARS_MAX],
    )


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error, also a line within a stream. Nothing in it names the request."""
    del request_id
    return msgspec.json.encode({"error": failure.message, "code": failure.code})


def _kind(text: str, status: int | None) -> FailureKind:
    if status in (401, 402, 403, 413):
        return kind_of(status)
    told = next((kind for words, kind in _WORDS if words in text), None)
    if told is not None:
        return told
    if status is None:
        return "server"
    return kind_of(status)
