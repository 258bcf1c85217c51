"""A validator of AWS's service models (botocore's `service-2.json`): what its SDKs would refuse to send, and more.

Strict: unknown members, members of the wrong type, missing required ones, unions with more or less than one member,
lengths, ranges, patterns and enumerations are all complaints. The SDK checks only some of these; the service all.
"""

import json
import re
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any

Shape = dict[str, Any]  # the model file is plain JSON

_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
    "blob": str,
}


class ServiceModel:
    """The shapes of one service."""

    def __init__(self, model: Shape) -> None:
        self._shapes: dict[str, Shape] = model["shapes"]
        self._operations: dict[str, Shape] = model["operations"]

    def input_complaint(self, operation: str, body: Any) -> str | None:
        """What is wrong with a request's body, in words; None when it conforms. What stands in the path or in
        headers is not asked for.
        """
        shape = self._shapes[self._operations[operation]["input"]["shape"]]
        return self._structure(_in_body(shape), body, "$")

    def output_complaint(self, operation: str, body: Any) -> str | None:
        """What is wrong with an answer's body."""
        return self.complaint(self._operations[operation]["output"]["shape"], body)

    def complaint(self, name: str, value: Any, path: str = "$") -> str | None:
        """What is wrong with `value`, which should be of the shape `name`."""
        shape = self._shapes[name]
        if shape.get("document"):
            return None  # any JSON
        kind = shape["type"]
        if not _is(value, kind):
            return f"{path}: {value!r:.60} is no {kind}"
        match kind:
            case "structure":
                return self._structure(shape, value, path)
            case "list":
                inner = shape["member"]["shape"]
                found = [self.complaint(inner, each, f"{path}[{index}]") for index, each in enumerate(value)]
                return _first([_length(shape, value, path), *found])
            case "map":
                return _first([_length(shape, value, path), *self._map(shape, value, path)])
            case "string":
                return _first([_length(shape, value, path), _spelling(shape, value, path)])
            case "blob":
                return _blob(shape, value, path)
            case _:
                return None if kind == "boolean" else _range(shape, value, path)

    def _structure(self, shape: Shape, value: Any, path: str) -> str | None:
        if not isinstance(value, dict):
            return f"{path}: {value!r:.60} is no structure"
        members = shape["members"]
        unknown = value.keys() - members.keys()
        if unknown:
            return f"{path}: unknown members {sorted(unknown)}"
        missing = set(shape.get("required", ())) - value.keys()
        if missing:
            return f"{path}: {sorted(missing)} are missing"
        if shape.get("union") and len(value) != 1:
            return f"{path}: a union of {sorted(value)}"
        return _first([self.complaint(members[name]["shape"], each, f"{path}.{name}") for name, each in value.items()])

    def _map(self, shape: Shape, value: Any, path: str) -> list[str | None]:
        keys = [self.complaint(shape["key"]["shape"], key, f"{path} key") for key in value]
        return keys + [self.complaint(shape["value"]["shape"], each, f"{path}.{key}") for key, each in value.items()]


@cache
def service_model(file: Path) -> ServiceModel:
    """The model in `file`; read once."""
    return ServiceModel(json.loads(file.read_text(encoding="utf-8")))


def _in_body(shape: Shape) -> Shape:
    """`shape` without what stands in the path and in headers."""
    members = {name: member for name, member in shape["members"].items() if "location" not in member}
    required = [name for name in shape.get("required", ()) if name in members]
    return {**shape, "members": members, "required": required}


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _first(complaints: list[str | None]) -> str | None:
    return next((complaint for complaint in complaints if complaint is not None), None)


def _length(shape: Shape, value: Any, path: str) -> str | None:
    low, high = shape.get("min", 0), shape.get("max", float("inf"))
    return None if low <= len(value) <= high else f"{path}: its length {len(value)} is not within {low} and {high}"


def _range(shape: Shape, value: Any, path: str) -> str | None:
    low, high = shape.get("min", float("-inf")), shape.get("max", float("inf"))
    return None if low <= value <= high else f"{path}: {value} is not within {low} and {high}"


def _spelling(shape: Shape, value: str, path: str) -> str | None:
    if "enum" in shape and value not in shape["enum"]:
        return f"{path}: {value!r} is none of {shape['enum']}"
    if "pattern" in shape and re.fullmatch(shape["pattern"], value) is None:
        return f"{path}: {value!r} does not match {shape['pattern'][:60]}"
    return None


def _blob(shape: Shape, value: str, path: str) -> str | None:
    try:
        return _length(shape, b64decode(value, validate=True), path)
    except ValueError:
        return f"{path}: is no base64"
