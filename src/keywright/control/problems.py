"""Errors as RFC 9457 says them: `application/problem+json`."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import msgspec

from keywright.control.resources import FieldFault, Problem
from keywright.core.errors import (
    ChangeFault,
    ChangeRefusedError,
    KeywrightError,
    RefusedError,
    SecretAbsentError,
    SecretDeniedError,
    SecretError,
    SecretReadOnlyError,
    StoreError,
)

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[ChangeFault, int]] = MappingProxyType(
    {"not_found": 404, "conflict": 409, "invalid": 422, "forbidden": 403, "stale": 412}
)
CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "invalid_request",
        404: "not_found",
        405: "method_not_allowed",
        406: "not_acceptable",
        413: "body_too_large",
        415: "unsupported_media_type",
    }
)
"""What a fault of HTTP is called here."""


class InvalidBodyError(KeywrightError):
    """The body is not JSON (`is_json` false), or not what the route takes."""

    def __init__(self, message: str, field: str = "", *, is_json: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.is_json = is_json


def problem(status: int, code: str, detail: str, field: str = "") -> Problem:
    """The problem with that status and code. `field`: what of the request it is about, "" for all of it."""
    return Problem(
        type=f"urn:keywright:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        fields=(FieldFault(field, detail),) if field else (),
    )


def problem_of(error: KeywrightError) -> Problem:
    """What one of our errors is to a client."""
    match error:
        case ChangeRefusedError():
            return problem(STATUSES[error.kind], error.kind, error.message, error.field)
        case InvalidBodyError():
            status, code = (422, "invalid") if error.is_json else (400, "invalid_json")
            return problem(status, code, error.message, error.field)
        case RefusedError():
            return problem(error.failure.status, error.failure.code, error.failure.message)
        case SecretAbsentError():
            return problem(404, "secret_absent", str(error))
        case SecretReadOnlyError():
            return problem(409, "secret_read_only", str(error))
        case SecretDeniedError():
            return problem(502, "secret_denied", str(error))
        case SecretError():
            return problem(502, "secret_unavailable", str(error))
        case StoreError():
            return problem(503, "store_unavailable", str(error))
        case _:
            return problem(500, "internal", "this request failed within the gateway; its log says why")


def encoded(given: Problem, request_id: str) -> bytes:
    """The body of an answer."""
    return msgspec.json.encode(msgspec.structs.replace(given, request_id=request_id))
