"""OpenAI's published description of completions, made strict: a field that it does not name is an error."""

from functools import cache
from typing import Any

import jsonschema
import yaml

from tests.conftest import shared_dir

Schema = dict[str, Any]  # the JSON boundary
NEEDED = (
    "CreateCompletionRequest",
    "CreateCompletionResponse",
    "StopConfiguration",
    "ChatCompletionStreamOptions",
    "CompletionUsage",
)


def check_request(body: Schema) -> None:
    """Raise when `body` is no request."""
    _validator("CreateCompletionRequest").validate(body)


def check_answer(body: Schema) -> None:
    """Raise when `body` is no answer. The usage, which is that of chat completions, is not looked at.

    A chunk's choice has no reason yet, which the document forgets.
    """
    _validator("CreateCompletionResponse").validate({key: value for key, value in body.items() if key != "usage"})


@cache
def _schemas() -> Schema:
    lines = (shared_dir("specs") / "openai" / "openapi.yaml").read_text().split("\n")
    return {name: _settled(yaml.safe_load("\n".join(_block(lines, name)))[name]) for name in NEEDED}


def _block(lines: list[str], name: str) -> list[str]:
    """The lines of one schema: the whole document takes a minute to read."""
    start = lines.index(f"    {name}:")
    after = (at for at in range(start + 1, len(lines)) if lines[at].strip() and not lines[at].startswith("     "))
    return [line[4:] for line in lines[start : next(after)]]


def _settled(value: Any) -> Any:
    """The schema closed, with `nullable` in the words of JSON Schema."""
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if not isinstance(value, dict):
        return value
    settled = {key: _settled(item) for key, item in value.items() if key != "example"}
    if "properties" in settled:
        settled["additionalProperties"] = False
    if settled.pop("nullable", False):
        return {"anyOf": [settled, {"type": "null"}]}
    return settled


@cache
def _validator(name: str) -> "jsonschema.protocols.Validator":
    schemas = _schemas()
    reason = schemas["CreateCompletionResponse"]["properties"]["choices"]["items"]["properties"]["finish_reason"]
    if None not in reason["enum"]:
        reason["type"] = ["string", "null"]
        reason["enum"].append(None)
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})
