"""A TOML text with the line of each of its keys.

The standard library's parser tells values but not where they stand, and `tomlkit` moves tables when they are not in
order, so its lines cannot be trusted. Here the text is first parsed as a whole, which proves it valid, and then
statement by statement: the shortest run of lines that is TOML by itself is one statement, because a value that goes on
in the next line has an open bracket or quote. So no grammar is written twice.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from keywright.core.errors import ConfigError

TEXT_CHARACTERS_MAX: Final = 262_144
STATEMENT_LINES_MAX: Final = 1000
DEPTH_MAX: Final = 16

Path: TypeAlias = tuple[str | int, ...]
"""Keys and array positions, from the root."""

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Document:
    """`values` as `tomllib` gives them, and the line of each path (counted from 1)."""

    def __init__(self, values: dict[str, Any], lines: dict[Path, int]) -> None:
        self.values = values
        self._lines = lines

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest that holds it; 1 for the root."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def read_document(text: str, name: str) -> Document:
    """The document `text` of the file `name`.

    Raises:
        ConfigError: it is too long or not TOML, with the line.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise ConfigError(f"{name}: longer than {TEXT_CHARACTERS_MAX} characters")
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{name}: nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, or an integer beyond what Python parses
        message = str(error)
        place = _PLACE.search(message)
        where = f"{name}:{place[1] or text.count(chr(10)) + 1}" if place else name
        raise ConfigError(f"{where}: not TOML: {_PLACE.sub('', message)}") from None
    return Document(values, _lines(text, name))


def _lines(text: str, name: str) -> dict[Path, int]:
    lines: dict[Path, int] = {}
    elements: dict[Path, int] = {}
    table: Path = ()
    for line, statement in _statements(text, name):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(parsed, elements)
            lines.setdefault(table, line)
        else:
            for path in _paths(parsed):
                lines.setdefault(table + path, line)
    return lines


def _statements(text: str, name: str) -> Iterator[tuple[int, str]]:
    """The first line's number and the text of each key, header, comment and empty line."""
    start, pending = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        pending += line + "\n"
        try:
            tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            if number - start >= STATEMENT_LINES_MAX:
                raise ConfigError(f"{name}:{start}: a value of more than {STATEMENT_LINES_MAX} lines") from None
            continue
        yield start, pending
        start, pending = number + 1, ""


def _header(parsed: dict[str, Any], elements: dict[Path, int]) -> Path:
    """The path that a header opens. `elements` counts the tables of each array, and is kept up to date."""
    path: Path = ()
    node: object = parsed
    while isinstance(node, dict) and node:
        key, node = next(iter(node.items()))
        path += (key,)
        if isinstance(node, list):
            elements[path] = elements.get(path, 0) + 1
        if path in elements:
            path += (elements[path] - 1,)
    return path


def _paths(node: object, path: Path = ()) -> Iterator[Path]:
    """Every path in `node`. What lies deeper than any setting is left out: it has the line of what holds it."""
    if path:
        yield path
    if len(path) >= DEPTH_MAX:
        return
    if isinstance(node, dict):
        for key, child in node.items():
            yield from _paths(child, (*path, key))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _paths(child, (*path, index))
