"""Tools, the choice among them, and their calls.

A free-text (`custom`) tool has no JSON Schema, so no other dialect can be told of it: it is a `ServerTool` of this
dialect's, though its calls are `ToolCall`s like any.

The deprecated `functions` and `function_call` are read as tools and calls that carry `legacy` in their extras. That
mark makes the encoder, and the answer to such a client, use the deprecated fields again.
"""

from typing import Final

import msgspec

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.message import ToolCall
from keywright.core.request import AnyTool, Request, ServerTool, Tool, ToolChoice
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_chat.fields import NAME, own
from keywright.dialects.openai_chat.parts import cache_mark

LEGACY: Final[Extras] = {NAME: {"legacy": True}}


def is_legacy(extras: Extras) -> bool:
    """Whether the node came in one of the deprecated fields."""
    return bool(own(extras).get("legacy"))


def speaks_functions(request: Request) -> bool:
    """Whether the client speaks the deprecated `functions`."""
    return any(isinstance(tool, Tool) and is_legacy(tool.extras) for tool in request.tools)


def decode_tools(body: Fields) -> tuple[AnyTool, ...]:
    """The `tools` and `functions` of a request."""
    tools = [_tool(item, f"tools[{index}]") for index, item in enumerate(body.array("tools"))]
    for index, item in enumerate(body.array("functions")):
        function = Fields(item, f"functions[{index}]")
        name, description, parameters = _function(function)
        tools.append(Tool(name, description, parameters, extras=LEGACY))
    return tuple(tools)


def _tool(value: Json, path: str) -> AnyTool:
    tool = Fields(value, path)
    kind = tool.text("type") or "function"
    mark = cache_mark(tool)
    function = tool.object("function") if kind == "function" else None
    if function is None:
        if kind == "function":
            raise WrongFieldError(tool.at("function"), "an object")
        assert isinstance(value, dict)
        return ServerTool(NAME, kind, value, mark)
    name, description, parameters = _function(function)
    strict = function.flag("strict")
    if function.left:
        tool.keep("function", function.left)
    return Tool(name, description, parameters, strict, mark, tool.extras(NAME))


def _function(function: Fields) -> tuple[str, str | None, JsonObject | None]:
    name, description, parameters = function.needed_text("name"), function.text("description"), None
    if (schema := function.object("parameters")) is not None:
        parameters = schema.left
    return name, description, parameters


def encode_tool(tool: Tool, *, strict: bool | None) -> JsonObject:
    """A function tool; `strict` instead of its own."""
    function: JsonObject = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if is_legacy(tool.extras):
        return function
    if strict is not None:
        function["strict"] = strict
    extra = own(tool.extras)
    if isinstance(more := extra.get("function"), dict):
        function.update(more)
    return {**extra, "type": "function", "function": function}


def decode_choice(body: Fields) -> ToolChoice | None:
    """`tool_choice`, `parallel_tool_calls` and the deprecated `function_call` of a request."""
    parallel = body.flag("parallel_tool_calls")
    choice = body.json("tool_choice")
    legacy = body.json("function_call")
    if choice is None and legacy is not None:
        return _legacy_choice(legacy)
    match choice:
        case None:
            return None if parallel is None else ToolChoice(parallel=parallel)
        case "auto" | "none" | "required":
            return ToolChoice(choice, parallel=parallel)
        case "any":  # as some vendors word it
            return ToolChoice("required", parallel=parallel)
        case {"type": "function", "function": named} | {"type": "custom", "custom": named}:
            return ToolChoice("named", (Fields(named, "tool_choice.function").needed_text("name"),), parallel=parallel)
        case {"function": named, **rest} if not rest:  # as Hugging Face words it
            return ToolChoice("named", (Fields(named, "tool_choice.function").needed_text("name"),), parallel=parallel)
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}:
            names = tuple(_allowed(tool, index) for index, tool in enumerate(tools))
            return ToolChoice("allowed", names, mode == "required", parallel)
        case _:
            raise WrongFieldError("tool_choice", "auto, none, required, or an object that names tools")


def _legacy_choice(choice: Json) -> ToolChoice:
    if choice in ("auto", "none"):
        return ToolChoice("none" if choice == "none" else "auto", extras=LEGACY)
    return ToolChoice("named", (Fields(choice, "function_call").needed_text("name"),), extras=LEGACY)


def _allowed(tool: Json, index: int) -> str:
    path = f"tool_choice.allowed_tools.tools[{index}]"
    fields = Fields(tool, path)
    inner = fields.object("function") or fields.object("custom") or fields
    return inner.needed_text("name")


def encode_choice(choice: ToolChoice, tools: tuple[AnyTool, ...]) -> JsonObject:
    """The fields of a request that say `choice` among `tools`."""
    custom = {_custom_name(tool) for tool in tools if isinstance(tool, ServerTool)}

    def reference(name: str) -> JsonObject:
        kind = "custom" if name in custom else "function"
        return {"type": kind, kind: {"name": name}}

    legacy = is_legacy(choice.extras)
    field = "function_call" if legacy else "tool_choice"
    said: JsonObject = {}
    match choice.mode:
        case None:
            pass
        case "named":
            said[field] = {"name": choice.names[0]} if legacy else reference(choice.names[0])
        case "allowed":
            allowed: list[Json] = [reference(name) for name in choice.names]
            mode = "required" if choice.required else "auto"
            said[field] = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
        case "auto" | "none" | "required":
            said[field] = choice.mode
    if choice.parallel is not None:
        said["parallel_tool_calls"] = choice.parallel
    return said


def _custom_name(tool: ServerTool) -> Json:
    inner = tool.body.get("custom")
    return inner.get("name") if isinstance(inner, dict) else None


def decode_calls(message: Fields, prefix: str) -> list[ToolCall]:
    """The calls of an assistant's message. `prefix` begins the ids of those that came without one."""
    path = message.at("tool_calls")
    calls = [
        _call(item, f"{path}[{index}]", f"{prefix}_{index}") for index, item in enumerate(message.array("tool_calls"))
    ]
    legacy = message.object("function_call")
    if legacy is not None and (name := legacy.text("name")):
        calls.append(ToolCall(f"{prefix}_f", name, call_arguments(legacy.json("arguments")), extras=LEGACY))
    return calls


def _call(value: Json, path: str, missing_id: str) -> ToolCall:
    call = Fields(value, path)
    call.json("index")
    kind = call.text("type") or "function"
    number = call.text("id") or missing_id
    mark = cache_mark(call)
    custom = call.object("custom")
    function = call.object("function")
    if kind == "custom" and custom is not None:
        name, text = custom.needed_text("name"), custom.text("input") or ""
        return ToolCall(number, name, text, custom=True, cache=mark, extras=call.extras(NAME))
    if function is None:
        raise WrongFieldError(call.at("function"), "an object")
    name, arguments = function.text("name") or "", call_arguments(function.json("arguments"))
    if function.left:
        call.keep("function", function.left)
    return ToolCall(number, name, arguments, cache=mark, extras=call.extras(NAME))


def call_arguments(value: Json) -> str:
    """The arguments as JSON text; some servers send the object itself."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def encode_call(call: ToolCall) -> JsonObject:
    """A call in `tool_calls`."""
    if call.custom:
        return {
            **own(call.extras),
            "id": call.id,
            "type": "custom",
            "custom": {"name": call.name, "input": call.arguments},
        }
    function: JsonObject = {"name": call.name, "arguments": call.arguments}
    extra = own(call.extras)
    if isinstance(more := extra.get("function"), dict):
        function.update(more)
    encoded: JsonObject = {"id": call.id, "type": "function", "function": function}
    return {**extra, **encoded} if extra and not is_legacy(call.extras) else encoded


def encode_calls(calls: list[ToolCall], *, legacy: bool) -> JsonObject:
    """The fields of a message that say `calls`. `legacy`: as the one deprecated `function_call`."""
    if not calls:
        return {}
    if legacy:
        return {"function_call": {"name": calls[0].name, "arguments": calls[0].arguments}}
    return {"tool_calls": [encode_call(call) for call in calls]}
