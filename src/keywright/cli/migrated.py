"""What is told of secrets that move to another store: what would, what did, and what is then to be done."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from keywright.cli.place import FILE_NAME
from keywright.cli.screen import STRONG, console, show_table

if TYPE_CHECKING:
    from keywright.config.changes import Change
    from keywright.house.blueprint import Blueprint
    from keywright.house.secrets.migration import Migration, Move, Stay

COLUMNS: Final = ("from", "to", "used for", "fingerprint", "state")


class Afterwards(Struct, frozen=True):
    """What is to be done once all copies are there. `unneeded`: the references of what nothing uses then."""

    file: str
    changes: "tuple[Change, ...]"
    unneeded: tuple[str, ...]


class MigrationDocument(Struct, frozen=True):
    """The one document of the command. `done`: every copy is there."""

    rows: "tuple[Move, ...]"
    stays: "tuple[Stay, ...]"
    afterwards: Afterwards
    done: bool


def show_plan(migration: "Migration") -> None:
    """What moves where, and what does not move."""
    rows = [
        (move.source, move.target, ", ".join(move.used_for), move.fingerprint, move.state) for move in migration.moves
    ]
    show_table(COLUMNS, rows)
    for stay in migration.stays:
        console().print(f"{stay.reference} stays ({stay.used_for}): {stay.why}")


def afterwards_of(blueprint: "Blueprint", migration: "Migration") -> Afterwards:
    """By the configuration file as it is now.

    Raises:
        ConfigError: it is not sound any more.
        OSError: it cannot be read.
    """
    from keywright.house.secrets.migration import config_changes, unneeded

    path = blueprint.config_path
    name = FILE_NAME if path is None else os.fspath(path)
    text = "" if path is None else path.read_text("utf-8")
    return Afterwards(name, config_changes(text, name, migration), unneeded(migration))


def show_afterwards(afterwards: Afterwards, base: Path) -> None:
    """The lines to change, and what can be removed then. `base`: the folder of `.env`."""
    screen = console()
    what = "change" if any(change.old for change in afterwards.changes) else "write to"
    screen.print(f"Then {what} {afterwards.file}; a running gateway takes it up by itself:", style=STRONG)
    table = ""
    for change in afterwards.changes:
        if change.table != table:
            table = change.table
            screen.print(f"  {table}")
        place = f"  (line {change.line})" if change.line else "  (add)"
        if change.old:
            screen.print(f"  - {change.old}{place}")
            place = ""
        screen.print(f"  + {change.new}{place}")
    if afterwards.unneeded:
        screen.print("When `keywright secret check` finds all ok, nothing here needs these any more:", style=STRONG)
        for line in _removable(afterwards.unneeded, base):
            screen.print(f"  {line}")


def _removable(references: Sequence[str], base: Path) -> list[str]:
    """The references as what people remove."""
    told = []
    for reference in references:
        kind, _, name = reference.partition(":")
        match kind:
            case "env":
                told.append(f"the variable {name} of the environment")
            case "dotenv":
                told.append(f"the line of {name} in {base / '.env'}")
            case "file":
                told.append(f"the file {name}")
            case _:
                told.append(reference)
    return told
