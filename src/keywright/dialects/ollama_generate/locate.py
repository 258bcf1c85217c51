"""Where a client of `/api/generate` finds what a loss speaks of."""

from keywright.core.message import Image
from keywright.core.request import Request
from keywright.dialects.ollama.place import located, taken


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    place = taken(path)
    if place is None or place.turn >= len(request.turns):
        return located(path, "prompt")
    turn = request.turns[place.turn]
    if turn.role == "system":
        return "system"
    number = place.part
    if number is not None and number < len(turn.parts) and isinstance(turn.parts[number], Image):
        return f"images[{number}]"
    return "prompt"
