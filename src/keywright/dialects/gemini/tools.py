"""Tools and the choice among them, both ways.

Functions are declared together, each with its JSON Schema, and each tool that the API runs itself stands alone. The
modes: `AUTO`; `ANY`, a call is demanded; `NONE`; and `VALIDATED`, which leaves the choice and holds calls to their
schemas. Only `ANY` and `VALIDATED` take a list of allowed functions, so these under a free choice are `VALIDATED`.
"""

from typing import Final, Literal, assert_never

from keywright.core.ability import Abilities
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import AnyTool, Request, ServerTool, Tool, ToolChoice
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.schema import json_schema
from keywright.dialects.gemini.wire import (
    NAME,
    Node,
    completed,
    inner,
    listed,
    message,
    own,
    report_foreign,
    respelled,
    word,
)

_FUNCTIONS: Final = "functionDeclarations"
_MODES: Final = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
_Mode = Literal["auto", "none", "required"]
_CANONICAL: Final[dict[str, _Mode]] = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}


def tools_of(body: Fields) -> tuple[AnyTool, ...]:
    """The tools of a request, whose `tools` are taken away.

    Raises:
        WrongFieldError: something in them is of the wrong type.
    """
    tools: list[AnyTool] = []
    for index, value in enumerate(listed(body, "tools")):
        tool = message(value, f"tools[{index}]")
        for number, declared in enumerate(listed(tool, _FUNCTIONS)):
            tools.append(_function(message(declared, tool.at(f"{_FUNCTIONS}[{number}]"))))
        for kind, said in tool.left.items():
            tools.append(ServerTool(NAME, kind, {kind: respelled(said, tool.at(kind))}))
    return tuple(tools)


def _function(declared: Fields) -> Tool:
    name, description = declared.needed_text("name"), declared.text("description")
    schema, own_schema = declared.json("parametersJsonSchema"), declared.json("parameters")
    parameters: JsonObject | None = None
    if schema is not None:
        if not isinstance(schema, dict):
            raise WrongFieldError(declared.at("parametersJsonSchema"), "an object")
        parameters = schema
    elif own_schema is not None:
        parameters = json_schema(own_schema)
    return Tool(name, description, parameters, extras=declared.extras(NAME))


def choice_of(config: Fields) -> ToolChoice | None:
    """The choice that a `toolConfig` makes, whose `functionCallingConfig` is taken away.

    Raises:
        WrongFieldError: something in it is of the wrong type.
    """
    calling = inner(config, "functionCallingConfig")
    if calling is None:
        return None
    said = calling.json("mode")
    mode = "MODE_UNSPECIFIED" if said is None else word(said, _MODES, calling.at("mode"))
    names = tuple(name for name in calling.array("allowedFunctionNames") if isinstance(name, str))
    if mode not in _CANONICAL:
        if mode != "MODE_UNSPECIFIED":
            raise WrongFieldError(calling.at("mode"), f"one of {', '.join(_MODES[1:])}")
        return ToolChoice(extras=calling.extras(NAME)) if calling.left else None
    if mode == "VALIDATED" and not names:
        calling.keep("mode", mode)
    extras = calling.extras(NAME) if calling.left else NO_EXTRAS
    canonical = _CANONICAL[mode]
    if not names or canonical == "none":
        return ToolChoice(canonical, extras=extras)
    if canonical == "required" and len(names) == 1:
        return ToolChoice("named", names, extras=extras)
    return ToolChoice("allowed", names, required=canonical == "required", extras=extras)


def write_tools(request: Request, abilities: Abilities, body: Node, losses: list[Loss]) -> None:
    """Put `tools` and `toolConfig` into `body`."""
    if request.tools and not abilities.tools:
        losses.append(Loss("tools", "this model calls no tools", "meaning"))
        return
    functions: list[Node] = []
    tools: list[Json] = []
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        match tool:
            case Tool():
                functions.append(_declaration(tool, path, losses))
            case ServerTool(origin, kind, said):
                if origin == NAME:
                    tools.append(said)
                else:
                    losses.append(Loss(path, f"Gemini has no tool of type {kind!r}", "meaning"))
            case _:
                assert_never(tool)
    declared: list[object] = [{_FUNCTIONS: functions}] if functions else []
    if declared or tools:
        body["tools"] = declared + tools
    if request.tool_choice is not None:
        _write_choice(request.tool_choice, body, losses)


def _declaration(tool: Tool, path: str, losses: list[Loss]) -> Node:
    node: Node = {"name": tool.name}
    if tool.description is not None:
        node["description"] = tool.description
    if tool.parameters is not None:
        node["parametersJsonSchema"] = tool.parameters
    if tool.strict:
        losses.append(Loss(f"{path}.strict", "Gemini holds to schemas for all functions or none"))
    if tool.cache is not None:
        losses.append(Loss(f"{path}.cache", "Gemini caches by itself and has no marks"))
    report_foreign(tool.extras, path, losses)
    return completed(node, tool.extras)


def _write_choice(choice: ToolChoice, body: Node, losses: list[Loss]) -> None:
    report_foreign(choice.extras, "tool_choice", losses)
    if choice.parallel is False:
        losses.append(Loss("tool_choice.parallel", "Gemini decides itself how many calls it makes at once"))
    if "tools" not in body:
        if choice.mode in ("required", "named") or choice.required:
            losses.append(Loss("tool_choice", "a tool is demanded and there is none", "meaning"))
        return
    calling: Node = {}
    match choice.mode:
        case "auto":
            calling["mode"] = "AUTO"
        case "none":
            calling["mode"] = "NONE"
        case "required":
            calling["mode"] = "ANY"
        case "named":
            calling |= {"mode": "ANY", "allowedFunctionNames": list(choice.names)}
        case "allowed":
            mode = "ANY" if choice.required else "VALIDATED"
            calling |= {"mode": mode, "allowedFunctionNames": list(choice.names)}
        case None:
            pass
        case _:
            assert_never(choice.mode)
    calling |= own(choice.extras)
    if calling:
        body["toolConfig"] = {"functionCallingConfig": calling}
