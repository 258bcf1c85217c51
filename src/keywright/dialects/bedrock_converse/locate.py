"""Where a client of Converse finds what a loss speaks of.

Its system text stands beside the messages, tools' results are blocks of a user's message in front of what the user
says, and a cache point is a block of its own. What the canonical request does not tell is named as most clients would
have it: a user's turn after results stands in one message with them.
"""

from typing import Final

from keywright.core.message import Document, Part, ToolResult, Turn
from keywright.core.request import Request, ServerTool
from keywright.dialects.paths import joined, part_at, place_of, tool_of

_FIELDS: Final = {
    "format": "outputConfig.textFormat",
    "metadata": "requestMetadata",
    "output_tokens_max": "inferenceConfig.maxTokens",
    "reasoning": "additionalModelRequestFields",
    "service_tier": "serviceTier",
    "stop": "inferenceConfig.stopSequences",
    "temperature": "inferenceConfig.temperature",
    "tool_choice": "toolConfig.toolChoice",
    "tools": "toolConfig.tools",
    "top_k": "additionalModelRequestFields",
    "top_p": "inferenceConfig.topP",
    "turns": "messages",
}
_TOOL: Final = {"parameters": "inputSchema"}


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    if (place := place_of(path, request)) is not None:
        at, first = _content(request.turns, place.turn)
        if not place.parts:
            return joined(at.removesuffix(".content"), "content" if place.field == "parts" else place.field)
        return _in_parts(request.turns[place.turn], at, first, place.parts, place.field)
    if (tool := tool_of(path, request)) is not None:
        index, field = tool
        behind = sum(each.cache is not None for each in request.tools[:index])
        number = index + behind + (field == "cache")
        at, tool_at = f"toolConfig.tools[{number}]", request.tools[index]
        kind = tool_at.kind if isinstance(tool_at, ServerTool) else "toolSpec"
        return f"{at}.cachePoint" if field == "cache" else joined(f"{at}.{kind}", _TOOL.get(field, field))
    field, _, _ = path.partition(".")
    return _FIELDS.get(field, path)


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
        first = _blocks(before.parts) if joins and before is not None else 0
    return f"messages[{number}].content", first


def _blocks(parts: tuple[Part, ...]) -> int:
    """How many blocks these parts are, cache points counted."""
    return len(parts) + sum(getattr(part, "cache", None) is not None for part in parts)


def _in_parts(turn: Turn, at: str, first: int, parts: tuple[int, ...], field: str) -> str:
    """A field of the part to which the steps `parts` lead from the content at `at`."""
    before = _blocks(turn.parts[: parts[0]])
    if field == "cache" and len(parts) == 1:
        return f"{at}[{first + before + 1}].cachePoint"
    at += f"[{first + before}]"
    for depth, index in enumerate(parts[1:], 1):
        match part_at(turn, parts[:depth]):
            case ToolResult():
                at += f".toolResult.content[{index}]"
            case Document():
                at += f".document.source.content[{index}]"
            case _:
                at += f"[{index}]"
    return joined(at, field)
