"""Errors, both ways. They are those of chat completions, and two events of a stream: `error` and `response.failed`."""

import msgspec

from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.dialects.openai_chat import error as chat
from keywright.dialects.openai_responses.fields import CHAT, NAME


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` reports. Never raises."""
    return msgspec.structs.replace(chat.decode_error(status, body), origin=NAME)


def failure_of(error: Json) -> Failure:
    """The failure that an error within a stream, or an answer with status `failed`, reports."""
    if isinstance(error, dict) and error.get("type") == "error":
        error = {field: value for field, value in error.items() if field != "type"}
    return msgspec.structs.replace(chat.failure_of(error), origin=NAME)


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error."""
    return chat.encode_error(_as_chat(failure), request_id)


def error_event(failure: Failure) -> JsonObject:
    """The event `error`, without its number.

    The published schema has its fields at the top; OpenAI sends them within `error`, and only then its SDK raises.
    """
    error = msgspec.json.decode(chat.encode_error(_as_chat(failure), ""))["error"]
    return {"code": error["code"], "message": error["message"], "param": error["param"], "error": error}


def _as_chat(failure: Failure) -> Failure:
    return msgspec.structs.replace(failure, origin=CHAT) if failure.origin == NAME else failure
