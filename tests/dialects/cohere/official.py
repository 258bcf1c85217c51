"""The types of Cohere's own SDK, as JSON Schema. Of a request they describe its messages and tools."""

import json
from functools import cache
from typing import Any

import jsonschema

from tests.conftest import shared_dir


@cache
def official(name: str) -> jsonschema.Draft202012Validator:
    """The type `name`."""
    types = json.loads((shared_dir("specs") / "cohere" / "sdk-types.schema.json").read_text())
    return jsonschema.Draft202012Validator(types[name])


def check_request(body: dict[str, Any]) -> None:
    """Raise ValidationError when a message or a tool of `body` is none."""
    for message in body["messages"]:
        official("ChatMessageV2").validate(message)
    for tool in body.get("tools", ()):
        official("ToolV2").validate(tool)
