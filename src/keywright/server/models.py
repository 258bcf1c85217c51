"""`GET /v1/models`: what the key may use, in OpenAI's or Anthropic's shape."""

from typing import Final

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.identity import Key
from keywright.core.json import JsonObject, encode
from keywright.pipeline.admit import may_use, require_address, require_endpoint
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.snapshot import Snapshot

EPOCH: Final = "1970-01-01T00:00:00Z"
"""What Anthropic's own clients are given where no date is known."""


def models(presented: str, address: str, now_s: int, snapshot: Snapshot) -> tuple[str, ...]:
    """The names that the presented key may use.

    Raises:
        RefusedError: 401 or 403, as for a call.
    """
    key = authenticate(presented, now_s, snapshot).key
    require_endpoint(key, "models")
    require_address(key, address)
    return tuple(name for name in snapshot.routes.names() if _may_list(key, name, snapshot))


def render(names: tuple[str, ...], dialect: str, wanted: str | None) -> bytes:
    """The list, or the one `wanted` of it, in the shape of `dialect`.

    Raises:
        RefusedError: 404 `model_not_found`.
    """
    shape = _anthropic if dialect == "anthropic" else _openai
    if wanted is not None:
        if wanted not in names:
            message = f"the model {wanted[:100]!r} is not known here"
            raise RefusedError(Failure(kind="not_found", status=404, code="model_not_found", message=message))
        return encode(shape(wanted))
    rows = [shape(name) for name in names]
    if dialect != "anthropic":
        return encode({"object": "list", "data": rows})
    ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return encode({"data": rows, "has_more": False, **ends})


def _may_list(key: Key, name: str, snapshot: Snapshot) -> bool:
    return may_use(key, name) or any(may_use(key, target.name) for target in snapshot.routes.aliased(name))


def _openai(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]}


def _anthropic(name: str) -> JsonObject:
    return {"type": "model", "id": name, "display_name": name, "created_at": EPOCH}
