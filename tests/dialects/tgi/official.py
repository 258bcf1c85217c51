"""Hugging Face's published descriptions of text generation, made strict: a field that they do not name is an error."""

import json
from functools import cache
from typing import Any

import jsonschema

from tests.conftest import shared_dir

Schema = dict[str, Any]  # the JSON boundary


def check_request(body: Schema) -> None:
    """Raise when `body` is no request."""
    _validator("input").validate(body)


def check_answer(body: Schema) -> None:
    """Raise when `body` is no whole answer."""
    _validator("output").validate(body)


def check_frame(body: Schema) -> None:
    """Raise when `body` is no frame of a stream."""
    _validator("stream_output").validate(body)


@cache
def _validator(name: str) -> jsonschema.Draft7Validator:
    file = shared_dir("specs") / "huggingface" / f"text-generation.{name}.json"
    return jsonschema.Draft7Validator(_settled(json.loads(file.read_text())))


def _settled(value: Any) -> Any:
    """The schema closed, with `nullable` in the words of JSON Schema."""
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if not isinstance(value, dict):
        return value
    settled = {key: _settled(item) for key, item in value.items() if key not in ("example", "$id", "discriminator")}
    if isinstance(settled.get("properties"), dict) and "type" in settled:
        settled["additionalProperties"] = False
    if settled.pop("nullable", False) is True:
        return {"anyOf": [settled, {"type": "null"}]}
    return settled
