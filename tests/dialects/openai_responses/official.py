"""The official schemas of the Responses API: of requests made strict, of answers and events as published."""

import json
from functools import cache
from typing import Any

import jsonschema

from tests.conftest import shared_dir
from tests.standin.official import official

Body = dict[str, Any]  # the JSON boundary


def complaint_about_request(body: Body) -> str | None:
    """What OpenAI would complain about; None when nothing.

    Its published types want an id in a reasoning item, though OpenAI takes one without: it answered 28 recorded ones.
    """
    items = body.get("input")
    if isinstance(items, list):
        named = [{"id": "rs_0", **item} if item.get("type") == "reasoning" else item for item in items]
        body = {**body, "input": named}
    file = shared_dir("specs") / "openai" / "sdk-types.schema.json"
    strict = official(file, "ResponseCreateParams", "ResponseCreateParamsNonStreaming", "ResponseCreateParamsStreaming")
    return strict.complaint(body)


def check_answer(answer: Body) -> None:
    """Raise ValidationError when `answer` is no Response object."""
    _answer().validate(answer)


def check_event(event: Body) -> None:
    """Raise ValidationError when `event` is none of the published ones."""
    _events()[event["type"]].validate(event)


@cache
def _types() -> Body:
    found: Body = json.loads((shared_dir("specs") / "openai" / "sdk-types.schema.json").read_text())
    return found


@cache
def _answer() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_types()["Response"])


@cache
def _events() -> dict[str, jsonschema.Draft202012Validator]:
    definitions = _types()["ResponseStreamEvent"]["$defs"]
    found = {}
    for name, definition in definitions.items():
        kind = definition.get("properties", {}).get("type", {}).get("const")
        if kind and "sequence_number" in definition["properties"]:
            found[kind] = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})
    return found
