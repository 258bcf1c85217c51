"""Tools and the choice among them, both ways.

Two rules of the API's own: whoever sends a call or a result must declare tools, so the tools of a conversation's
calls are declared where the client declares none; and no choice forbids tools, so a client that forbids them gets them
left out, where that is possible.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import CacheMark, ToolCall, ToolResult, Turn
from keywright.core.request import AnyTool, Request, ServerTool, Tool, ToolChoice
from keywright.dialects.bedrock_converse.blocks import cache_point
from keywright.dialects.bedrock_converse.parts import kind_of, mark_of
from keywright.dialects.bedrock_converse.vendors import Manner
from keywright.dialects.bedrock_converse.wire import NAME, Node, own, report_foreign
from keywright.dialects.fields import Fields, WrongFieldError

TOOL_NAME_CHARS_MAX: Final = 64
NO_PARAMETERS: Final[JsonObject] = {"type": "object", "properties": {}}
"""The schema of a tool that takes no arguments."""

_WHY_DECLARED: Final = "Converse must be told of tools that the conversation holds calls of: the model might call them"
_MODES: Final = {"auto": "auto", "any": "required"}


def tools_of(tools: list[Json], path: str) -> tuple[AnyTool, ...]:
    """The tools that a request declares. A cache point marks the tool before it.

    Raises:
        WrongFieldError: one of them is wrong.
    """
    read: list[AnyTool] = []
    for index, tool in enumerate(tools):
        at = f"{path}[{index}]"
        kind, value = kind_of(tool, at)
        if kind == "toolSpec":
            read.append(_specified(Fields(value, f"{at}.toolSpec")))
        elif kind == "cachePoint" and read and read[-1].cache is None and (mark := mark_of(value)) is not None:
            read[-1] = _marked(read[-1], mark)
        else:
            read.append(ServerTool(NAME, kind, tool if isinstance(tool, dict) else {}))
    return tuple(read)


def choice_of(choice: Json, path: str) -> ToolChoice | None:
    """The choice that a request makes; None when it makes none, or one of a kind that is not modelled.

    Raises:
        WrongFieldError: it is no object, or names no tool where it must.
    """
    if choice is None:
        return None
    kind, value = kind_of(choice, path)
    fields = Fields(value, f"{path}.{kind}") if kind else None
    if kind == "tool" and fields is not None:
        return ToolChoice("named", (fields.needed_text("name"),))
    if kind in _MODES and fields is not None and not fields.left:
        return ToolChoice("auto" if kind == "auto" else "required")
    return None


def write_tools(
    request: Request, manner: Manner, abilities: Abilities, losses: list[Loss]
) -> tuple[Node | None, JsonObject]:
    """The `toolConfig` of a request, if it has one, and what its choice adds to the model's own fields."""
    tools, choice = request.tools, request.tool_choice
    if tools and not abilities.tools:
        losses.append(Loss("tools", "this model calls no tools", "meaning"))
        return None, {}
    forbidden = choice is not None and choice.mode == "none"
    if forbidden:
        choice = None
        tools = tools if _called(request.turns) else ()
    if choice is not None and choice.mode == "allowed":
        tools = tuple(tool for tool in tools if isinstance(tool, ServerTool) or tool.name in choice.names)
        losses.append(Loss("tool_choice", "Converse knows no allowed tools: only those are declared"))
    nodes = [node for index, tool in enumerate(tools) for node in _nodes(tool, manner, abilities, index, losses)]
    if tools and forbidden:
        losses.append(Loss("tool_choice", _WHY_DECLARED))
    if not nodes:
        nodes = _undeclared(request.turns, losses)
    if not nodes:
        if choice is not None and (choice.mode in ("required", "named") or choice.required):
            losses.append(Loss("tool_choice", "a tool is demanded and there is none", "meaning"))
        return None, {}
    config: Node = {"tools": nodes}
    written, added = (None, {}) if choice is None else _choice(choice, manner, losses)
    if written is not None:
        config["toolChoice"] = written
    return config, added


def _specified(fields: Fields) -> Tool:
    schema = fields.json("inputSchema")
    parameters = schema.get("json") if isinstance(schema, dict) else None
    if not isinstance(parameters, dict):
        raise WrongFieldError(fields.at("inputSchema.json"), "an object")
    return Tool(
        name=fields.needed_text("name"),
        description=fields.text("description"),
        parameters=parameters,
        strict=fields.flag("strict"),
        extras=fields.extras(NAME),
    )


def _marked(tool: AnyTool, mark: CacheMark) -> AnyTool:
    return replace(tool, cache=mark)


def _nodes(tool: AnyTool, manner: Manner, abilities: Abilities, index: int, losses: list[Loss]) -> list[Node]:
    """The entries of one tool: itself, and a cache point behind it."""
    path = f"tools[{index}]"
    match tool:
        case Tool():
            node = _specification(tool, abilities, path, losses)
        case ServerTool():
            if tool.origin != NAME:
                losses.append(Loss(path, f"Converse has no tool of type {tool.kind!r}", "meaning"))
                return []
            node = dict(tool.body)
        case _:
            assert_never(tool)
    if tool.cache is None:
        return [node]
    if not manner.caches:
        losses.append(Loss(f"{path}.cache", "this model knows no cache points"))
        return [node]
    return [node, {"cachePoint": cache_point(tool.cache)}]


def _specification(tool: Tool, abilities: Abilities, path: str, losses: list[Loss]) -> Node:
    if not is_name(tool.name):
        losses.append(
            Loss(f"{path}.name", "Converse takes 1 to 64 letters, digits, _ and - as a tool's name", "meaning")
        )
    node: Node = {"name": tool.name}
    if tool.description:
        node["description"] = tool.description
    node["inputSchema"] = {"json": _schema(tool.parameters)}
    if tool.strict is not None:
        if tool.strict and not abilities.json_schema:
            losses.append(Loss(f"{path}.strict", "this model does not hold to a schema"))
        else:
            node["strict"] = tool.strict
    report_foreign(tool.extras, path, losses)
    return {"toolSpec": {**node, **own(tool.extras)}}


def is_name(name: str) -> bool:
    """Whether the API takes `name` for a tool."""
    plain = name.replace("_", "a").replace("-", "a")
    return name.isascii() and plain.isalnum() and len(name) <= TOOL_NAME_CHARS_MAX


def _schema(parameters: JsonObject | None) -> JsonObject:
    """`parameters`, of which the API demands that they say to be an object."""
    if parameters is None:
        return NO_PARAMETERS
    return parameters if "type" in parameters else {"type": "object", **parameters}


def _called(turns: tuple[Turn, ...]) -> bool:
    return any(isinstance(part, ToolCall | ToolResult) for turn in turns for part in turn.parts)


def _undeclared(turns: tuple[Turn, ...], losses: list[Loss]) -> list[Node]:
    """Declarations of the tools that the conversation's calls name."""
    names = dict.fromkeys(part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall))
    if names:
        losses.append(Loss("tools", _WHY_DECLARED))
    return [{"toolSpec": {"name": name, "inputSchema": {"json": NO_PARAMETERS}}} for name in names]


def _choice(choice: ToolChoice, manner: Manner, losses: list[Loss]) -> tuple[Node | None, JsonObject]:
    """The `toolChoice`, if one must be said, and what goes to the model's own fields."""
    report_foreign(choice.extras, "tool_choice", losses)
    written: Node | None
    match choice.mode:
        case "named":
            written = {"tool": {"name": choice.names[0] if choice.names else ""}}
        case "required":
            written = {"any": {}}
        case "auto":
            written = {"auto": {}}
        case "allowed":
            written = {"any": {}} if choice.required else {"auto": {}}
        case "none" | None:
            written = None
        case _:
            assert_never(choice.mode)
    if choice.parallel is None:
        return written, {}
    if not manner.parallel:
        losses.append(Loss("tool_choice.parallel", "this model cannot be told whether calls may come together"))
        return written, {}
    said: JsonObject = {"disable_parallel_tool_use": not choice.parallel}
    return written, {"tool_choice": said if written is not None else {"type": "auto", **said}}
