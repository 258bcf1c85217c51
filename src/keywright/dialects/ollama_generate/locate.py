"""Where a client of `/api/generate` finds what a loss speaks of."""

from keywright.core.message import Image
from keywright.core.request import Request
from keywright.dialects.ollama.place import located
from keywright.dialects.paths import place_of


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    place = place_of(path, request)
    if place is None:
        return located(path, request, "prompt")
    turn = request.turns[place.turn]
    if turn.role == "system":
        return "system"
    if place.parts and isinstance(turn.parts[place.parts[0]], Image):
        return f"images[{place.parts[0]}]"
    return "prompt"
