"""Where a client of `/api/chat` finds what a loss speaks of."""

from keywright.core.message import Image, Thinking, ToolCall, Turn
from keywright.core.request import Request
from keywright.dialects.ollama.place import Place, located, taken


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    place = taken(path)
    if place is None or place.turn >= len(request.turns):
        return located(path, "messages")
    first = sum(_messages(turn) for turn in request.turns[: place.turn])
    return _within(request.turns[place.turn], first, place)


def _messages(turn: Turn) -> int:
    """How many messages a turn came in."""
    return len(turn.parts) if turn.role == "tool" else 1


def _within(turn: Turn, first: int, place: Place) -> str:
    """The field of the turn's message, which is the one with the number `first` or follows it."""
    if place.part is None or place.part >= len(turn.parts):
        return f"messages[{first}]{place.rest}"
    if turn.role == "tool":
        return f"messages[{first + place.part}]{place.rest.partition('.parts')[0]}"
    part = turn.parts[place.part]
    before = sum(type(other) is type(part) for other in turn.parts[: place.part])
    match part:
        case Image():
            field = f"images[{before}]"
        case ToolCall():
            field = f"tool_calls[{before}].function"
        case Thinking():
            field = "thinking"
        case _:
            field = "content"
    return f"messages[{first}].{field}{place.rest}"
