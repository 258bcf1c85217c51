"""Errors, both ways: `{"type": "error", "error": {"type", "message"}, "request_id"}`.

The API has few type words, so several kinds share `invalid_request_error`; they are told apart by the words with
which the API's messages begin. Towards clients, an error that is not the API's own also carries its stable `code`.
"""

from typing import Final

import msgspec

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.dialects.anthropic.wire import NAME, Node, rendered
from keywright.dialects.status import kind_of

MESSAGE_CHARS_MAX: Final = 4000
"""How much of a provider's words is kept."""

_KINDS: Final[dict[str, tuple[FailureKind, int]]] = {
    "invalid_request_error": ("invalid_request", 400),
    "authentication_error": ("authentication", 401),
    "billing_error": ("payment", 402),
    "permission_error": ("permission", 403),
    "not_found_error": ("not_found", 404),
    "request_too_large": ("too_large", 413),
    "rate_limit_error": ("rate_limited", 429),
    "timeout_error": ("timeout", 504),
    "api_error": ("server", 500),
    "overloaded_error": ("overloaded", 529),
}
_WORDS: Final[dict[FailureKind, str]] = {
    **{kind: word for word, (kind, _) in _KINDS.items()},
    "not_translatable": "invalid_request_error",
    "context_too_long": "invalid_request_error",
    "content_filtered": "invalid_request_error",
    "quota": "rate_limit_error",
}
_TOLD_BY_MESSAGE: Final[tuple[tuple[str, FailureKind], ...]] = (
    ("prompt is too long", "context_too_long"),
    ("exceed context limit", "context_too_long"),
    ("content filtering policy", "content_filtered"),
    ("credit balance is too low", "payment"),
)
UNTHREADED: Final[JsonObject] = {"error_code": "thread_unsupported_request"}
"""Says that the conversation must come whole, for no server holds it: the API's SDK then sends it so."""

_DECODER: Final = msgspec.json.Decoder(dict[str, Json])


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` is. Never raises.

    A body that is not the API's comes from something before it, whose words may tell of addresses: they are not kept.
    """
    try:
        node = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        node = {}
    if isinstance(node.get("error"), dict):
        return failure_of(node, status)
    kind = kind_of(status)
    return Failure(kind=kind, status=status, code=kind, message=f"the provider answered {status}, not in its own form")


def failure_of(node: JsonObject, status: int | None = None) -> Failure:
    """The failure that an error body, or an `error` event of a stream (then `status` is None), is."""
    error = node.get("error")
    error = error if isinstance(error, dict) else {}
    word = error.get("type")
    word = word if isinstance(word, str) else ""
    message = error.get("message")
    message = message if isinstance(message, str) and message else word or "the provider reported an error"
    kind, usual = _KINDS.get(word, ("server" if status is None else kind_of(status), 500))
    if kind == "invalid_request":
        kind = next((told for words, told in _TOLD_BY_MESSAGE if words in message), kind)
    code = error.get("code")
    extras = {key: value for key, value in error.items() if key not in ("type", "message", "code")}
    return Failure(
        kind=kind,
        status=usual if status is None else status,
        code=code if isinstance(code, str) else word or kind,
        message=message[:MESSAGE_CHARS_MAX],
        origin=NAME,
        raw_type=word or None,
        extras={NAME: extras} if extras else NO_EXTRAS,
    )


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body that tells a client of `failure`."""
    return rendered({**error_node(failure), "request_id": request_id})


def error_node(failure: Failure) -> Node:
    """The `error` event that tells a client of `failure`."""
    own = failure.origin == NAME
    error: Node = {"type": _WORDS[failure.kind], "message": failure.message}
    if own and failure.raw_type is not None:
        error["type"] = failure.raw_type
    if not own or failure.code != error["type"]:
        error["code"] = failure.code
    if failure.kind == "not_translatable" and failure.param == "thread":
        error["details"] = UNTHREADED
    if failure.extras:
        error.update(failure.extras.get(NAME, {}))
    return {"type": "error", "error": error}
