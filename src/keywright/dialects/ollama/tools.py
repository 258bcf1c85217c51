"""Tools and their calls, whose arguments are objects on this wire.

There is no field for a choice of tools. What it can be said by is which tools are sent: none, or the allowed ones. A
choice that forces a call cannot be said, and means something.
"""

from typing import Final

import msgspec

from keywright.core.json import Json, JsonObject
from keywright.core.message import ToolCall
from keywright.core.request import AnyTool, Request, ServerTool, Tool
from keywright.dialects.fields import Fields
from keywright.dialects.ollama.family import FAMILY
from keywright.dialects.ollama.target import Target

INVALID_JSON: Final = "INVALID_JSON"
"""The only member of arguments that are no JSON object; it holds their text."""

_NO_PARAMETERS: Final[JsonObject] = {"type": "object", "properties": {}}


def decode_tools(body: Fields, dialect: str) -> tuple[AnyTool, ...]:
    """The `tools` of a request."""
    return tuple(_tool(item, f"tools[{index}]", dialect) for index, item in enumerate(body.array("tools")))


def _tool(value: Json, path: str, dialect: str) -> AnyTool:
    tool = Fields(value, path)
    kind = tool.text("type") or "function"
    function = tool.object("function")
    if kind != "function" or function is None:
        assert isinstance(value, dict)
        return ServerTool(dialect, kind, value)
    schema = function.object("parameters")
    name, description = function.needed_text("name"), function.text("description")
    if function.left:
        tool.keep("function", function.left)
    return Tool(name, description, None if schema is None else schema.left, extras=tool.extras(dialect))


def encode_tools(request: Request, target: Target) -> list[Json]:
    """The tools to send, as far as the choice among them allows."""
    if not target.abilities.tools and request.tools:
        target.meaning("tools", "the model cannot call tools")
        return []
    allowed = _allowed(request, target)
    encoded: list[Json] = []
    for index, tool in enumerate(request.tools):
        if isinstance(tool, ServerTool):
            if tool.origin in FAMILY:
                encoded.append(tool.body)
            else:
                target.meaning(f"tools[{index}]", f"only {tool.origin} runs the tool {tool.kind}")
        elif allowed is None or tool.name in allowed:
            encoded.append(_encoded(tool, f"tools[{index}]", target))
    return encoded


def _allowed(request: Request, target: Target) -> tuple[str, ...] | None:
    """The names of the tools that may be sent; None: all of them."""
    choice = request.tool_choice
    if choice is None:
        return None
    target.extras(choice.extras, "tool_choice")
    if not request.tools:
        target.knob("tool_choice", "there are no tools to choose from")
        return None
    if choice.parallel is False and choice.mode != "none":
        target.knob("tool_choice.parallel", "Ollama cannot be told to make one call at a time")
    if choice.mode in ("required", "named") or choice.required:
        target.meaning("tool_choice", "Ollama cannot be told that a tool must be called")
    match choice.mode:
        case "none":
            return ()
        case "allowed" | "named":
            return choice.names
        case "auto" | "required" | None:
            return None


def _encoded(tool: Tool, path: str, target: Target) -> JsonObject:
    if tool.strict:
        target.knob(f"{path}.strict", "Ollama does not hold arguments to the schema")
    target.uncached(tool.cache, path)
    parameters = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    function: JsonObject = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = parameters if "type" in parameters else {"type": "object", **parameters}
    extra = target.extras(tool.extras, path)
    if isinstance(more := extra.get("function"), dict):
        function.update(more)
    return {**extra, "type": "function", "function": function}


def decode_calls(message: Fields) -> list[ToolCall]:
    """The calls of a message. The id of one that came without is empty."""
    return [_call(item, message.at(f"tool_calls[{index}]")) for index, item in enumerate(message.array("tool_calls"))]


def _call(value: Json, path: str) -> ToolCall:
    call = Fields(value, path)
    function = call.object("function") or Fields({}, call.at("function"))
    return ToolCall(call.text("id") or "", function.text("name") or "", arguments_text(function.json("arguments")))


def identified(calls: list[ToolCall], prefix: str, first: int = 0) -> list[ToolCall]:
    """`calls`, where those without an id have one that begins with `prefix`."""
    return [
        call if call.id else msgspec.structs.replace(call, id=f"{prefix}{number}")
        for number, call in enumerate(calls, first)
    ]


def arguments_text(value: Json) -> str:
    """Arguments as JSON text; some clients send the text itself."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1 and isinstance(text := value.get(INVALID_JSON), str):
        return text
    return msgspec.json.encode(value).decode()


def arguments_object(text: str) -> JsonObject | None:
    """Arguments as an object, an empty one for none; None when they are no object."""
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def encode_call(call: ToolCall, *, with_id: bool) -> JsonObject:
    """A call. `with_id`: to a client, which may send it back; older servers know none."""
    arguments = arguments_object(call.arguments)
    said: Json = {INVALID_JSON: call.arguments} if arguments is None else arguments
    function: JsonObject = {"name": call.name, "arguments": said}
    return {"id": call.id, "function": function} if with_id else {"function": function}
