"""OpenAI's published API as a judge: whether a request is one that it has, and an answer one that it gives."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import yaml
from jsonschema.exceptions import best_match

from tests.passage.mill import Seen

BASE = "/v1"


class Spec:
    """The document, read once."""

    def __init__(self, file: Path) -> None:
        self._document: dict[str, Any] = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)

    def complaint(self, seen: Seen) -> str | None:
        """What is wrong with a request, in words; None when it is one that the API has."""
        path, _, query = seen.target.partition("?")
        operation = self._operation(seen.method, path)
        if operation is None:
            return f"{seen.method} {path} does not exist"
        known = {parameter.get("name") for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
        unknown = {name for name, _ in parse_qsl(query)} - known
        if unknown:
            return f"{path} has no parameters {unknown}"
        content = operation.get("requestBody", {}).get("content", {})
        kind = (seen.header("content-type") or "").partition(";")[0]
        if not content:
            return "a body that nobody expects" if seen.body else None
        if kind not in content:
            return f"{path} takes {', '.join(content)}, not {kind}"
        schema = content[kind]["schema"]
        return self._form_complaint(seen, schema) if "form" in kind else self.mismatch(json.loads(seen.body), schema)

    def mismatch(self, value: Any, schema: dict[str, Any]) -> str | None:
        """Why `value` is none of `schema`; None when it is one."""
        named: dict[str, Any] = {}
        self._gather(schema, named)
        validator = jsonschema.Draft202012Validator({**schema, "components": {"schemas": named}})
        error = best_match(validator.iter_errors(value))
        return None if error is None else f"{error.json_path}: {error.message}"[:1000]

    def answer_schema(self, method: str, path: str) -> dict[str, Any] | None:
        """What a JSON answer to that request is."""
        operation = self._operation(method, path)
        content = {} if operation is None else operation["responses"]["200"].get("content", {})
        found = content.get("application/json", {}).get("schema")
        return found if isinstance(found, dict) else None

    def _gather(self, schema: Any, named: dict[str, Any]) -> None:
        """Put each definition into `named` that `schema` leads to: all of them would take seconds to look through."""
        if isinstance(schema, list):
            for item in schema:
                self._gather(item, named)
        elif isinstance(schema, dict):
            name = str(schema.get("$ref", "")).rpartition("/")[2]
            if name and name not in named:
                named[name] = self._document["components"]["schemas"][name]
                self._gather(named[name], named)
            for item in schema.values():
                self._gather(item, named)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        parts = path.removeprefix(BASE).split("/")
        for template, operations in self._document["paths"].items():
            pattern = template.split("/")
            pairs = zip(pattern, parts, strict=False)
            if len(pattern) == len(parts) and all(want == got or want[:1] == "{" for want, got in pairs):
                found = operations.get(method.lower())
                if isinstance(found, dict):
                    return found
        return None

    def _form_complaint(self, seen: Seen, schema: dict[str, Any]) -> str | None:
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        names = {name.partition("[")[0] for name, _ in fields_of(seen)}
        unknown = names - schema["properties"].keys()
        missing = set(schema.get("required", ())) - names
        return f"unknown fields {unknown}, missing {missing}" if unknown or missing else None


def fields_of(seen: Seen) -> list[tuple[str, bytes]]:
    """The fields of a form in their order, read by another reader than ours."""
    head = f"content-type: {seen.header('content-type')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + seen.body)
    fields = []
    for part in message.iter_parts():
        value = part.get_payload(decode=True)
        assert isinstance(value, bytes)
        fields.append((str(part.get_param("name", header="content-disposition")), value))
    return fields
