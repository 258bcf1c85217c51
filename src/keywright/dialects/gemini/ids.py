"""Ids of calls, on a wire where they are optional.

Older models give their calls no ids, and their clients send the answers back by name and order. Every other dialect
links an answer to its call by id, so an id is made up, always the same for the same place. It is recognised by its
beginning and left out again when it would go back to this wire, where it was never said.
"""

from typing import Final

from keywright.core.json import JsonObject

MADE: Final = "kwcall_"
"""How an id begins that was made up here."""


def is_made(call_id: str) -> bool:
    """Whether `call_id` was made up here."""
    return call_id.startswith(MADE)


class Calls:
    """The calls of one conversation or of one answer, in their order. `seed` tells answers apart."""

    __slots__ = ("_made", "_seed", "_waiting")

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._made = 0
        self._waiting: list[tuple[str, str]] = []  # ids and names of those that have no answer yet

    def called(self, told: str | None, name: str) -> str:
        """The id of the next call. `told`: the one that it came with."""
        call_id = told or self._next()
        self._waiting.append((call_id, name))
        return call_id

    def answered(self, told: str | None, name: str) -> str:
        """The id of the call that an answer belongs to: the one it names, else the first that waits by that name."""
        for index, (call_id, called) in enumerate(self._waiting):
            if call_id == told or (not told and called == name):
                del self._waiting[index]
                return call_id
        return told or self._next()

    def _next(self) -> str:
        call_id = f"{MADE}{self._seed}_{self._made}"
        self._made += 1
        return call_id


def with_id(node: JsonObject, call_id: str) -> JsonObject:
    """`node` with the id in front, unless it was made up here."""
    return node if not call_id or is_made(call_id) else {"id": call_id, **node}
