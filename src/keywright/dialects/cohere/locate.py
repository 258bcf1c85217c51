"""Where a client of this wire finds what a loss speaks of.

Its tools' results are messages of their own, though one turn here; its documents stand beside the messages, though in
the user's last turn here; an assistant's plan and calls stand beside its content.
"""

from typing import Final

from keywright.core.message import Document, Part, Text, Thinking, ToolCall, Turn
from keywright.core.request import Request, Tool
from keywright.dialects.cohere.fields import DOCUMENT, PLAN, own
from keywright.dialects.paths import joined, part_at, place_of, tool_of

_FIELDS: Final = {
    "choices": "num_generations",
    "format": "response_format",
    "output_tokens_max": "max_tokens",
    "reasoning": "thinking",
    "reasoning.budget_tokens": "thinking.token_budget",
    "stop": "stop_sequences",
    "tool_choice.names": "tool_choice",
    "top_k": "k",
    "top_p": "p",
    "turns": "messages",
}
_FUNCTION: Final = frozenset({"description", "name", "parameters"})


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    if (place := place_of(path, request)) is not None:
        turn = request.turns[place.turn]
        message = sum(_messages(before) for before in request.turns[: place.turn])
        if turn.role == "tool" and place.parts:
            return _in_result(turn, f"messages[{message + place.parts[0]}]", place.parts, place.field)
        return _in_message(turn, f"messages[{message}]", place.parts, place.field)
    if (tool := tool_of(path, request)) is not None:
        index, field = tool
        if field == "strict":
            return "strict_tools"
        inner = "function." if field in _FUNCTION and isinstance(request.tools[index], Tool) else ""
        return joined(f"tools[{index}]", inner + field)
    head, dot, rest = path.partition(".")
    if path in _FIELDS:
        return _FIELDS[path]
    return _FIELDS.get(head, head) + dot + rest


def _messages(turn: Turn) -> int:
    """How many messages a turn was."""
    return max(len(turn.parts), 1) if turn.role == "tool" else 1


def _in_result(turn: Turn, message: str, parts: tuple[int, ...], field: str) -> str:
    if len(parts) == 1:
        return joined(message, {"parts": "content", "call_id": "tool_call_id"}.get(field, field))
    part = part_at(turn, parts)
    at = f"{message}.content[{parts[1]}]"
    return joined(f"{at}.document" if isinstance(part, Text) and DOCUMENT in own(part.extras) else at, field)


def _in_message(turn: Turn, message: str, parts: tuple[int, ...], field: str) -> str:
    if not parts:
        return joined(message, "content" if field == "parts" else field)
    part = turn.parts[parts[0]]
    before = turn.parts[: parts[0]]
    if _is_document(part):
        return joined(f"documents[{sum(map(_is_document, before))}]", field)
    if isinstance(part, ToolCall):
        number = sum(isinstance(other, ToolCall) for other in before)
        inner = "function." if field in ("arguments", "name") else ""
        return joined(f"{message}.tool_calls[{number}]", inner + field)
    if _is_plan(part):
        return f"{message}.{PLAN}"
    if isinstance(part, Text) and field == "citations":
        return f"{message}.citations"
    number = sum(not (_is_document(other) or _is_plan(other) or isinstance(other, ToolCall)) for other in before)
    return joined(f"{message}.content[{number}]", "image_url.detail" if field == "detail" else field)


def _is_document(part: Part) -> bool:
    return isinstance(part, Document) and DOCUMENT in own(part.extras)


def _is_plan(part: Part) -> bool:
    return isinstance(part, Thinking) and bool(own(part.extras).get(PLAN))
