"""Errors, both ways: `{"object": "error", "message", "type", "param", "code"}`.

What has another form comes from what stands before the API: `{"detail": "…"}`, or `{"detail": [{"loc", "msg"}, …]}` for
a body that does not keep to the schema; such a list may stand in `message` as well. The words of `type` that are this
API's own are listed here; the rest is read as OpenAI's.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import Json, JsonObject
from keywright.dialects.mistral.wire import NAME
from keywright.dialects.openai_chat.error import failure_of as read_as_openai

_KINDS: Final[dict[str, FailureKind]] = {
    "rate_limited": "rate_limited",
    "service_tier_capacity_exceeded": "overloaded",
    "invalid_model": "not_found",
    "unauthorized": "authentication",
    "internal_server_error": "server",
    "service_unavailable": "overloaded",
}
_TOO_LONG: Final = ("too large for model with", "maximum context length")
_TYPES: Final[dict[FailureKind, str]] = {
    "authentication": "unauthorized",
    "rate_limited": "rate_limited",
    "quota": "rate_limited",
    "overloaded": "service_unavailable",
    "server": "internal_server_error",
    "timeout": "internal_server_error",
    "not_found": "invalid_model",
}
_OTHER: Final = "invalid_request_error"


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` reports. Never raises."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return failure_of(value, status)


def failure_of(value: Json, status: int | None = None) -> Failure:
    """The failure that an error's value reports. `status` None: within a stream."""
    fields: JsonObject = dict(value) if isinstance(value, dict) else {"message": value}
    told = fields.get("message") or fields.pop("detail", None)
    if isinstance(told, dict):
        told = told.get("detail", told)
    param = None
    if isinstance(told, list):
        param, told = _complaints(told)
    failure = read_as_openai({**fields, "message": told}, status)
    word = fields.get("type")
    kind = _KINDS.get(word, failure.kind) if isinstance(word, str) else failure.kind
    if kind == "invalid_request" and any(hint in failure.message for hint in _TOO_LONG):
        kind = "context_too_long"
    return replace(failure, kind=kind, param=failure.param or param, origin=NAME)


def _complaints(details: list[Json]) -> tuple[str | None, str]:
    """The first field that is wrong, and what is wrong with each."""
    said = []
    first = None
    for detail in details:
        if not isinstance(detail, dict):
            continue
        where = detail.get("loc")
        steps = [str(step) for step in where if step != "body"] if isinstance(where, list) else []
        first = first or ".".join(steps) or None
        said.append(f"{'.'.join(steps)}: {detail.get('msg')}" if steps else str(detail.get("msg")))
    return first, "; ".join(said)


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error. Mistral names the request in a header only."""
    return msgspec.json.encode(_node(failure))


def error_frame(failure: Failure) -> bytes:
    """The data of an error within a stream. It says all a second time where OpenAI's SDK looks for errors, which many
    clients of this API are built upon: they would take the answer for a whole one.
    """
    node = _node(failure)
    return msgspec.json.encode({**node, "error": node})


def _node(failure: Failure) -> JsonObject:
    word = failure.raw_type if failure.origin == NAME else None
    return {
        "object": "error",
        "message": failure.message,
        "type": word or _TYPES.get(failure.kind, _OTHER),
        "param": failure.param,
        "code": failure.code,
    }
