"""Tools, the choice among them, and their calls.

Cohere can be told to call a tool, not which one. So a tool that must be called is the only one that it is shown, and
of allowed tools only these. Strictness is one switch for all tools.
"""

from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.core.message import ToolCall
from keywright.core.request import AnyTool, Request, ServerTool, Tool, ToolChoice
from keywright.dialects.cohere.fields import NAME, own
from keywright.dialects.cohere.target import Target
from keywright.dialects.fields import Fields, WrongFieldError

NO_PARAMETERS: Final[JsonObject] = {"type": "object", "properties": {}}


def decode_tools(body: Fields) -> tuple[AnyTool, ...]:
    """The `tools` of a request, each as strict as `strict_tools` says."""
    given = body.array("tools")
    strict = body.flag("strict_tools") if given else None
    return tuple(_tool(item, f"tools[{index}]", strict) for index, item in enumerate(given))


def _tool(value: Json, path: str, strict: bool | None) -> AnyTool:
    tool = Fields(value, path)
    kind = tool.text("type") or "function"
    if kind != "function":
        assert isinstance(value, dict)
        return ServerTool(NAME, kind, value)
    function = tool.object("function")
    if function is None:
        raise WrongFieldError(tool.at("function"), "an object")
    name, description = function.needed_text("name"), function.text("description")
    schema = function.object("parameters")
    if function.left:
        tool.keep("function", function.left)
    return Tool(name, description, None if schema is None else schema.left, strict, extras=tool.extras(NAME))


def decode_choice(body: Fields) -> ToolChoice | None:
    """The `tool_choice` of a request; none is Cohere's own, which is to let the model choose."""
    choice = body.text("tool_choice")
    if choice is None:
        return None
    match choice.upper():
        case "REQUIRED":
            return ToolChoice("required")
        case "NONE":
            return ToolChoice("none")
        case _:
            raise WrongFieldError("tool_choice", "REQUIRED or NONE")


def encode_tools(request: Request, body: JsonObject, target: Target) -> None:
    """Put the tools and the choice among them into `body`."""
    if request.tools and not target.abilities.tools:
        target.meaning("tools", "the model cannot call tools")
        return
    choice = request.tool_choice
    shown = _shown(choice)
    tools: list[Json] = []
    strict: list[bool | None] = []
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        if isinstance(tool, ServerTool):
            if tool.origin == NAME:
                tools.append(tool.body)
            else:
                target.meaning(path, f"only {tool.origin} runs the tool {tool.kind}")
        elif shown is None or tool.name in shown:
            tools.append(_encoded(tool, path, target))
            strict.append(tool.strict)
    if tools:
        body["tools"] = tools
    _encode_strict(strict, body, target)
    if choice is not None:
        _encode_choice(choice, body, target, any_tools=bool(tools))


def _shown(choice: ToolChoice | None) -> tuple[str, ...] | None:
    """The names of the tools that the model may see; None: all of them."""
    return choice.names if choice is not None and choice.mode in ("named", "allowed") else None


def _encoded(tool: Tool, path: str, target: Target) -> JsonObject:
    function: JsonObject = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = NO_PARAMETERS if tool.parameters is None else tool.parameters
    extra = target.extras(tool.extras, path)
    if tool.cache is not None:
        target.knob(f"{path}.cache", "Cohere caches by itself")
    if isinstance(more := extra.get("function"), dict):
        function.update(more)
    return {**extra, "type": "function", "function": function}


def _encode_strict(strict: list[bool | None], body: JsonObject, target: Target) -> None:
    said = set(strict) - {None}
    if len(said) == 1 and None not in strict:
        body["strict_tools"] = strict[0]
    elif True in said:
        target.knob("tools[0].strict", "Cohere holds to the schemas of all tools or of none: of none")


def _encode_choice(choice: ToolChoice, body: JsonObject, target: Target, *, any_tools: bool) -> None:
    target.extras(choice.extras, "tool_choice")
    if not any_tools:
        target.knob("tool_choice", "there are no tools to choose from")
        return
    if choice.mode == "none":
        body["tool_choice"] = "NONE"
    elif choice.mode in ("required", "named") or choice.required:
        body["tool_choice"] = "REQUIRED"
    if choice.mode in ("named", "allowed"):
        target.knob("tool_choice.names", "Cohere cannot be told which: it is shown these tools only")
    if choice.parallel is False and choice.mode != "none":
        target.knob("tool_choice.parallel", "Cohere cannot be told to make one call at a time")


def decode_calls(message: Fields) -> list[ToolCall]:
    """The calls of an assistant's message."""
    path = message.at("tool_calls")
    return [_call(item, f"{path}[{index}]", index) for index, item in enumerate(message.array("tool_calls"))]


def _call(value: Json, path: str, missing: int) -> ToolCall:
    """One call; `missing` ends the id of one that came without."""
    call = Fields(value, path)
    call.json("type")
    number = call.text("id")
    function = call.object("function")
    if function is None:
        raise WrongFieldError(call.at("function"), "an object")
    name, arguments = function.text("name") or "", function.text("arguments") or ""
    if function.left:
        call.keep("function", function.left)
    return ToolCall(number or f"{name}_{missing}", name, arguments, extras=call.extras(NAME))


def encode_call(call: ToolCall) -> JsonObject:
    """A call in `tool_calls`. Its arguments are JSON, an empty object where the model wrote nothing."""
    function: JsonObject = {"name": call.name, "arguments": call.arguments or "{}"}
    extra = own(call.extras)
    if isinstance(more := extra.get("function"), dict):
        function.update(more)
    return {**extra, "id": call.id, "type": "function", "function": function}
