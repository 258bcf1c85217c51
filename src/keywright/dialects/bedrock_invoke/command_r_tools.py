"""Command R's tools: a flat list of parameters, each with a name, a type and a description."""

from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import AnyTool, ServerTool, Tool
from keywright.dialects.bedrock_invoke.wire import NAME
from keywright.dialects.fields import Fields

TYPES: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
}
"""JSON Schema's types in this wire's words."""

_SCHEMA_TYPES: Final = {word: kind for kind, word in TYPES.items()}
_SAYABLE: Final = frozenset({"type", "description"})


def tool_of(fields: Fields) -> Tool:
    """The tool that a declaration is.

    Raises:
        WrongFieldError: a member is missing or of the wrong type.
    """
    properties: JsonObject = {}
    required: list[Json] = []
    definitions = fields.object("parameter_definitions")
    for name, definition in (definitions.left if definitions is not None else {}).items():
        each = Fields(definition, f"{fields.at('parameter_definitions')}.{name}")
        kind = each.text("type") or "str"
        node: JsonObject = {"type": _SCHEMA_TYPES.get(kind.partition("[")[0].lower(), kind)}
        if (description := each.text("description")) is not None:
            node["description"] = description
        if each.flag("required"):
            required.append(name)
        properties[name] = node
    schema: JsonObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return Tool(fields.needed_text("name"), fields.text("description"), schema, extras=fields.extras(NAME))


def tool_nodes(tool: AnyTool, index: int, losses: list[Loss]) -> list[JsonObject]:
    """The declaration of a tool; none, with a loss, where there can be none."""
    path = f"tools[{index}]"
    if isinstance(tool, ServerTool):
        losses.append(Loss(path, f"Command R has no tool of type {tool.kind!r}", "meaning"))
        return []
    schema = tool.parameters or {}
    properties, required = schema.get("properties"), schema.get("required")
    definitions: JsonObject = {}
    flattened = False
    for name, said in (properties if isinstance(properties, dict) else {}).items():
        each = said if isinstance(said, dict) else {}
        kind = each.get("type")
        flattened = flattened or bool(each.keys() - _SAYABLE)
        definition: JsonObject = {"type": TYPES.get(kind if isinstance(kind, str) else "", "str")}
        if isinstance(description := each.get("description"), str):
            definition["description"] = description
        definition["required"] = isinstance(required, list) and name in required
        definitions[name] = definition
    if flattened:
        losses.append(Loss(f"{path}.parameters", "Command R is told names, types and descriptions only"))
    if tool.strict:
        losses.append(Loss(f"{path}.strict", "Command R does not hold to a schema"))
    node: JsonObject = {"name": tool.name, "description": tool.description or tool.name}
    if definitions:
        node["parameter_definitions"] = definitions
    return [node]
