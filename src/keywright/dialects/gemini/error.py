"""Errors, both ways: `google.rpc.Status` inside `{"error": …}`, which a stream without `alt=sse` puts into a list.

One status word covers much, so the kind is told by more: the reason in `ErrorInfo`, which quota failed (one per day is
used up, one per minute is a matter of waiting), and a few of the API's words. How long to wait stands in `RetryInfo`.
"""

from typing import Final

import msgspec

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.dialects.gemini.wire import NAME, Node, rendered
from keywright.dialects.status import kind_of

MESSAGE_CHARS_MAX: Final = 4000
"""How much of a provider's words is kept."""

KEY_REFUSED: Final = "the provider refused the gateway's credential"

_TYPE: Final = "type.googleapis.com/google.rpc."
_KINDS: Final[dict[str, tuple[FailureKind, int]]] = {
    "INVALID_ARGUMENT": ("invalid_request", 400),
    "FAILED_PRECONDITION": ("invalid_request", 400),
    "OUT_OF_RANGE": ("invalid_request", 400),
    "UNAUTHENTICATED": ("authentication", 401),
    "PERMISSION_DENIED": ("permission", 403),
    "NOT_FOUND": ("not_found", 404),
    "ABORTED": ("server", 409),
    "ALREADY_EXISTS": ("invalid_request", 409),
    "RESOURCE_EXHAUSTED": ("rate_limited", 429),
    "CANCELLED": ("server", 499),
    "INTERNAL": ("server", 500),
    "UNKNOWN": ("server", 500),
    "DATA_LOSS": ("server", 500),
    "UNIMPLEMENTED": ("invalid_request", 501),
    "UNAVAILABLE": ("overloaded", 503),
    "DEADLINE_EXCEEDED": ("timeout", 504),
}
_BY_REASON: Final[dict[str, FailureKind]] = {
    "API_KEY_INVALID": "authentication",
    "API_KEY_EXPIRED": "authentication",
    "CREDENTIALS_MISSING": "authentication",
    "ACCESS_TOKEN_EXPIRED": "authentication",
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": "authentication",
    "BILLING_DISABLED": "payment",
    "RATE_LIMIT_EXCEEDED": "rate_limited",
}
_BY_WORDS: Final[tuple[tuple[str, FailureKind], ...]] = (
    ("exceeds the maximum number of tokens", "context_too_long"),
    ("API key not valid", "authentication"),
    ("API key expired", "authentication"),
    ("unregistered callers", "authentication"),
    ("requires billing", "payment"),
    ("payload size exceeds", "too_large"),
)
_WORDS: Final[dict[FailureKind, str]] = {
    "invalid_request": "INVALID_ARGUMENT",
    "not_translatable": "INVALID_ARGUMENT",
    "context_too_long": "INVALID_ARGUMENT",
    "content_filtered": "INVALID_ARGUMENT",
    "authentication": "UNAUTHENTICATED",
    "permission": "PERMISSION_DENIED",
    "payment": "FAILED_PRECONDITION",
    "not_found": "NOT_FOUND",
    "too_large": "INVALID_ARGUMENT",
    "rate_limited": "RESOURCE_EXHAUSTED",
    "quota": "RESOURCE_EXHAUSTED",
    "overloaded": "UNAVAILABLE",
    "timeout": "DEADLINE_EXCEEDED",
    "server": "INTERNAL",
}


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` is. Never raises.

    A body that is not the API's comes from something before it, whose words may tell of addresses: they are not kept.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    error = error_in(value)
    if error is not None:
        return failure_of(error, status)
    kind = kind_of(status)
    return Failure(kind=kind, status=status, code=kind, message=f"the provider answered {status}, not in its own form")


def error_in(value: Json) -> JsonObject | None:
    """The error that a body or a frame holds, alone or in a list; None when it holds none."""
    if isinstance(value, list):
        value = value[0] if value else None
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else None


def failure_of(error: JsonObject, status: int | None = None) -> Failure:
    """The failure that an `error` object is. `status` None: within a stream, so the error itself must say."""
    word = error.get("status")
    word = word if isinstance(word, str) else ""
    message = error.get("message")
    message = message if isinstance(message, str) and message else word or "the provider reported an error"
    listed = error.get("details")
    details = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    kind, usual = _KINDS.get(word, ("server" if status is None else kind_of(status), 500))
    if status is None:
        code = error.get("code")
        status = code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 else usual
    reason = _said(details, "ErrorInfo").get("reason")
    reason = reason if isinstance(reason, str) else ""
    kind = _told(kind, reason, message, details)
    extras: JsonObject = {name: said for name, said in error.items() if name not in ("code", "message", "status")}
    return Failure(
        kind=kind,
        status=status,
        code=reason or word or kind,
        message=KEY_REFUSED if kind == "authentication" else message[:MESSAGE_CHARS_MAX],
        retry_after_s=_seconds(_said(details, "RetryInfo").get("retryDelay")),
        origin=NAME,
        raw_type=word or None,
        extras={NAME: extras} if extras and kind != "authentication" else NO_EXTRAS,
    )


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body that tells a client of `failure`."""
    return rendered(error_node(failure, request_id))


def error_node(failure: Failure, request_id: str = "") -> Node:
    """The object, of a body or a frame, that tells a client of `failure`."""
    own = failure.origin == NAME
    word = failure.raw_type if own and failure.raw_type is not None else _WORDS[failure.kind]
    error: Node = {"code": failure.status, "message": failure.message, "status": word}
    kept = failure.extras.get(NAME) if own else None
    if kept is not None:
        error |= kept
        return {"error": error}
    details: list[Json] = [{"@type": f"{_TYPE}ErrorInfo", "reason": failure.code, "domain": "keywright"}]
    if failure.param is not None:
        violation: JsonObject = {"field": failure.param, "description": failure.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if failure.retry_after_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{failure.retry_after_s:g}s"})
    if request_id:
        details.append({"@type": f"{_TYPE}RequestInfo", "requestId": request_id})
    error["details"] = details
    return {"error": error}


def _told(kind: FailureKind, reason: str, message: str, details: list[JsonObject]) -> FailureKind:
    """The kind, when the reason, the words or the quotas that failed tell more than the status."""
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    for words, told in _BY_WORDS:
        if words in message:
            return told
    if kind == "rate_limited" and _used_up(details):
        return "quota"
    return kind


def _used_up(details: list[JsonObject]) -> bool:
    """Whether a quota has failed that a short wait does not bring back: one per day, or one of nothing at all."""
    violations = _said(details, "QuotaFailure").get("violations")
    for violation in violations if isinstance(violations, list) else ():
        if isinstance(violation, dict):
            quota = violation.get("quotaId")
            if (isinstance(quota, str) and "PerDay" in quota) or str(violation.get("quotaValue")) == "0":
                return True
    return False


def _said(details: list[JsonObject], kind: str) -> JsonObject:
    return next((each for each in details if each.get("@type") == _TYPE + kind), {})


def _seconds(delay: Json) -> float | None:
    """A duration of proto3 JSON (`48.5s`) in seconds; None when it is none."""
    if not isinstance(delay, str) or not delay.endswith("s"):
        return None
    try:
        seconds = float(delay[:-1])
    except ValueError:
        return None
    return seconds if 0 <= seconds < 10**9 else None
