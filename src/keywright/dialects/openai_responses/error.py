"""Errors, both ways. They are those of chat completions, and two events of a stream: `error` and `response.failed`.

How long to wait stands in OpenAI's words too ("Please try again in 1m6.5s"). Within a stream nothing else says it.
"""

import re
from typing import Final

import msgspec

from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.dialects.openai_chat import error as chat
from keywright.dialects.openai_responses.fields import CHAT, NAME

RETRY_AFTER_S_MAX: Final = 86_400.0
"""A longer wait is none that anyone waits."""

_WAIT: Final = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(?P<h>\d{1,4})h)?(?:(?P<m>\d{1,4})m(?!s))?"
    r"(?:(?P<ms>\d{1,8}(?:\.\d{1,9})?) ?ms|(?P<s>\d{1,8}(?:\.\d{1,9})?) ?s)?",
    re.IGNORECASE,
)


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` reports. Never raises."""
    return _own(chat.decode_error(status, body))


def failure_of(error: Json) -> Failure:
    """The failure that an error within a stream, or an answer with status `failed`, reports."""
    if isinstance(error, dict) and error.get("type") == "error":
        error = {field: value for field, value in error.items() if field != "type"}
    return _own(chat.failure_of(error))


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error."""
    return chat.encode_error(_as_chat(failure), request_id)


def error_event(failure: Failure) -> JsonObject:
    """The event `error`, without its number.

    The published schema has its fields at the top; OpenAI sends them within `error`, and only then its SDK raises.
    """
    error = msgspec.json.decode(chat.encode_error(_as_chat(failure), ""))["error"]
    return {"code": error["code"], "message": error["message"], "param": error["param"], "error": error}


def _own(failure: Failure) -> Failure:
    wait_s = failure.retry_after_s
    if wait_s is None and failure.kind in ("rate_limited", "quota", "overloaded"):
        wait_s = _wait_s(failure.message)
    return msgspec.structs.replace(failure, origin=NAME, retry_after_s=wait_s)


def _wait_s(message: str) -> float | None:
    """The wait that a message speaks of."""
    found = _WAIT.search(message)
    if found is None or not any(found.groups()):
        return None
    wait_s = sum(float(found[name] or 0) * unit_s for name, unit_s in (("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001)))
    return min(wait_s, RETRY_AFTER_S_MAX)


def _as_chat(failure: Failure) -> Failure:
    return msgspec.structs.replace(failure, origin=CHAT) if failure.origin == NAME else failure
