"""Where a client of the API finds what a loss speaks of.

What the canonical request does not tell is named as most clients would have it: functions are declared together in the
first tool, and how the answer is to be formed was said by a JSON Schema. What stood in `generationConfig` says so
itself.
"""

from typing import Final

from keywright.core.message import Image, Part, Text, Thinking, ToolCall, ToolResult, Turn
from keywright.core.request import Request, ServerTool
from keywright.dialects.gemini.wire import CONFIG, TOGETHER
from keywright.dialects.paths import joined, part_at, place_of, tool_of

_CALLING: Final = "toolConfig.functionCallingConfig"
_FIELDS: Final = {
    "choices": f"{CONFIG}candidateCount",
    "format": f"{CONFIG}responseJsonSchema",
    "format.schema": f"{CONFIG}responseJsonSchema",
    "frequency_penalty": f"{CONFIG}frequencyPenalty",
    "logprobs": f"{CONFIG}responseLogprobs",
    "output_tokens_max": f"{CONFIG}maxOutputTokens",
    "presence_penalty": f"{CONFIG}presencePenalty",
    "reasoning": f"{CONFIG}thinkingConfig",
    "reasoning.budget_tokens": f"{CONFIG}thinkingConfig.thinkingBudget",
    "reasoning.display": f"{CONFIG}thinkingConfig.includeThoughts",
    "reasoning.effort": f"{CONFIG}thinkingConfig.thinkingLevel",
    "reasoning.mode": f"{CONFIG}thinkingConfig.thinkingBudget",
    "seed": f"{CONFIG}seed",
    "stop": f"{CONFIG}stopSequences",
    "temperature": f"{CONFIG}temperature",
    "tool_choice": _CALLING,
    "tool_choice.mode": f"{_CALLING}.mode",
    "tool_choice.names": f"{_CALLING}.allowedFunctionNames",
    "top_k": f"{CONFIG}topK",
    "top_logprobs": f"{CONFIG}logprobs",
    "top_p": f"{CONFIG}topP",
    "turns": "contents",
}
_TOOL: Final = {"parameters": "parametersJsonSchema"}


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    if (place := place_of(path, request)) is not None:
        at, first = _content(request.turns, place.turn)
        if not place.parts:
            return joined(at, place.field)
        return _in_parts(request.turns[place.turn], f"{at}.parts[{first + place.parts[0]}]", place.parts, place.field)
    if (tool := tool_of(path, request)) is not None:
        return _in_tool(request, *tool)
    if path == "format" and request.format is not None and request.format.__struct_config__.tag == "json_object":
        return f"{CONFIG}responseMimeType"
    return _FIELDS.get(path, path)


def _content(turns: tuple[Turn, ...], index: int) -> tuple[str, int]:
    """Where the content of a turn is, and which place its first part has there."""
    number = -1
    first = 0
    for at, turn in enumerate(turns[: index + 1]):
        if at == 0 and turn.role == "system":
            if index == 0:
                return "systemInstruction", 0
            continue
        before = turns[at - 1] if at else None
        joins = before is not None and before.role == "tool" and turn.extras == TOGETHER
        number += not joins
        first = len(before.parts) if joins and before is not None else 0
    return f"contents[{number}]", first


def _in_parts(turn: Turn, at: str, parts: tuple[int, ...], field: str) -> str:
    """A field of the part to which the steps `parts` lead, whose first stands at `at`."""
    part = part_at(turn, parts)
    if len(parts) > 1:
        holder = part_at(turn, parts[:1])
        files = [each for each in holder.parts if not isinstance(each, Text)] if isinstance(holder, ToolResult) else []
        if part is None or isinstance(part, Text):
            return f"{at}.functionResponse.response"
        at = f"{at}.functionResponse.parts[{files.index(part)}]"
    return joined(at, _field(part, field))


def _field(part: Part | None, field: str) -> str:
    match part:
        case ToolCall() if field == "arguments":
            return "functionCall.args"
        case ToolResult() if field == "parts":
            return "functionResponse.parts"
        case ToolResult() if field == "is_error":
            return "functionResponse.response"
        case ToolResult() if field == "call_id":
            return "functionResponse.id"
        case Thinking() if field == "signature":
            return "thoughtSignature"
        case Image() if field == "detail":
            return "mediaResolution"
        case _:
            return field


def _in_tool(request: Request, index: int, field: str) -> str:
    tool = request.tools[index]
    if isinstance(tool, ServerTool):
        before = any(not isinstance(other, ServerTool) for other in request.tools)
        number = sum(isinstance(other, ServerTool) for other in request.tools[:index])
        return joined(f"tools[{number + before}].{tool.kind}", field)
    number = sum(not isinstance(other, ServerTool) for other in request.tools[:index])
    return joined(f"tools[0].functionDeclarations[{number}]", _TOOL.get(field, field))
