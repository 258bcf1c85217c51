"""Where a client of the Messages API finds what a loss speaks of.

Its system text stands beside the messages, and tools' results are blocks of a user's message, in front of what the user
says in it. What the canonical request does not tell is named as most clients would have it: a user's turn after
results stands in one message with them, and content that was a string counts as its only block.
"""

from typing import Final

from keywright.core.message import Document, Turn
from keywright.core.request import Reasoning, Request
from keywright.dialects.paths import joined, part_at, place_of, tool_of

_FIELDS: Final = {
    "cache": "cache_control",
    "format": "output_config.format",
    "format.schema": "output_config.format.schema",
    "format.strict": "output_config.format",
    "output_tokens_max": "max_tokens",
    "reasoning.budget_tokens": "thinking.budget_tokens",
    "reasoning.display": "thinking.display",
    "reasoning.effort": "output_config.effort",
    "reasoning.mode": "thinking.type",
    "stop": "stop_sequences",
    "tool_choice.mode": "tool_choice.type",
    "tool_choice.names": "tool_choice.name",
    "tool_choice.parallel": "tool_choice.disable_parallel_tool_use",
    "turns": "messages",
    "user": "metadata.user_id",
}
_PART: Final = {"cache": "cache_control", "parts": "content", "call_id": "tool_use_id", "arguments": "input"}
_TOOL: Final = {"cache": "cache_control", "parameters": "input_schema"}


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    if (place := place_of(path, request)) is not None:
        at, first = _content(request.turns, place.turn)
        if not place.parts:
            return joined(at.removesuffix(".content"), "content" if place.field == "parts" else place.field)
        return _in_parts(request.turns[place.turn], at, first, place.parts, place.field)
    if (tool := tool_of(path, request)) is not None:
        index, field = tool
        return joined(f"tools[{index}]", _TOOL.get(field, field))
    if path == "reasoning":
        return "thinking" if _is_configured(request.reasoning) else "output_config.effort"
    return _FIELDS.get(path, path)


def _content(turns: tuple[Turn, ...], index: int) -> tuple[str, int]:
    """Where the content of a turn stands, and which place its first part has there."""
    number = -1
    first = 0
    for at, turn in enumerate(turns[: index + 1]):
        if at == 0 and turn.role == "system" and not turn.extras:
            if index == 0:
                return "system", 0
            continue
        before = turns[at - 1] if at else None
        joins = before is not None and before.role == "tool" and turn.role == "user" and not turn.extras
        number += not joins
        first = len(before.parts) if joins and before is not None else 0
    return f"messages[{number}].content", first


def _in_parts(turn: Turn, at: str, first: int, parts: tuple[int, ...], field: str) -> str:
    """A field of the part to which the steps `parts` lead from the content at `at`."""
    at = f"{at}[{first + parts[0]}]"
    for depth, index in enumerate(parts[1:], 1):
        holder = part_at(turn, parts[:depth])
        at += f".source.content[{index}]" if isinstance(holder, Document) else f".content[{index}]"
    return joined(at, _PART.get(field, field))


def _is_configured(reasoning: Reasoning | None) -> bool:
    return reasoning is not None and (reasoning.mode is not None or reasoning.budget_tokens is not None)
