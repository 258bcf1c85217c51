"""What all routes have in common: how bodies and parameters are read, and how answers are made."""

from collections.abc import Iterable, Mapping
from re import compile as pattern
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromQuery, HeaderParameter, SkipValidation
from msgspec import Struct

from keywright.catalog.catalogue import nearest
from keywright.control.actor import Actor
from keywright.control.desk import Desk
from keywright.control.paging import LIMIT, Part
from keywright.control.problems import InvalidBodyError
from keywright.control.scope import ACTOR, DESK, KEPT, SLASH
from keywright.core.errors import ChangeRefusedError
from keywright.core.secret import Secret

RowT = TypeVar("RowT", bound=Struct)

AnActor: TypeAlias = NamedDependency[SkipValidation[Actor]]
"""Who asks."""
ADesk: TypeAlias = NamedDependency[SkipValidation[Desk]]
"""What is administered."""
APart: TypeAlias = NamedDependency[Part]
"""Which part of a list."""

IfMatch: TypeAlias = Annotated[
    str | None,
    HeaderParameter(name="if-match", description="The ETag of what is to be changed; 412 if it is another by now."),
]

TYPE: Final = pattern(r":\w+}")
"""What a path's template says besides of a part's type."""
UNKNOWN: Final = "Object contains unknown field "


class ControlRequest(Request[Any, Any, Any]):
    """A request whose body is read as the very type that its route takes."""

    async def json(self) -> Any:
        """The body. What is wrong with it is an InvalidBodyError that names the member."""
        kind = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        body = await self.body()
        try:
            return msgspec.json.decode(body, type=kind, dec_hook=_secret)
        except msgspec.ValidationError as error:
            raise _fault(str(error), kind) from None
        except UnicodeDecodeError:  # from None: the error carries the bytes
            raise InvalidBodyError("the body is not JSON: it is not UTF-8", is_json=False) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidBodyError(f"the body is not JSON: {error}", is_json=False) from None


def known_parameters(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Nothing, when the route knows all parameters of the query. A guard of Litestar's.

    Raises:
        ChangeRefusedError: invalid, names the nearest one that is known.
    """
    scope: Mapping[str, Any] = connection.scope
    path = TYPE.sub("}", scope["path_template"])
    known: frozenset[str] = connection.app.state.parameters[path, scope["method"]]
    for name in connection.query_params:
        if name not in known:
            raise ChangeRefusedError("invalid", f"there is no parameter {name!r} here{_near(name, known)}", name)


def slashes(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Give the names in the path their slashes back, which the door has kept escaped. A guard of Litestar's."""
    given: Mapping[str, str] = connection.scope["path_params"]
    connection.scope["path_params"] = {name: value.replace(SLASH, "/") for name, value in given.items()}


def actor(request: ControlRequest) -> Actor:
    """Who asks: a dependency."""
    found: Actor = request.scope["state"][ACTOR]
    return found


def desk(request: ControlRequest) -> Desk:
    """What is administered: a dependency."""
    found: Desk = request.scope["state"][DESK]
    return found


def part(limit: FromQuery[int] = LIMIT, after: FromQuery[str] = "") -> Part:
    """Which part of a list: a dependency."""
    return Part(after, limit)


def expected(if_match: str | None) -> int | None:
    """The version that a change is to be made of; None for whichever there is.

    Raises:
        ChangeRefusedError: stale, there has never been such a tag.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    tag = if_match.strip().removeprefix("W/").strip('"')
    if not (tag.isascii() and tag.isdigit() and len(tag) < 19):
        raise ChangeRefusedError("stale", f"{if_match!r} is no ETag of this: read it again", "if-match")
    return int(tag)


def single(row: RowT, status: int = 200) -> Response[RowT]:
    """One resource, with its version as its tag where it has one."""
    version = getattr(row, "version", None)
    return Response(row, status_code=status, headers={} if version is None else {"etag": f'"{version}"'})


def keep_instead(request: ControlRequest, row: Struct) -> None:
    """Have `row` kept in place of the answer, which tells a secret, for when the same request comes again."""
    request.scope["state"][KEPT] = msgspec.json.encode(row)


def _secret(kind: type, value: object) -> Secret:
    """What a body says of a member that is a secret: it is one from the first moment on. Raises ValueError."""
    if kind is not Secret:
        raise NotImplementedError(kind)
    if not isinstance(value, str) or not value:
        raise ValueError("it is not a text, or empty")
    return Secret(value)


def _fault(message: str, kind: type[Struct]) -> InvalidBodyError:
    """What msgspec says, with the member it is about and, of an unknown one, the nearest that is known."""
    what, _, where = message.partition(" - at `")
    field = where.rstrip("`").removeprefix("$").lstrip(".")
    if what.startswith(UNKNOWN):
        name = what.removeprefix(UNKNOWN).strip("`")
        known = kind.__struct_encode_fields__
        return InvalidBodyError(f"there is no member {name!r} here{_near(name, known)}", name)
    if what.startswith("Object missing required field"):
        field = what.rpartition("field ")[2].strip("`")
    return InvalidBodyError(what, field)


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = nearest(name, names)[:1] or names
    return f"; known are {', '.join(names)}" if near == names else f"; did you mean {near[0]}?"
