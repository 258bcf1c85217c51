"""Which models may the key use? All of them, or one, in the shape of the client's dialect."""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.ability import ABLE
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.json import encode
from keywright.pipeline.admit import require_place
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.routes import Routes
from keywright.pipeline.snapshot import Snapshot
from keywright.policy.decision import usable
from keywright.policy.grant import Grant
from keywright.server.shapes import Shape, listed

NAME_CHARACTERS_SHOWN: Final = 100


class _Asked(Struct):
    """`POST /api/show`; older clients say `name`."""

    model: str = ""
    name: str = ""


class Allowed(Struct, frozen=True, eq=False):
    """The names that a key may use, and what they lead to for it."""

    names: tuple[str, ...]
    routes: Routes


def models(presented: str, address: str, now_s: int, snapshot: Snapshot) -> Allowed:
    """What the presented key may use.

    Raises:
        RefusedError: 401 or 403, as for a call.
    """
    principal = authenticate(presented, now_s, snapshot)
    grant, routes = principal.grant, snapshot.routes.of(principal.key.project)
    require_place(grant, "models", address)
    return Allowed(tuple(name for name in routes.names() if _may_list(grant, name, routes)), routes)


def render(allowed: Allowed, shape: Shape, wanted: str | None) -> bytes:
    """The list, or the one `wanted` of it (also by its bare name), in that `shape`.

    Raises:
        RefusedError: 404 `model_not_found`.
    """
    names = allowed.names
    if wanted is None:
        return encode(listed(names, shape))
    targets = allowed.routes.find(wanted)
    if wanted not in names and not any(target.name in names for target in targets):
        message = f"the model {wanted[:NAME_CHARACTERS_SHOWN]!r} is not known here"
        raise RefusedError(Failure(kind="not_found", status=404, code="model_not_found", message=message))
    return encode((shape.shown or shape.one)(wanted, targets[0].abilities if targets else ABLE))


def asked_model(body: bytes) -> str:
    """The model that the body of a request to show one names.

    Raises:
        RefusedError: 400, it names none.
    """
    try:
        asked = msgspec.json.decode(body, type=_Asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the body must be an object that names a model: {error}"
        failure = Failure(kind="invalid_request", status=400, code="invalid_json", message=message)
        raise RefusedError(failure) from None
    return asked.model or asked.name


def _may_list(grant: Grant, name: str, routes: Routes) -> bool:
    return grant.may_name(name) or bool(usable(grant, name, routes.aliased(name)))
