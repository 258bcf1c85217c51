"""The official descriptions of the providers' own figures: which questions are right, and what answers look like."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import yaml

from keywright.core.json import Json


@cache
def section_of(file: Path, heading: str) -> Any:
    """What stands under a heading of an OpenAPI file: only that is parsed, for the whole takes half a minute."""
    lines = file.read_text(encoding="utf-8").splitlines()
    start = lines.index(heading)
    indent = len(heading) - len(heading.lstrip())
    end = next(
        number
        for number in range(start + 1, len(lines))
        if lines[number].strip() and len(lines[number]) - len(lines[number].lstrip()) <= indent
    )
    return next(iter(yaml.safe_load("\n".join(lines[start:end])).values()))


def complaint(file: Path, path: str, query: str) -> str | None:
    """What is wrong with a GET of `path` (as the description writes it) with `query`; None when nothing is."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, []).append(value)
    operation = section_of(file, f"  {path}:")["get"]
    for parameter in operation["parameters"]:
        name, schema = parameter["name"], parameter["schema"]
        values = given.pop(name, [])
        if parameter["in"] == "query" and not values and parameter.get("required"):
            return f"{name} is missing"
        if len(values) > 1 and schema.get("type") != "array":
            return f"{name} is given twice"
        for value in values:
            found = _wrong(value, schema.get("items", schema))
            if found:
                return f"{name}: {found}"
    return f"unknown: {', '.join(given)}" if given else None


def _wrong(value: str, schema: Any) -> str | None:
    kinds = schema.get("type", "string")
    if "integer" in (kinds if isinstance(kinds, list) else [kinds]) and not value.isdigit():
        return f"{value!r} is no integer"
    if "enum" in schema and value not in schema["enum"]:
        return f"{value!r} is none of {schema['enum']}"
    return None


def must_be(file: Path, component: str, value: Json) -> None:
    """Fail when `value` is no `component` of the description: a stand-in may not invent its answers."""
    schema = section_of(file, f"    {component}:")
    known = {name: each for name, each in schema["properties"].items() if "$ref" not in str(each)}
    jsonschema.validate(value, {**schema, "properties": known})
    assert isinstance(value, dict)
    assert set(value) <= set(schema["properties"]), f"{component} has no {set(value) - set(schema['properties'])}"


DAY_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}T00:00:00Z")


def anthropic_complaint(groups: set[str], query: str) -> str | None:
    """The same for Anthropic, of whose administration API there is no description but the reference's words."""
    fields = parse_qsl(query, keep_blank_values=True)
    known = {"starting_at", "ending_at", "bucket_width", "group_by[]", "limit", "page"}
    names = [name for name, _ in fields]
    unknown = set(names) - known
    given = dict(fields)
    if unknown or names.count("starting_at") != 1:
        return f"unknown: {sorted(unknown)}, or no starting_at"
    if not all(DAY_PATTERN.fullmatch(given[name]) for name in ("starting_at", "ending_at")):
        return "not a day's midnight in RFC 3339"
    if given["bucket_width"] != "1d" or not 1 <= int(given["limit"]) <= 31:
        return "bucket_width or limit"
    if not {value for name, value in fields if name == "group_by[]"} <= groups:
        return "group_by[]"
    return None
