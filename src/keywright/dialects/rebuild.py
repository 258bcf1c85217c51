"""Changing nodes wherever they stand: for a dialect that reads as another does, and then names what is its own."""

from collections.abc import Callable
from typing import Final, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

Node = TypeVar("Node")

_INNER: Final = (tuple, Struct)


def rebuilt(node: Node, change: Callable[[Struct], Struct]) -> Node:
    """`node` with `change` made to every struct in it, inner ones first. What does not change stays the same object.

    `change` gives a struct that may stand in the place of its argument.
    """
    if isinstance(node, tuple):
        items = tuple(rebuilt(item, change) for item in node)
        same = all(new is old for new, old in zip(items, node, strict=True))
        return node if same else cast("Node", items)
    if not isinstance(node, Struct):
        return node
    inner = {}
    for field in node.__struct_fields__:
        value = getattr(node, field)
        if value and isinstance(value, _INNER):
            new = rebuilt(value, change)
            if new is not value:
                inner[field] = new
    return cast("Node", change(replace(node, **inner) if inner else node))
