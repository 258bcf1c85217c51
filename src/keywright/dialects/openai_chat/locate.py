"""Where a client of chat completions finds what a loss speaks of.

Its tools' results are messages of their own, though one turn here, and an assistant's thoughts and calls stand beside
its content. What the canonical request does not tell is named as most clients would have it: content that was a string
counts as its only part, and the limit of tokens is the older `max_tokens` unless the rest of the request is in
words that came with `max_completion_tokens`.
"""

from typing import Final

from keywright.core.message import Document, Image, Opaque, Part, Text, Thinking, ToolCall, Turn
from keywright.core.request import Request, ServerTool
from keywright.dialects.openai_chat.fields import NAME, own
from keywright.dialects.openai_chat.thinking import DETAILS, PLAIN, is_thought, needs_detail
from keywright.dialects.openai_chat.tools import is_legacy
from keywright.dialects.paths import joined, part_at, place_of, tool_of

_FIELDS: Final = {
    "cache": "cache_control",
    "choices": "n",
    "format": "response_format",
    "format.description": "response_format.json_schema.description",
    "format.name": "response_format.json_schema.name",
    "format.schema": "response_format.json_schema.schema",
    "format.strict": "response_format.json_schema.strict",
    "stream_usage": "stream_options.include_usage",
    "tool_choice.parallel": "parallel_tool_calls",
    "turns": "messages",
}
_REASONING: Final = {
    "reasoning.budget_tokens": "reasoning.max_tokens",
    "reasoning.display": "reasoning.exclude",
    "reasoning.mode": "reasoning.enabled",
}
_FUNCTION: Final = frozenset({"description", "name", "parameters", "strict"})


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    if (place := place_of(path, request)) is not None:
        turn = request.turns[place.turn]
        message = sum(_messages(before) for before in request.turns[: place.turn])
        if turn.role == "tool" and place.parts:
            return _in_result(turn, f"messages[{message + place.parts[0]}]", place.parts, place.field)
        return _in_message(turn, f"messages[{message}]", place.parts, place.field)
    if (tool := tool_of(path, request)) is not None:
        return _in_tool(request, *tool)
    field, _, _ = path.partition(".")
    match field:
        case "output_tokens_max":
            return "max_completion_tokens" if _is_current(request) else "max_tokens"
        case "reasoning":
            return _REASONING.get(path, path) if "reasoning" in own(request.extras) else "reasoning_effort"
        case "tool_choice" if path != "tool_choice.parallel":
            legacy = request.tool_choice is not None and is_legacy(request.tool_choice.extras)
            return "function_call" if legacy else "tool_choice"
        case _:
            return _FIELDS.get(path, path)


def _messages(turn: Turn) -> int:
    """How many messages a turn was."""
    return max(len(turn.parts), 1) if turn.role == "tool" else 1


def _is_current(request: Request) -> bool:
    """Whether the request is in words that came after `max_tokens` was given up."""
    effort = request.reasoning is not None and "reasoning" not in own(request.extras)
    return effort or any(turn.role == "developer" for turn in request.turns)


def _in_result(turn: Turn, message: str, parts: tuple[int, ...], field: str) -> str:
    if len(parts) == 1:
        names = {"parts": "content", "cache": "cache_control", "call_id": "tool_call_id"}
        return joined(message, names.get(field, field))
    part = part_at(turn, parts)
    return _in_part(part, f"{message}.content[{parts[1]}]", field)


def _in_message(turn: Turn, message: str, parts: tuple[int, ...], field: str) -> str:
    if not parts:
        return joined(message, "content" if field == "parts" else field)
    part = turn.parts[parts[0]]
    before = turn.parts[: parts[0]]
    if isinstance(part, ToolCall):
        number = sum(isinstance(other, ToolCall) for other in before)
        at = "function_call" if is_legacy(part.extras) else f"tool_calls[{number}]"
    elif is_thought(part):
        at = _thought(part, before)
    elif isinstance(part, Opaque) and part.kind == "audio":
        at = "audio"
    elif isinstance(part, Text) and field == "citations":
        return f"{message}.annotations"
    else:
        number = sum(not isinstance(other, ToolCall) and not is_thought(other) for other in before)
        at = f"content[{number}]"
    return _in_part(part, f"{message}.{at}", field)


def _thought(part: Part, before: tuple[Part, ...]) -> str:
    """Where a thought stands in its message, after those `before` it."""
    if not _is_detail(part):
        field = own(part.extras).get("field") if isinstance(part, Thinking) else None
        return field if isinstance(field, str) and field else PLAIN
    return f"{DETAILS}[{sum(map(_is_detail, before))}]"


def _is_detail(part: Part) -> bool:
    """Whether it is a thought that the string field alone would not have said."""
    foreign = isinstance(part, Thinking) and part.origin not in (None, NAME)
    return is_thought(part) and (foreign or needs_detail(part))


def _in_part(part: Part | None, at: str, field: str) -> str:
    """A field of a part that stands at `at`. What has no canonical name was the client's own."""
    if field == "cache":
        return f"{at}.cache_control"
    match part:
        case Image() if field == "detail":
            return f"{at}.image_url.detail"
        case Document() if field == "title":
            return f"{at}.file.filename"
        case ToolCall() if field == "arguments":
            return (
                f"{at}.custom.input" if part.custom else f"{at}.{'' if is_legacy(part.extras) else 'function.'}{field}"
            )
        case _:
            return joined(at, field)


def _in_tool(request: Request, index: int, field: str) -> str:
    tool = request.tools[index]
    legacy = not isinstance(tool, ServerTool) and is_legacy(tool.extras)
    number = index
    if legacy:
        number -= sum(isinstance(other, ServerTool) or not is_legacy(other.extras) for other in request.tools)
    at = f"functions[{number}]" if legacy else f"tools[{number}]"
    if field in _FUNCTION and not legacy and not isinstance(tool, ServerTool):
        return f"{at}.function.{field}"
    return joined(at, "cache_control" if field == "cache" else field)
