"""`GET /v1/models`: what the key may use, in OpenAI's or Anthropic's shape."""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.identity import Key
from keywright.core.json import JsonObject, encode
from keywright.dialects import anthropic, openai_chat
from keywright.pipeline.admit import may_use, require_address, require_endpoint
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.routes import Routes
from keywright.pipeline.snapshot import Snapshot

NAME_CHARACTERS_SHOWN: Final = 100
EPOCH: Final = "1970-01-01T00:00:00Z"
"""What Anthropic's own clients are given where no date is known."""


class Shape(Struct, frozen=True):
    """How a dialect lists models: one of them by its name, and all of them by their names and rows."""

    one: Callable[[str], JsonObject]
    all: Callable[[Sequence[str], list[JsonObject]], JsonObject]


def models(presented: str, address: str, now_s: int, snapshot: Snapshot) -> tuple[str, ...]:
    """The names that the presented key may use.

    Raises:
        RefusedError: 401 or 403, as for a call.
    """
    key = authenticate(presented, now_s, snapshot).key
    require_endpoint(key, "models")
    require_address(key, address)
    return tuple(name for name in snapshot.routes.names() if _may_list(key, name, snapshot))


def render(names: tuple[str, ...], shape: Shape, wanted: str | None, routes: Routes) -> bytes:
    """The list, or the one `wanted` of it (also by its bare name), in that `shape`.

    Raises:
        RefusedError: 404 `model_not_found`.
    """
    if wanted is None:
        return encode(shape.all(names, [shape.one(name) for name in names]))
    if wanted not in names and not any(target.name in names for target in routes.find(wanted)):
        message = f"the model {wanted[:NAME_CHARACTERS_SHOWN]!r} is not known here"
        raise RefusedError(Failure(kind="not_found", status=404, code="model_not_found", message=message))
    return encode(shape.one(wanted))


def _may_list(key: Key, name: str, snapshot: Snapshot) -> bool:
    return may_use(key, name) or any(may_use(key, target.name) for target in snapshot.routes.aliased(name))


def _openai_one(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]}


def _openai_all(_: Sequence[str], rows: list[JsonObject]) -> JsonObject:
    return {"object": "list", "data": [*rows]}


def _anthropic_one(name: str) -> JsonObject:
    return {"type": "model", "id": name, "display_name": name, "created_at": EPOCH}


def _anthropic_all(names: Sequence[str], rows: list[JsonObject]) -> JsonObject:
    ends: JsonObject = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return {"data": [*rows], "has_more": False, **ends}


SHAPES: Final[MappingProxyType[str, Shape]] = MappingProxyType(
    {openai_chat.NAME: Shape(_openai_one, _openai_all), anthropic.NAME: Shape(_anthropic_one, _anthropic_all)}
)
"""By the dialect's name."""
