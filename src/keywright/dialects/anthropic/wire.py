"""How this wire's JSON is read and written: typed members, cache marks, and whatever nobody modelled.

Readers raise `ShapeError` with the path from where they stood; each level that catches it adds its own step, so
that a path costs nothing until something is wrong.
"""

from typing import Final, TypeAlias

import msgspec

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import CacheMark
from keywright.dialects.foreign import foreign_losses

NAME: Final = "anthropic"
STREAM_TYPE: Final = b"text/event-stream; charset=utf-8"

Node: TypeAlias = dict[str, object]
"""A JSON object on its way out; its values may be `msgspec.Raw`."""

_PLAIN_MARK: Final[JsonObject] = {"type": "ephemeral"}


class ShapeError(ValueError):
    """A member is missing or of the wrong type. `path` leads to it, `why` is one clause."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why

    def within(self, step: str) -> "ShapeError":
        """The same error, seen from one level further out."""
        return ShapeError(f"{step}.{self.path}" if self.path else step, self.why)


def an_object(value: Json) -> JsonObject:
    """`value`, which must be an object.

    Raises:
        ShapeError: it is something else.
    """
    if isinstance(value, dict):
        return value
    raise ShapeError("", "must be an object")


def string(node: JsonObject, key: str) -> str:
    """The string that `node` must have at `key`.

    Raises:
        ShapeError: it has none there.
    """
    value = node.get(key)
    if isinstance(value, str):
        return value
    raise ShapeError(key, "must be a string")


def string_or_none(node: JsonObject, key: str) -> str | None:
    """The string at `key`; None when it is missing or null.

    Raises:
        ShapeError: something else stands there.
    """
    value = node.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ShapeError(key, "must be a string")


def boolean_or_none(node: JsonObject, key: str) -> bool | None:
    """The truth value at `key`; None when it is missing or null.

    Raises:
        ShapeError: something else stands there.
    """
    value = node.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise ShapeError(key, "must be true or false")


def integer_or_none(node: JsonObject, key: str) -> int | None:
    """The whole number at `key`; None when it is missing or null.

    Raises:
        ShapeError: something else stands there.
    """
    value = node.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ShapeError(key, "must be a whole number")


def number_or_none(node: JsonObject, key: str) -> float | None:
    """The number at `key`; None when it is missing or null.

    Raises:
        ShapeError: something else stands there.
    """
    value = node.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ShapeError(key, "must be a number")


def cache_of(node: JsonObject) -> CacheMark | None:
    """The cache mark of `node`, if it has one of a kind that is known."""
    control = node.get("cache_control")
    if control is None:
        return None
    if control == _PLAIN_MARK:
        return CacheMark()
    for ttl in ("5m", "1h"):
        if control == {"type": "ephemeral", "ttl": ttl}:
            return CacheMark(ttl)
    return None


def rest_of(node: JsonObject, known: frozenset[str]) -> JsonObject:
    """What `node` has beside the `known` members, and a cache mark of an unknown kind."""
    rest = {key: value for key, value in node.items() if key not in known}
    if node.get("cache_control") is not None and "cache_control" in known and cache_of(node) is None:
        rest["cache_control"] = node["cache_control"]
    return rest


def extras_of(node: JsonObject, known: frozenset[str]) -> Extras:
    """`rest_of` as the extras of a canonical node."""
    rest = rest_of(node, known)
    return {NAME: rest} if rest else NO_EXTRAS


def mark(cache: CacheMark) -> Node:
    """The wire's form of a cache mark."""
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}


def completed(node: Node, cache: CacheMark | None, extras: Extras) -> Node:
    """`node` with its cache mark and the extras of this dialect added."""
    if cache is not None:
        node["cache_control"] = mark(cache)
    if extras:
        node.update(extras.get(NAME, {}))
    return node


def report_foreign(extras: Extras, path: str, losses: list[Loss]) -> None:
    """Add a loss for each field that another dialect's client said at `path` ("" for the top level)."""
    losses += foreign_losses(extras, NAME, path, "the Messages API has no such field")


def rendered(node: Node) -> bytes:
    """The bytes of a body or of an event's data."""
    return _ENCODER.encode(node)


_ENCODER: Final = msgspec.json.Encoder()
