"""The OpenAPI description: what Litestar says of the routes, and what all of them have in common. Always the same."""

from collections.abc import Mapping
from re import compile as pattern
from typing import Any, Final

import msgspec

from keywright.control.resources import Problem

TITLE: Final = "Keywright administration"
REFERENCE: Final = "#/components/schemas/{name}"
PAGE: Final = pattern(rb"Page_[\w.]+?\.(\w+?)_(?=[\"/])")
"""What Litestar calls a page of rows."""
METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})

SECURITY: Final[Mapping[str, Mapping[str, str]]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key that may administer."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."},
}
IDEMPOTENCY: Final[Mapping[str, Any]] = {
    "name": "idempotency-key",
    "in": "header",
    "required": False,
    "description": "The same request with the same key within a day is answered as the first was.",
    "schema": {"type": "string", "maxLength": 255},
}


def described(generated: Mapping[str, Any]) -> bytes:
    """The description as JSON."""
    (_, problem) = msgspec.json.schema_components([Problem], ref_template=REFERENCE)
    document = dict(generated)
    components = dict(document.get("components", {}))
    components["schemas"] = {**components.get("schemas", {}), **problem}
    components["securitySchemes"] = SECURITY
    document["components"] = components
    document["security"] = [{name: []} for name in SECURITY]
    document["paths"] = {path: _path(item) for path, item in sorted(document["paths"].items())}
    return PAGE.sub(rb"\1Page", msgspec.json.encode(document, order="sorted"))


def parameters(generated: Mapping[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """The names of the parameters that a query may have, by path and method."""
    return {
        (path, method.upper()): frozenset(
            parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"
        )
        for path, item in generated["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def _path(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _operation(name, value) if name in METHODS else value for name, value in item.items()}


def _operation(method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    answers = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    answers["default"] = {
        "description": "What is wrong",
        "content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(name=Problem.__name__)}}},
    }
    changed = {**operation, "responses": answers, "deprecated": False}
    if method == "post":
        changed["parameters"] = [*operation.get("parameters", ()), IDEMPOTENCY]
    return changed
