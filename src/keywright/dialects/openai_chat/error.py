"""Errors of OpenAI and of those who copy it, both ways.

The copies agree on little: `code` may be a word, a number or absent, `error` may be a string. So the kind is found by
the words first, by the message where a context was too long (few have a word for that), then by the status.
"""

from typing import Final

import msgspec

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import Json
from keywright.dialects.openai_chat.fields import NAME
from keywright.dialects.status import kind_of

MESSAGE_CHARS_MAX: Final = 2_000
NO_REASON: Final = "the provider gave no reason"

_KINDS: Final[dict[str, FailureKind]] = {
    "context_length_exceeded": "context_too_long",
    "too_many_prompt_tokens": "context_too_long",
    "string_above_max_length": "context_too_long",
    "content_filter": "content_filtered",
    "content_policy_violation": "content_filtered",
    "ResponsibleAIPolicyViolation": "content_filtered",
    "invalid_api_key": "authentication",
    "invalid_authentication": "authentication",
    "authentication_error": "authentication",
    "permission_error": "permission",
    "insufficient_permissions": "permission",
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "payment",
    "insufficient_balance": "payment",
    "model_not_found": "not_found",
    "DeploymentNotFound": "not_found",
    "not_found_error": "not_found",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_error": "rate_limited",
    "request_too_large": "too_large",
    "overloaded_error": "overloaded",
    "engine_overloaded": "overloaded",
    "service_unavailable": "overloaded",
    "timeout": "timeout",
    "server_error": "server",
    "internal_server_error": "server",
}
_TOO_LONG: Final = ("context length", "context window", "prompt too long", "prompt is too long", "too many tokens")
_TYPES: Final[dict[FailureKind, str]] = {
    "authentication": "authentication_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "payment": "insufficient_quota",
    "quota": "insufficient_quota",
    "rate_limited": "rate_limit_error",
    "overloaded": "server_error",
    "timeout": "server_error",
    "server": "server_error",
}
"""By kind; `invalid_request_error` for the others. OpenAI has that word for all of 4xx, but there are clients that look
at words before they look at the status, so it is said of bad requests only. The copies' words for the rest are known.
"""
_STATUS_OF: Final[dict[FailureKind, int]] = {
    "authentication": 401,
    "payment": 402,
    "permission": 403,
    "not_found": 404,
    "too_large": 413,
    "rate_limited": 429,
    "quota": 429,
    "overloaded": 503,
    "timeout": 504,
    "server": 500,
}
_OTHER: Final = "invalid_request_error"
_KEY_REFUSED: Final = "the provider refused the gateway's credential"


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` reports. Never raises."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return failure_of(value.get("error", value) if isinstance(value, dict) else value, status)


def failure_of(error: Json, status: int | None = None) -> Failure:
    """The failure that an `error` value reports. `status` None: within a stream, so the error itself must say."""
    fields = error if isinstance(error, dict) else {"message": error}
    message, code, kind_word = fields.get("message") or fields.get("detail"), fields.get("code"), fields.get("type")
    if status is None:
        stated = next(
            (value for name in ("status_code", "code", "status") if _is_status(value := fields.get(name))), None
        )
        status = stated if isinstance(stated, int) else 0
    text = message if isinstance(message, str) else msgspec.json.encode(message).decode() if message else NO_REASON
    words = [word for word in (code, kind_word) if isinstance(word, str)]
    kind = _kind(words, text, status)
    status = status or _STATUS_OF.get(kind, 400)
    param = fields.get("param")
    return Failure(
        kind=kind,
        status=status,
        code=next((word for word in words if _tells(word, kind)), kind),
        message=_KEY_REFUSED if kind == "authentication" else text[:MESSAGE_CHARS_MAX],
        param=param if isinstance(param, str) else None,
        origin=NAME,
        raw_type=kind_word if isinstance(kind_word, str) else None,
    )


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error, also the data of one within a stream. OpenAI names the request in a header only."""
    kind = failure.raw_type if failure.origin == NAME and failure.raw_type else None
    return msgspec.json.encode(
        {
            "error": {
                "message": failure.message,
                "type": kind or _TYPES.get(failure.kind, _OTHER),
                "param": failure.param,
                "code": failure.code,
            }
        }
    )


def _kind(words: list[str], message: str, status: int) -> FailureKind:
    for word in words:
        if word in _KINDS:
            return _KINDS[word]
    if status in (0, 400, 413, 422):
        lowered = message.lower()
        if any(hint in lowered for hint in _TOO_LONG) or ("context" in lowered and "exceed" in lowered):
            return "context_too_long"
    kind = kind_of(status)
    return "invalid_request" if kind == "server" and _OTHER in words else kind


def _tells(word: str, kind: FailureKind) -> bool:
    """Whether `word` may be the code of such a failure. OpenAI says `_OTHER` of all that it refuses."""
    return bool(word) and not word.isdigit() and (word != _OTHER or kind == "invalid_request")


def _is_status(value: Json) -> bool:
    return isinstance(value, int) and 400 <= value < 600
