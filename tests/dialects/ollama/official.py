"""Ollama's published descriptions, made strict: a field that neither names is an error.

The OpenAPI document lags behind the SDK: thinking and the tool's name in a message are in the SDK's types only.
"""

import json
from functools import cache
from typing import Any

import jsonschema
import yaml

from tests.conftest import shared_dir

Schema = dict[str, Any]  # the JSON boundary
ALSO_IN_SDK = {"ChatMessage": ("thinking", "tool_name")}


def check_request(name: str, body: Schema) -> None:
    """Raise when `body` is no `ChatRequest` or `GenerateRequest`."""
    _openapi(name).validate(body)


def check_answer(name: str, body: Schema) -> None:
    """Raise when `body` is no answer of that name by the OpenAPI document, or none that the SDK reads."""
    _openapi(name.replace("SDK", "")).validate(body)
    _sdk("ChatResponse" if name.startswith("Chat") else "GenerateResponse").validate(body)


@cache
def _openapi(name: str) -> "jsonschema.protocols.Validator":
    document = yaml.safe_load((shared_dir("specs") / "ollama" / "openapi.yaml").read_text())
    schemas = {key: _closed(key, schema) for key, schema in document["components"]["schemas"].items()}
    if name.endswith("Request"):
        return jsonschema.Draft202012Validator(
            {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        )
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **document})


@cache
def _sdk(name: str) -> "jsonschema.protocols.Validator":
    types = json.loads((shared_dir("specs") / "ollama" / "sdk-types.schema.json").read_text())
    return jsonschema.Draft202012Validator(types[name])


def _closed(name: str, schema: Schema) -> Schema:
    if "properties" not in schema or "additionalProperties" in schema:
        return schema
    also = dict.fromkeys(ALSO_IN_SDK.get(name, ()), True)
    inner = {key: _closed("", value) for key, value in schema["properties"].items()}
    return {**schema, "properties": {**inner, **also}, "additionalProperties": False}
