"""A call whose arguments come piece by piece (`partialArgs`, where a client has asked for that).

Each piece is a value and where it belongs (`$.operations[0].price`); a text may come in several. They are put together
here, and told when the call is whole: as JSON text they could be told earlier only if they never came out of order.
"""

from itertools import pairwise
from typing import Final, TypeAlias

import msgspec

from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import Json, JsonObject

PIECES_MAX: Final = 100_000
"""How many pieces one call's arguments may have."""

ITEMS_MAX: Final = 10_000
"""How far beyond its end a list may be written to."""

STEPS_MAX: Final = 64
"""How deep arguments may be."""

_Step: TypeAlias = str | int


class PartialArguments:
    """The arguments of one call, as far as they have come."""

    __slots__ = ("_pieces", "_root")

    def __init__(self) -> None:
        self._root: dict[str, Json] = {}
        self._pieces = 0

    def add(self, pieces: Json) -> None:
        """Put in what a frame says.

        Raises:
            UpstreamMalformedError: a path leads nowhere, or there are too many pieces.
        """
        for piece in pieces if isinstance(pieces, list) else ():
            self._pieces += 1
            if self._pieces > PIECES_MAX:
                raise UpstreamMalformedError(f"a call's arguments come in more than {PIECES_MAX} pieces")
            if isinstance(piece, dict):
                self._put(steps_of(piece.get("jsonPath")), piece)

    def text(self) -> str:
        """The arguments as JSON text."""
        return msgspec.json.encode(self._root).decode()

    def _put(self, steps: list[_Step], piece: JsonObject) -> None:
        node: Json = self._root
        for step, following in pairwise(steps):
            empty: Json = [] if isinstance(following, int) else {}
            found = _at(node, step)
            if found is None:
                _set(node, step, empty)
                found = _at(node, step)
            node = found
        _set(node, steps[-1], _joined(_at(node, steps[-1]), piece))


def steps_of(path: Json) -> list[_Step]:
    """The steps of a path: `$.operations[0].price`, or with names in brackets, `$['a b']`.

    Raises:
        UpstreamMalformedError: it is no such path.
    """
    if not isinstance(path, str) or not path.startswith("$") or len(path) < 2:
        raise UpstreamMalformedError("a piece of a call's arguments has no path")
    steps: list[_Step] = []
    rest = path[1:]
    while rest and len(steps) < STEPS_MAX:
        if rest.startswith("."):
            end = min((at for at in (rest.find(".", 1), rest.find("[", 1)) if at > 0), default=len(rest))
            steps.append(rest[1:end])
            rest = rest[end:]
            continue
        if not rest.startswith("["):
            break
        quote = rest[1:2]
        if quote in ("'", '"'):
            name, closed, after = rest[2:].partition(f"{quote}]")
            steps.append(name)
        else:
            number, closed, after = rest[1:].partition("]")
            steps.append(int(number) if number.isdecimal() and len(number) <= len(str(ITEMS_MAX)) else -1)
        if not closed or steps[-1] == -1:
            break
        rest = after
    if rest:
        raise UpstreamMalformedError("the path of a piece of a call's arguments cannot be read")
    return steps


def _at(node: Json, step: _Step) -> Json:
    if isinstance(node, dict) and isinstance(step, str):
        return node.get(step)
    if isinstance(node, list) and isinstance(step, int):
        return node[step] if step < len(node) else None
    raise UpstreamMalformedError("the pieces of a call's arguments contradict each other")


def _set(node: Json, step: _Step, value: Json) -> None:
    if isinstance(node, dict) and isinstance(step, str):
        node[step] = value
    elif isinstance(node, list) and isinstance(step, int):
        if step > len(node) + ITEMS_MAX:
            raise UpstreamMalformedError("a list in a call's arguments has too many gaps")
        node.extend([None] * (step + 1 - len(node)))
        node[step] = value


def _joined(before: Json, piece: JsonObject) -> Json:
    """The value that a piece gives; a text goes on where it stopped."""
    if isinstance(more := piece.get("stringValue"), str):
        return before + more if isinstance(before, str) else more
    for name in ("numberValue", "boolValue"):
        if name in piece:
            return piece[name]
    return None
