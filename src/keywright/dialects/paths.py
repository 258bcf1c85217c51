"""Reading the canonical path of a loss (see `core.loss`), for the `locate` of each dialect."""

import re
from typing import Final

from msgspec import Struct

from keywright.core.message import BlocksSource, Document, Part, ToolResult, Turn
from keywright.core.request import Request

_IN_TURN: Final = re.compile(r"turns\[(\d+)\]((?:\.parts\[\d+\])*)(?:\.(.+))?", re.DOTALL)
_IN_TOOL: Final = re.compile(r"tools\[(\d+)\](?:\.(.+))?", re.DOTALL)
_NUMBER: Final = re.compile(r"\d+")


class Place(Struct, frozen=True):
    """A place within the turns: a turn, a part of it (and a part within that, and so on), a `field` of either."""

    turn: int
    parts: tuple[int, ...] = ()
    field: str = ""


def place_of(path: str, request: Request) -> Place | None:
    """The place that `path` names; None when it names none that is among the turns of `request`."""
    found = _IN_TURN.fullmatch(path)
    if found is None:
        return None
    place = Place(int(found[1]), tuple(map(int, _NUMBER.findall(found[2]))), found[3] or "")
    if place.turn >= len(request.turns) or (place.parts and place.parts[0] >= len(request.turns[place.turn].parts)):
        return None
    return place


def tool_of(path: str, request: Request) -> tuple[int, str] | None:
    """The tool that `path` names, and the field of it; None when it names none of `request`."""
    found = _IN_TOOL.fullmatch(path)
    if found is None or int(found[1]) >= len(request.tools):
        return None
    return int(found[1]), found[2] or ""


def part_at(turn: Turn, parts: tuple[int, ...]) -> Part | None:
    """The part of `turn` to which the steps `parts` lead, into tools' results and documents of blocks."""
    found: Part | None = None
    inside = turn.parts
    for index in parts:
        if index >= len(inside):
            return None
        found = inside[index]
        inside = inner_parts(found)
    return found


def inner_parts(part: Part) -> tuple[Part, ...]:
    """The parts that stand in `part`."""
    match part:
        case ToolResult():
            return part.parts
        case Document(source=BlocksSource(parts)):
            return parts
        case _:
            return ()


def joined(path: str, field: str) -> str:
    """`field` at `path`; the path itself for no field."""
    return f"{path}.{field}" if field else path
