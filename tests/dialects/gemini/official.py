"""Google's own descriptions of its API, made strict: a field that they do not name is an error.

Three of them, none complete: the proto files of the Gemini API, Vertex AI's discovery document, and the types of the
`google-genai` SDK, as which clients read answers. What newer models have and a description lacks is listed here.
"""

import json
from functools import cache
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match

from keywright.core.json import JsonObject
from tests.conftest import shared_dir

VERTEX = "GoogleCloudAiplatformV1"
PROTO = ".google.ai.generativelanguage.v1beta."

NEWER: dict[str, tuple[str, ...]] = {
    "ThinkingConfig": ("thinkingLevel",),
    "Part": ("toolCall", "toolResponse", "mediaResolution"),
    "ExecutableCode": ("id",),
    "CodeExecutionResult": ("id",),
    "FunctionResponseBlob": ("displayName",),
    "FunctionResponsePart": ("fileData",),
    "ToolConfig": ("includeServerSideToolInvocations",),
    "FunctionCallingConfig": ("streamFunctionCallArguments",),
    "GenerateContentRequest": ("labels", "modelArmorConfig"),
    "Tool": ("fileSearch",),
}
"""Fields that were recorded, and accepted, after the descriptions were taken."""

WORDS: dict[str, str] = {"TYPE_STRING": "str", "TYPE_BOOL": "bool", "TYPE_BYTES": "str"}
"""Scalars of the proto files that are no numbers, and their types in Python."""


class Proto:
    """The messages of the Gemini API's proto files."""

    def __init__(self) -> None:
        file = shared_dir("specs") / "gemini" / "generativelanguage.v1beta.descriptors.json"
        self._messages: dict[str, dict[str, Any]] = {}
        for description in json.loads(file.read_text()).values():
            for message in description.get("messageType", []):
                self._add(PROTO, message)

    def _add(self, prefix: str, message: dict[str, Any]) -> None:
        self._messages[prefix + message["name"]] = message
        for inner in message.get("nestedType", []):
            self._add(f"{prefix}{message['name']}.", inner)

    def complaint(self, value: Any, name: str = "GenerateContentRequest", path: str = "") -> str | None:
        """What is wrong with `value` as the message `name`, in words; None when it conforms."""
        return self._message(value, PROTO + name, path)

    def _message(self, value: Any, name: str, path: str) -> str | None:
        known = self._messages.get(name)
        if known is None or known.get("options", {}).get("mapEntry"):
            return None  # a well-known type, or a map
        if not isinstance(value, dict):
            return f"{path}: no object"
        fields = {camel(field["name"]): field for field in known.get("field", [])}
        for member, said in value.items():
            if member in NEWER.get(known["name"], ()):
                continue
            if member not in fields:
                return f"{path}.{member}: {known['name']} has no such field"
            complaint = self._field(said, fields[member], f"{path}.{member}")
            if complaint:
                return complaint
        return None

    def _field(self, value: Any, field: dict[str, Any], path: str) -> str | None:
        if field["label"] == "LABEL_REPEATED" and not self._is_map(field):
            if not isinstance(value, list):
                return f"{path}: no list"
            found = (self._one(each, field, f"{path}[{at}]") for at, each in enumerate(value))
            return next((complaint for complaint in found if complaint), None)
        return self._one(value, field, path)

    def _is_map(self, field: dict[str, Any]) -> bool:
        return str(field.get("typeName", "")).endswith("Entry")

    def _one(self, value: Any, field: dict[str, Any], path: str) -> str | None:
        if field["type"] == "TYPE_MESSAGE":
            return self._message(value, field["typeName"], path)
        wanted = WORDS.get(field["type"])
        if field["type"] == "TYPE_ENUM":
            return None if isinstance(value, str | int) else f"{path}: no word"
        right = isinstance(value, int | float) if wanted is None else type(value).__name__ == wanted
        return None if right else f"{path}: no {wanted or 'number'}"


def camel(name: str) -> str:
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@cache
def proto() -> Proto:
    """The proto files, read once."""
    return Proto()


class Schema:
    """A JSON Schema of one message."""

    def __init__(self, definitions: dict[str, Any], name: str) -> None:
        schema = {"$ref": f"#/$defs/{name}", "$defs": definitions}
        self._validator = jsonschema.Draft202012Validator(schema)

    def complaint(self, body: JsonObject) -> str | None:
        """What is wrong with `body`, in words; None when it conforms."""
        error = best_match(self._validator.iter_errors(body))
        return None if error is None else f"{error.json_path}: {error.message}"[:2000]


@cache
def vertex(name: str = "GenerateContentRequest") -> Schema:
    """Vertex AI's message `name`."""
    file = shared_dir("specs") / "vertex" / "aiplatform.v1.discovery.json"
    schemas = json.loads(file.read_text())["schemas"]
    return Schema({key: _strict(key, schema) for key, schema in schemas.items()}, VERTEX + name)


def _strict(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of a discovery document as JSON Schema that allows no other fields."""
    strict: dict[str, Any] = _converted(schema)
    if "properties" in strict:
        short = name.removeprefix(VERTEX).removeprefix("GenerationConfig")
        also: dict[str, Any] = dict.fromkeys(NEWER.get(short, ()), True)
        strict["properties"] = {**strict["properties"], **also}
        strict["additionalProperties"] = False
    return strict


def _converted(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kind = schema.get("type")
    converted: dict[str, Any] = {}
    if "properties" in schema:
        converted["properties"] = {key: _converted(inner) for key, inner in schema["properties"].items()}
    if "items" in schema:
        converted["items"] = _converted(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        converted["additionalProperties"] = _converted(schema["additionalProperties"])
    if kind == "string" and schema.get("format") in ("int64", "uint64"):
        converted["type"] = ["string", "integer"]
    elif kind == "string" and "enum" in schema:
        converted["anyOf"] = [{"enum": schema["enum"]}, {"type": "integer"}]
    elif kind not in (None, "any"):
        converted["type"] = kind
    return converted


@cache
def sdk(name: str = "GenerateContentResponse") -> Schema:
    """A type of the `google-genai` SDK, which reads answers so."""
    file = shared_dir("specs") / "gemini" / "google-genai-types.schema.json"
    schema = json.loads(file.read_text())[name]
    definitions = {**schema["$defs"], name: {key: value for key, value in schema.items() if key != "$defs"}}
    return Schema(definitions, name)
