"""Which lines of a configuration's text change when settings get other values: for a person who then edits the file.

A value is looked for in the text, from the line on where its setting begins, and replaced there. That it was the right
place is shown by reading the changed text: that setting has to be different, and nothing else. A setting that the text
does not have, or has in a way that is not found so, is told as a line of its own below its table's header.
"""

import copy
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from keywright.config.document import Path, read_document
from keywright.config.faults import dotted

PLACES_MAX: Final = 16
"""So many places in the text are tried for one setting."""


class Wanted(Struct, frozen=True):
    """The setting at `path`, which is the text `old` now, is to become `new`."""

    path: Path
    old: str
    new: str


class Change(Struct, frozen=True):
    """The line of that number, below the header `table`, is `old` and becomes `new`. One that is to be added has no
    `old` and the number 0.
    """

    line: int
    table: str
    old: str
    new: str


def changes(text: str, name: str, wanted: Sequence[Wanted]) -> tuple[Change, ...]:
    """The lines of `text` that change, in its order, and then those that are added. `name`: what the file is called.

    Raises:
        ConfigError: `text` is no document.
    """
    document = read_document(text, name)
    before, values = text.split("\n"), document.values
    lines, added = set[int](), dict[Change, None]()
    for one in wanted:
        expected = _with(values, one)
        found = None if expected is None else _replaced(text, document.line(one.path), one, expected)
        if expected is None or found is None:
            added[_added(one)] = None
        else:
            line, text = found
            lines.add(line)
            values = expected
    after = text.split("\n")
    edited = [Change(line, _header(before, line), before[line - 1].strip(), after[line - 1].strip()) for line in lines]
    return (*sorted(edited, key=lambda change: change.line), *added)


def _with(values: dict[str, Any], one: Wanted) -> dict[str, Any] | None:
    """`values` with the setting changed; None where it is not there as it should be."""
    changed = copy.deepcopy(values)
    node: Any = changed
    *way, last = one.path
    for step in way:
        within = node.get(step) if isinstance(node, dict) else node[step]
        if within == one.old and isinstance(last, int):  # one value without brackets
            last = step
            break
        node = within
        if not isinstance(node, dict | list):
            return None
    there = node.get(last) if isinstance(node, dict) else node[last] if last in range(len(node)) else None
    if there != one.old:
        return None
    node[last] = one.new
    return changed


def _replaced(text: str, line: int, one: Wanted, expected: dict[str, Any]) -> tuple[int, str] | None:
    """The number of the line, and the text with the value replaced in it; None where no place gives `expected`."""
    for place in _places(text, line, one.old):
        changed = text[:place] + one.new + text[place + len(one.old) :]
        try:
            if tomllib.loads(changed) == expected:
                return text.count("\n", 0, place) + 1, changed
        except tomllib.TOMLDecodeError:
            continue
    return None


def _places(text: str, line: int, value: str) -> Iterator[int]:
    """Where `value` stands in quotes, from that line on."""
    place = sum(len(each) + 1 for each in text.split("\n")[: line - 1])
    for _ in range(PLACES_MAX):
        found = [at for quote in "\"'" if (at := text.find(f"{quote}{value}{quote}", place)) >= 0]
        if not found:
            return
        place = min(found) + 1
        yield place


def _header(lines: Sequence[str], line: int) -> str:
    """The header that the line is below, "" for none."""
    for text in reversed(lines[:line]):
        if text.lstrip().startswith("["):
            try:
                tomllib.loads(text)
            except tomllib.TOMLDecodeError:
                continue
            return text.partition("#")[0].strip()
    return ""


def _added(one: Wanted) -> Change:
    """The line that the setting would be, with its table."""
    path = one.path[:-1] if isinstance(one.path[-1], int) else one.path
    return Change(0, f"[{dotted(path[:-1])}]", "", f'{dotted(path[-1:])} = "{one.new}"')
