"""Where a client of `/api/chat` finds what a loss speaks of."""

from keywright.core.message import Image, Thinking, ToolCall, Turn
from keywright.core.request import Request
from keywright.dialects.ollama.place import located
from keywright.dialects.paths import Place, joined, place_of


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    place = place_of(path, request)
    if place is None:
        return located(path, request, "messages")
    first = sum(_messages(turn) for turn in request.turns[: place.turn])
    return _within(request.turns[place.turn], first, place)


def _messages(turn: Turn) -> int:
    """How many messages a turn came in."""
    return len(turn.parts) if turn.role == "tool" else 1


def _within(turn: Turn, first: int, place: Place) -> str:
    """The field of the turn's message, which is the one with the number `first` or follows it."""
    if not place.parts:
        return joined(f"messages[{first}]", place.field)
    number = place.parts[0]
    if turn.role == "tool":
        message = f"messages[{first + number}]"
        return joined(message, place.field) if len(place.parts) == 1 else f"{message}.content"
    part = turn.parts[number]
    before = sum(type(other) is type(part) for other in turn.parts[:number])
    match part:
        case Image():
            field = f"images[{before}]"
        case ToolCall():
            field = f"tool_calls[{before}].function"
        case Thinking():
            field = "thinking"
        case _:
            field = "content"
    return joined(f"messages[{first}].{field}", place.field)
