"""The administration API as one ASGI application, built when it is first asked for.

Litestar routes, reads and describes; everything before and after that is in `door.py`.
"""

import logging
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from litestar import Litestar, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import OpenAPIConfig
from msgspec import Struct
from msgspec.structs import replace

from keywright.control import http
from keywright.control.api import CONTROLLERS
from keywright.control.description import TITLE, described, parameters
from keywright.control.problems import CODES, MEDIA_TYPE, problem, problem_of
from keywright.control.resources import FieldFault, Problem
from keywright.control.scope import ID, PATH
from keywright.control.secret_schema import SecretSchema
from keywright.core.errors import KeywrightError

PATH_CHARACTERS_SHOWN: Final = 200
NAMES: Final[Mapping[str, str]] = MappingProxyType({"in_state": "state"})
"""Parameters that routes cannot call as clients do: Litestar has a `state` of its own."""

AnyRequest: TypeAlias = Request[Any, Any, Any]

_log = logging.getLogger("keywright")


class Described(Struct, frozen=True, eq=False):
    """The routes, and what `/openapi.json` says of them."""

    routes: Litestar
    description: bytes


@cache
def build() -> Described:
    """The application without its door, made once: nothing in it belongs to a gateway, that is in a request's scope."""
    app = Litestar(
        route_handlers=[Router(PATH, route_handlers=CONTROLLERS)],
        dependencies={
            "actor": Provide(http.actor, sync_to_thread=False),
            "desk": Provide(http.desk, sync_to_thread=False),
            "part": Provide(http.part, sync_to_thread=False),
        },
        guards=[http.known_parameters, http.slashes],
        request_class=http.ControlRequest,
        exception_handlers={KeywrightError: _refused, HTTPException: _not_served, Exception: _failed},
        plugins=[SecretSchema()],
        openapi_config=OpenAPIConfig(title=TITLE, version=version("keywright"), use_handler_docstrings=True),
        logging_config=None,
        request_max_body_size=None,  # the door has read the body, within its bound
        debug=False,
    )
    generated = app.openapi_schema.to_schema()
    app.state.parameters = parameters(generated)
    return Described(app, described(generated))


def _refused(request: AnyRequest, error: KeywrightError) -> Response[Problem]:
    return _answer(request, problem_of(error))


def _not_served(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    """What Litestar itself finds wrong: no such path or method, a parameter that is none."""
    if isinstance(error, ValidationException):
        faults = [FieldFault(_named(each.get("key", "")), each["message"]) for each in _extra(error)]
        detail = "; ".join(f"{fault.field}: {fault.detail}" for fault in faults) or error.detail
        return _answer(request, replace(problem(422, "invalid", detail), fields=tuple(faults)))
    detail = f"{request.method} {request.scope['path'][:PATH_CHARACTERS_SHOWN]} is not served here"
    if error.status_code not in (404, 405):
        detail = error.detail
    answer = _answer(request, problem(error.status_code, CODES.get(error.status_code, "invalid_request"), detail))
    for name, value in (error.headers or {}).items():
        answer.set_header(name.lower(), value)
    return answer


def _failed(request: AnyRequest, error: Exception) -> Response[Problem]:
    _log.error("the request %s failed within the administration API", request.scope["state"][ID], exc_info=error)
    return _answer(request, problem_of(KeywrightError()))


def _answer(request: AnyRequest, given: Problem) -> Response[Problem]:
    named = replace(given, request_id=request.scope["state"][ID])
    return Response(named, status_code=given.status, media_type=MEDIA_TYPE)


def _named(parameter: str) -> str:
    """What a client calls a parameter of a route."""
    return NAMES.get(parameter, parameter)


def _extra(error: ValidationException) -> list[dict[str, str]]:
    return [each for each in error.extra if isinstance(each, dict)] if isinstance(error.extra, list) else []
