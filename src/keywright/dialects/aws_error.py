"""AWS's errors, both ways, as Bedrock's every endpoint has them: bodies, and exceptions within a stream.

A body is `{"message": …}`. What kind of error it is, AWS says in a header, which is not seen here; some servers say it
in the body as `__type` (or `code`). Without it the status tells, and for a few the words of the message. Clients' SDKs
read `__type`, so bodies written here have it.

Within a stream an exception is a message whose header `:exception-type` names it, as a member of the stream's shape;
what is not modelled there comes as `:message-type: error` with its code and message in headers.
"""

from typing import Final

import msgspec

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.dialects.aws_eventstream import Message, exception_block, framed
from keywright.dialects.status import kind_of

ORIGIN: Final = "bedrock"
"""Whose words these are: those of every dialect of Bedrock's."""

MESSAGE_CHARS_MAX: Final = 4000
"""How much of a provider's words is kept."""

UNTRUSTED: Final = "the credential was not accepted"
"""What is said instead of a message about a credential, which may repeat it."""

_KINDS: Final[dict[str, tuple[FailureKind, int]]] = {
    "ValidationException": ("invalid_request", 400),
    "ServiceQuotaExceededException": ("quota", 400),
    "UnrecognizedClientException": ("authentication", 403),
    "InvalidSignatureException": ("authentication", 403),
    "IncompleteSignatureException": ("authentication", 403),
    "MissingAuthenticationTokenException": ("authentication", 403),
    "ExpiredTokenException": ("authentication", 403),
    "AccessDeniedException": ("permission", 403),
    "ResourceNotFoundException": ("not_found", 404),
    "ModelTimeoutException": ("timeout", 408),
    "ConflictException": ("invalid_request", 409),
    "ModelErrorException": ("server", 424),
    "ModelStreamErrorException": ("server", 424),
    "ThrottlingException": ("rate_limited", 429),
    "TooManyRequestsException": ("rate_limited", 429),
    "ModelNotReadyException": ("overloaded", 429),
    "InternalServerException": ("server", 500),
    "ServiceUnavailableException": ("overloaded", 503),
}
_TOLD_BY_MESSAGE: Final[dict[FailureKind, tuple[tuple[str, FailureKind], ...]]] = {
    "invalid_request": (
        ("too long", "context_too_long"),
        ("input tokens exceeded", "context_too_long"),
        ("maximum context length", "context_too_long"),
        ("exceeds the maximum number of", "context_too_long"),
        ("too many input tokens", "context_too_long"),
        ("exceed context limit", "context_too_long"),
        ("content filtering policy", "content_filtered"),
        ("model identifier is invalid", "not_found"),
        ("model version has reached the end of its life", "not_found"),
    ),
    "permission": (
        ("security token", "authentication"),
        ("signature", "authentication"),
        ("bearer token", "authentication"),
        ("api key", "authentication"),
        ("authentication", "authentication"),
    ),
    "rate_limited": (
        ("not ready", "overloaded"),
        ("is getting ready", "overloaded"),
        ("tokens per day", "quota"),
        ("quota", "quota"),
    ),
}
_WORDS: Final[dict[FailureKind, str]] = {
    "invalid_request": "ValidationException",
    "not_translatable": "ValidationException",
    "context_too_long": "ValidationException",
    "content_filtered": "ValidationException",
    "too_large": "ValidationException",
    "quota": "ServiceQuotaExceededException",
    "authentication": "UnrecognizedClientException",
    "permission": "AccessDeniedException",
    "payment": "AccessDeniedException",
    "not_found": "ResourceNotFoundException",
    "timeout": "ModelTimeoutException",
    "rate_limited": "ThrottlingException",
    "overloaded": "ServiceUnavailableException",
    "server": "InternalServerException",
}
_STREAMED: Final[dict[FailureKind, str]] = {
    "rate_limited": "throttlingException",
    "quota": "throttlingException",
    "overloaded": "serviceUnavailableException",
    "timeout": "modelStreamErrorException",
    "server": "internalServerException",
}
"""The exceptions that a stream of answers may hold, which are few; everything else is the request's fault."""

_DECODER: Final = msgspec.json.Decoder(dict[str, Json])


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` is. Never raises.

    A body that is not AWS's comes from something before it, whose words may tell of addresses: they are not kept.
    """
    node = _parsed(body)
    word = _word(node)
    message = _message(node)
    if not message and not word:
        kind = kind_of(status)
        return Failure(kind, status, kind, f"the provider answered {status}, not in its own form")
    return _failure(word, message, status, _original(node))


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body that tells a client of `failure`."""
    own = failure.origin == ORIGIN and failure.raw_type is not None
    body: JsonObject = {"__type": failure.raw_type if own else _WORDS[failure.kind], "message": failure.message}
    if not own:
        body["reason"] = failure.code  # not `code`, which SDKs would take for the type
    body["requestId"] = request_id
    return msgspec.json.encode(body)


def exception_failure(message: Message) -> Failure | None:
    """The failure that a stream's message is; None for an event."""
    match message.word(":message-type"):
        case "exception":
            word = message.word(":exception-type")
            node = _parsed(message.payload)
            known = word[:1].upper() + word[1:]
            return _failure(known, _message(node), None, _original(node))
        case "error":
            return _failure(message.word(":error-code"), message.word(":error-message"), None)
        case _:
            return None


def exception_frame(failure: Failure) -> bytes:
    """The message that tells a client of `failure` within a stream."""
    word = _STREAMED.get(failure.kind, "validationException")
    return framed(exception_block(word), msgspec.json.encode({"message": failure.message}))


def _failure(word: str, message: str, status: int | None, original: int | None = None) -> Failure:
    """The failure of type `word`; without a status, as within a stream, it has the type's own. `original`: the status
    of the error that the model itself gave, which tells more.
    """
    if original is not None:
        kind, usual = kind_of(original), original
    else:
        kind, usual = _KINDS.get(word, ("server" if status is None else kind_of(status), 500))
    lowered = message.lower()
    kind = next((told for words, told in _TOLD_BY_MESSAGE.get(kind, ()) if words in lowered), kind)
    text = message[:MESSAGE_CHARS_MAX] or word
    return Failure(
        kind=kind,
        status=usual if status is None else status,
        code=word or kind,
        message=UNTRUSTED if kind == "authentication" else text,
        origin=ORIGIN,
        raw_type=word or None,
        extras=NO_EXTRAS,
    )


def _parsed(body: bytes) -> JsonObject:
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _word(node: JsonObject) -> str:
    """The type of an error: the last step of a name that may be qualified, before what may follow it."""
    word = node.get("__type") or node.get("code")
    return word.rpartition("#")[2].partition(":")[0] if isinstance(word, str) else ""


def _message(node: JsonObject) -> str:
    message = node.get("message") or node.get("Message") or node.get("originalMessage")
    return message if isinstance(message, str) else ""


def _original(node: JsonObject) -> int | None:
    """The status that a model's own error had, where the exception tells it."""
    status = node.get("originalStatusCode")
    known = isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600
    return status if known else None  # type: ignore[return-value]  # an int, as just checked
