"""How things reach the reader: a terminal with colours, plain text for a pipe, JSON for a program."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal

import msgspec
import typer
from msgspec import Struct
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keywright.cli.interrupt import interruptible
from keywright.core.errors import ConfigError

PIPE_COLUMNS: Final = 10_000
"""Nothing is cut or wrapped where no terminal has an edge."""

DIM: Final = "dim"
STRONG: Final = "bold"

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_CONTROLS: Final = dict.fromkeys(code for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t")


def console(*, stderr: bool = False) -> Console:
    """Standard output or error. Plain when it is no terminal or `NO_COLOR` is set; texts are never markup."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        width=None if stream.isatty() else PIPE_COLUMNS,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
    )


def emit_json(document: object) -> None:
    """The one JSON document of a command, on a line of standard output."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    sys.stdout.flush()


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], figures: Sequence[str] = ()) -> None:
    """A table on standard output. The columns named in `figures` stand to the right; the first is never cut in two,
    as it may be an id to copy.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if column in figures else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(Text(_one_line(cell)) for cell in row))
    console().print(table)


def show_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names and values on standard output, one below the other."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style=DIM)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(printable(value)))
    console().print(table)


def show_row(row: Struct, *, json: bool, absent: Mapping[str, str] = NOTHING) -> None:
    """One resource of the API: the document that it is, or its facts. `absent`: what no value of a field is called."""
    if json:
        emit_json(row)
    else:
        show_facts((_title(name), _cell(row, name, absent)) for name in row.__struct_fields__)


def show_rows(
    rows: Sequence[Struct],
    columns: Sequence[str],
    *,
    json: bool,
    title: str = "rows",
    figures: Sequence[str] = (),
    absent: Mapping[str, str] = NOTHING,
) -> None:
    """A list of the API: a document with all of it under `title`, or a table of the `columns` of each."""
    if json:
        emit_json({title: rows})
        return
    cells = [tuple(_cell(row, column, absent) for column in columns) for row in rows]
    show_table([*map(_title, columns)], cells, [*map(_title, figures)])


def note(message: str) -> None:
    """Something that went on beside what was asked for, on standard error."""
    console(stderr=True).print(Text(printable(message), style=DIM))


def moment(at_s: int | None) -> str | None:
    """Unix seconds as people and programs read them, UTC."""
    return None if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def written(value: object) -> str:
    """A value as people read it."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(written, value)) or "-"
        case dict():
            return ", ".join(f"{name}={each}" for name, each in value.items()) or "-"
        case Struct():
            return " ".join(written(getattr(value, name)) for name in value.__struct_fields__)
        case _:
            return str(value)


def say_error(message: str) -> None:
    """`message` on standard error, each of its lines as one, without what looks like a key."""
    from keywright.core.redaction import hide_forms

    screen = console(stderr=True)
    for line in hide_forms(message).splitlines():
        screen.print(Text("error: ", style="bold red").append(Text(printable(line), style="default")))


def printable(text: str) -> str:
    """`text` without control characters: what a model or a server wrote may not steer the terminal."""
    return text.translate(_CONTROLS)


def _title(field: str) -> str:
    return field.replace("_", " ")


def _cell(row: Struct, field: str, absent: Mapping[str, str]) -> str:
    value = getattr(row, field)
    return written(value) if value or field not in absent else absent[field]


def _one_line(text: str) -> str:
    """`text` as a cell: what a client named may not look like a row of its own."""
    return printable(text).translate({ord(end): " " for end in "\n\t"})


def confirm(question: str, *, yes: bool) -> None:
    """Return if the person agrees, or has agreed with `--yes`.

    Raises:
        ConfigError: nobody can be asked.
        typer.Abort: the person does not.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} Nobody can be asked here: say --yes to do it")
    with interruptible():
        typer.confirm(question, abort=True, err=True)
