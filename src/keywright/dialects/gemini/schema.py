"""The API's own schemas, a subset of OpenAPI 3.0, as JSON Schema.

They differ in how a type is written (`STRING`, or the enum's number), in `nullable`, and in whole numbers written as
strings, as proto3 JSON does with 64 bits. What is JSON Schema already comes out as it was.
"""

from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.dialects.gemini.wire import camel

_TYPES: Final = ("", "string", "number", "integer", "boolean", "array", "object", "null")
_COUNTS: Final = frozenset(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"))
_INNER: Final = frozenset(("items", "additionalProperties"))
_LISTS: Final = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))
_MAPS: Final = frozenset(("properties", "$defs", "definitions"))


def json_schema(schema: Json) -> JsonObject:
    """`schema` as JSON Schema; {} when it is no object."""
    if not isinstance(schema, dict):
        return {}
    read: JsonObject = {}
    nullable = False
    for said, value in schema.items():
        name = camel(said) if "_" in said else said
        if name == "type":
            read[name] = _type(value)
        elif name == "nullable":
            nullable = value is True
        elif name in _MAPS and isinstance(value, dict):
            read[name] = {key: json_schema(inner) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list):
            read[name] = [json_schema(inner) for inner in value]
        elif name in _INNER and isinstance(value, dict):
            read[name] = json_schema(value)
        elif name in _COUNTS and isinstance(value, str) and value.isdecimal():
            read[name] = int(value)
        else:
            read[name] = value
    return _nullable(read) if nullable else read


def _type(value: Json) -> Json:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, int) and 0 < value < len(_TYPES):
        return _TYPES[value]
    return [_type(each) for each in value] if isinstance(value, list) else value


def _nullable(schema: JsonObject) -> JsonObject:
    """`schema`, or null."""
    kind = schema.get("type")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
        options = schema.get("enum")
        if isinstance(options, list) and None not in options:
            schema["enum"] = [*options, None]
        return schema
    options = schema.get("anyOf")
    if isinstance(options, list):
        schema["anyOf"] = [*options, {"type": "null"}]
    return schema
