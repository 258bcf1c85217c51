"""Tools, and the choice among them.

`strict` is true by default here and nowhere else. So a tool that does not say it, of a client of another dialect, is
sent with `strict: false`; and one that a client of this dialect leaves open (`strict: null` says the same) is
remembered to be so in its extras, for other dialects know no such thing as "strict, if possible".

Free-text tools (`custom`) are those of chat completions in another spelling, and canonical in that one's name. A choice
that is not among the client's own tools stays in the request's extras, as the client said it.
"""

from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.core.request import AnyTool, ServerTool, Tool, ToolChoice
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_chat.request_out import keeps_strict_rules
from keywright.dialects.openai_responses.fields import CHAT, NAME, own
from keywright.dialects.openai_responses.target import Target

_CUSTOM_FIELDS: Final = frozenset(("type", "name", "description", "format"))
_CALLABLE: Final = ("function", "custom")


def decode_tools(body: Fields) -> tuple[AnyTool, ...]:
    """The `tools` of a request."""
    return tuple(_tool(item, f"tools[{index}]") for index, item in enumerate(body.array("tools")))


def _tool(value: Json, path: str) -> AnyTool:
    tool = Fields(value, path)
    kind = tool.needed_text("type")
    if kind == "custom" and tool.left.keys() <= _CUSTOM_FIELDS:
        return ServerTool(CHAT, kind, {"type": kind, kind: _chat_custom(tool)})
    if kind != "function":
        assert isinstance(value, dict)
        return ServerTool(NAME, kind, value)
    name, description, strict = tool.needed_text("name"), tool.text("description"), tool.flag("strict")
    schema = tool.object("parameters")
    if strict is None:
        tool.keep("strict", None)
    return Tool(name, description, None if schema is None else schema.left, strict, extras=tool.extras(NAME))


def _chat_custom(tool: Fields) -> JsonObject:
    """A free-text tool as chat completions have it: the grammar one level deeper."""
    name, description, form = tool.needed_text("name"), tool.text("description"), tool.json("format")
    custom: JsonObject = {"name": name}
    if description is not None:
        custom["description"] = description
    if isinstance(form, dict):
        kind = form.get("type")
        inner: JsonObject = {field: value for field, value in form.items() if field != "type"}
        custom["format"] = {"type": kind, str(kind): inner} if inner else form
    return custom


def encode_tool(tool: AnyTool, path: str, target: Target) -> JsonObject | None:
    """The tool as this wire has it; None when it has none like it, which is reported."""
    if isinstance(tool, ServerTool):
        custom = tool.body.get("custom")
        if tool.origin == CHAT and tool.kind == "custom" and isinstance(custom, dict):
            return _own_custom(custom)
        if tool.origin == NAME:
            return tool.body
        target.meaning(path, f"only {tool.origin} runs the tool {tool.kind}")
        return None
    extra = target.extras(tool.extras, path)
    if tool.cache is not None:
        target.knob(f"{path}.cache", "OpenAI caches by itself and refuses marks")
    return {**function_tool(tool, strict=_strict(tool, path, target)), **extra}


def function_tool(tool: Tool, *, strict: bool | None) -> JsonObject:
    """A function, without its extras."""
    said: JsonObject = {"type": "function", "name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    said["parameters"] = tool.parameters
    said["strict"] = strict
    return said


def shown_tool(tool: AnyTool) -> JsonObject | None:
    """The tool as an answer repeats it."""
    if isinstance(tool, Tool):
        return {**function_tool(tool, strict=tool.strict), **own(tool.extras)}
    custom = tool.body.get("custom")
    if tool.origin == CHAT and isinstance(custom, dict):
        return _own_custom(custom)
    return tool.body if tool.origin == NAME else None


def _own_custom(custom: JsonObject) -> JsonObject:
    said: JsonObject = {"type": "custom", **custom}
    form = custom.get("format")
    if isinstance(form, dict):
        inner = form.get(str(form.get("type")))
        said["format"] = {"type": form.get("type"), **inner} if isinstance(inner, dict) else form
    return said


def _strict(tool: Tool, path: str, target: Target) -> bool | None:
    if tool.strict and tool.parameters is not None and not keeps_strict_rules(tool.parameters):
        target.knob(f"{path}.strict", "OpenAI wants every property required and no others allowed in a strict schema")
        return False
    return bool(tool.strict)


def decode_choice(body: Fields) -> ToolChoice | None:
    """`tool_choice` and `parallel_tool_calls` of a request."""
    parallel = body.flag("parallel_tool_calls")
    choice = body.json("tool_choice")
    match choice:
        case None:
            return None if parallel is None else ToolChoice(parallel=parallel)
        case "auto" | "none" | "required":
            return ToolChoice(choice, parallel=parallel)
        case {"type": "function" | "custom", "name": str(name)}:
            return ToolChoice("named", (name,), parallel=parallel)
        case {"type": "allowed_tools", "mode": mode, "tools": list(tools)} if all(map(_is_callable, tools)):
            names = tuple(Fields(tool).needed_text("name") for tool in tools)
            return ToolChoice("allowed", names, mode == "required", parallel)
        case {"type": str()}:
            body.keep("tool_choice", choice)
            return None if parallel is None else ToolChoice(parallel=parallel)
        case _:
            raise WrongFieldError("tool_choice", "auto, none, required, or an object that names tools")


def _is_callable(tool: Json) -> bool:
    return isinstance(tool, dict) and tool.get("type") in _CALLABLE and isinstance(tool.get("name"), str)


def encode_choice(choice: ToolChoice, tools: tuple[AnyTool, ...]) -> JsonObject:
    """The fields of a request that say `choice` among `tools`."""
    shown = [shown_tool(tool) for tool in tools if isinstance(tool, ServerTool)]
    custom = [tool.get("name") for tool in shown if tool is not None]

    def reference(name: str) -> JsonObject:
        return {"type": "custom" if name in custom else "function", "name": name}

    said: JsonObject = {}
    match choice.mode:
        case None:
            pass
        case "named":
            said["tool_choice"] = reference(choice.names[0])
        case "allowed":
            allowed: list[Json] = [reference(name) for name in choice.names]
            mode = "required" if choice.required else "auto"
            said["tool_choice"] = {"type": "allowed_tools", "mode": mode, "tools": allowed}
        case "auto" | "none" | "required":
            said["tool_choice"] = choice.mode
    if choice.parallel is not None:
        said["parallel_tool_calls"] = choice.parallel
    return said
