"""Mistral's published descriptions: of requests, which allow no field that they do not name, and of answers."""

import json
from functools import cache
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import best_match

from tests.conftest import shared_dir

Body = dict[str, Any]  # the JSON boundary


@cache
def published(name: str = "ChatCompletionRequest") -> jsonschema.Draft202012Validator:
    """The published schema `name`."""
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": _components()})


@cache
def official(name: str) -> jsonschema.Draft202012Validator:
    """A type of Mistral's own SDK."""
    types = json.loads((shared_dir("specs") / "mistral" / "sdk-types.schema.json").read_text())
    return jsonschema.Draft202012Validator(types[name])


def complaint(validator: jsonschema.Draft202012Validator, body: Body) -> str | None:
    """What is wrong with `body`, in words; None when it conforms."""
    error = best_match(validator.iter_errors(body))
    return None if error is None else f"{error.json_path}: {error.message}"[:500]


@cache
def _components() -> Body:
    text = (shared_dir("specs") / "mistral" / "openapi-public-doc.yaml").read_text()
    components: Body = yaml.load(text, Loader=yaml.CSafeLoader)["components"]
    return components
