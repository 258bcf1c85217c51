"""The official JSON Schema of a provider's request, made strict: a field that it does not name is an error.

The published schemas allow unknown fields everywhere (they are derived from SDK types); the providers do not.
"""

import json
from functools import cache
from pathlib import Path

import jsonschema
from jsonschema.exceptions import best_match

from keywright.core.json import Json, JsonObject

ALSO_ACCEPTED: dict[str, tuple[str, ...]] = {
    # An assistant turn may be sent back as it was received.
    "ChatCompletionAssistantMessageParam": ("annotations",),
    # Left the SDK's types; the API still takes them for the models that had them.
    "MessageCreateParamsNonStreaming": ("temperature", "top_p", "top_k"),
    "MessageCreateParamsStreaming": ("temperature", "top_p", "top_k"),
    # What a server tool answered is sent back as it was received.
    "ToolUseBlockParam": ("caller",),
}


class Official:
    """The validator of one request type."""

    def __init__(self, schema: JsonObject, plain: str, streaming: str) -> None:
        definitions = schema["$defs"]
        assert isinstance(definitions, dict)
        strict: JsonObject = {name: _strict(name, definition) for name, definition in definitions.items()}
        self._plain = _validator(strict, plain)
        self._streaming = _validator(strict, streaming)

    def complaint(self, body: JsonObject) -> str | None:
        """What is wrong with `body`, in words; None when it conforms."""
        validator = self._streaming if body.get("stream") else self._plain
        error = best_match(validator.iter_errors(body))
        return None if error is None else f"{error.json_path}: {error.message}"[:2000]


@cache
def official(file: Path, name: str, plain: str, streaming: str) -> Official:
    """The validator for the type `name` in `file`; built once."""
    return Official(json.loads(file.read_text())[name], plain, streaming)


class Strict:
    """The validator of one type that is no whole request."""

    def __init__(self, name: str, schema: JsonObject) -> None:
        definitions = schema.get("$defs")
        assert isinstance(definitions, dict)
        whole = _strict(name, schema)
        assert isinstance(whole, dict)
        strict: JsonObject = {inner: _strict(inner, definition) for inner, definition in definitions.items()}
        self._validator = jsonschema.Draft202012Validator({**whole, "$defs": strict})

    def complaint(self, value: Json) -> str | None:
        """What is wrong with `value`, in words; None when it conforms."""
        error = best_match(self._validator.iter_errors(value))
        return None if error is None else f"{error.json_path}: {error.message}"[:2000]


@cache
def strict_type(file: Path, name: str) -> Strict:
    """The validator for the type `name` in `file`; built once."""
    return Strict(name, json.loads(file.read_text())[name])


def _strict(name: str, definition: Json) -> Json:
    if (
        not isinstance(definition, dict)
        or "properties" not in definition
        or definition.get("additionalProperties", True) is not True
    ):
        return definition
    properties = definition["properties"]
    assert isinstance(properties, dict)
    also: JsonObject = dict.fromkeys(ALSO_ACCEPTED.get(name, ()), True)
    return {**definition, "properties": {**properties, **also}, "additionalProperties": False}


def _validator(definitions: JsonObject, name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})
