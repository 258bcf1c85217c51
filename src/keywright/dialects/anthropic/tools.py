"""Tools and the choice among them, both ways."""

from typing import Final, Literal, assert_never

from keywright.core.ability import Abilities
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import AnyTool, Request, ServerTool, Tool, ToolChoice
from keywright.dialects.anthropic.wire import (
    NAME,
    Node,
    ShapeError,
    an_object,
    boolean_or_none,
    cache_of,
    completed,
    extras_of,
    mark,
    report_foreign,
    rest_of,
    string,
    string_or_none,
)

NO_PARAMETERS: Final[JsonObject] = {"type": "object", "properties": {}}
"""The schema of a tool that takes no arguments."""

_TOOL: Final = frozenset({"name", "description", "input_schema", "strict", "cache_control"})
_SERVER: Final = frozenset({"cache_control"})
_MODES: Final[dict[str, Literal["auto", "required", "none"]]] = {"auto": "auto", "any": "required", "none": "none"}
_CHOICE: Final = frozenset({"type", "name", "disable_parallel_tool_use"})


def tools_of(tools: Json) -> tuple[AnyTool, ...]:
    """The tools that a request declares.

    Raises:
        ShapeError: it is no list, or one of them is wrong.
    """
    if tools is None:
        return ()
    if not isinstance(tools, list):
        raise ShapeError("tools", "must be a list")
    read: list[AnyTool] = []
    for tool in tools:
        try:
            read.append(_tool_of(an_object(tool)))
        except ShapeError as error:
            raise error.within(f"tools[{len(read)}]") from None
    return tuple(read)


def _tool_of(tool: JsonObject) -> AnyTool:
    kind = string_or_none(tool, "type")
    if kind is not None and kind != "custom":
        return ServerTool(NAME, kind, rest_of(tool, _SERVER), cache_of(tool))
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise ShapeError("input_schema", "must be an object")
    return Tool(
        name=string(tool, "name"),
        description=string_or_none(tool, "description"),
        parameters=schema,
        strict=boolean_or_none(tool, "strict"),
        cache=cache_of(tool),
        extras=extras_of(tool, _TOOL | {"type"}),
    )


def choice_of(choice: Json) -> ToolChoice | None:
    """The choice that a request makes; None when it makes none, or one of a kind that is not modelled.

    Raises:
        ShapeError: it is no object with a type, or names no tool where it must.
    """
    if choice is None:
        return None
    choice = an_object(choice)
    kind = string(choice, "type")
    if choice.keys() - _CHOICE:
        return None
    disabled = boolean_or_none(choice, "disable_parallel_tool_use")
    parallel = None if disabled is None else not disabled
    if kind in _MODES:
        return ToolChoice(_MODES[kind], parallel=parallel)
    if kind == "tool":
        return ToolChoice("named", (string(choice, "name"),), parallel=parallel)
    return None


def write_tools(request: Request, abilities: Abilities, body: Node, losses: list[Loss]) -> None:
    """Put `tools` and `tool_choice` into `body`."""
    tools = request.tools
    if tools and not abilities.tools:
        losses.append(Loss("tools", "this model calls no tools", "meaning"))
        return
    choice = request.tool_choice
    if choice is not None and choice.mode == "allowed":
        tools = tuple(tool for tool in tools if isinstance(tool, ServerTool) or tool.name in choice.names)
        losses.append(Loss("tool_choice.names", "the Messages API knows no allowed tools: only those are declared"))
    nodes = [
        node
        for index, tool in enumerate(tools)
        if (node := _tool(tool, abilities, f"tools[{index}]", losses)) is not None
    ]
    if nodes:
        body["tools"] = nodes
    if choice is not None:
        _write_choice(choice, body, losses)


def _tool(tool: AnyTool, abilities: Abilities, path: str, losses: list[Loss]) -> Node | None:
    match tool:
        case Tool():
            node: Node = {"name": tool.name, "input_schema": _schema(tool.parameters)}
            if tool.description is not None:
                node["description"] = tool.description
            if tool.strict is not None:
                if tool.strict and not abilities.json_schema:
                    losses.append(Loss(f"{path}.strict", "this model does not hold to a schema"))
                else:
                    node["strict"] = tool.strict
            report_foreign(tool.extras, path, losses)
            return completed(node, tool.cache, tool.extras)
        case ServerTool():
            if tool.origin != NAME:
                losses.append(Loss(path, f"the Messages API has no tool of type {tool.kind!r}", "meaning"))
                return None
            body: Node = dict(tool.body)
            if tool.cache is not None:
                body["cache_control"] = mark(tool.cache)
            return body
        case _:
            assert_never(tool)


def _schema(parameters: JsonObject | None) -> JsonObject:
    """`parameters`, of which the API demands that they say to be an object."""
    if parameters is None:
        return NO_PARAMETERS
    return parameters if "type" in parameters else {"type": "object", **parameters}


def _write_choice(choice: ToolChoice, body: Node, losses: list[Loss]) -> None:
    report_foreign(choice.extras, "tool_choice", losses)
    if "tools" not in body:
        if choice.mode in ("required", "named") or choice.required:
            losses.append(Loss("tool_choice", "a tool is demanded and there is none", "meaning"))
        return
    node: Node
    match choice.mode:
        case "named":
            node = {"type": "tool", "name": choice.names[0] if choice.names else ""}
        case "required":
            node = {"type": "any"}
        case "none":
            body["tool_choice"] = {"type": "none"}
            return
        case "allowed":
            node = {"type": "any" if choice.required else "auto"}
        case "auto" | None:
            node = {"type": "auto"}
        case _:
            assert_never(choice.mode)
    if choice.parallel is not None:
        node["disable_parallel_tool_use"] = not choice.parallel
    elif choice.mode is None:
        return
    body["tool_choice"] = node
