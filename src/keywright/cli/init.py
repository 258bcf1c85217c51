"""`keywright init`: a commented configuration file to start from."""

from pathlib import Path
from typing import Annotated, Final

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import JsonFlag
from keywright.cli.place import FILE_NAME
from keywright.cli.screen import DIM, console, emit_json

EXAMPLE: Final = "Example: keywright init --path /etc/keywright/keywright.toml"


def init(
    *,
    path: Annotated[Path, typer.Option(help="Where to write it: a file, or a folder that is there.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write a commented keywright.toml."""
    from keywright.config import TEMPLATE

    file = path / FILE_NAME if path.is_dir() else path
    try:
        with file.open("w" if force else "x", encoding="utf-8") as written:
            written.write(TEMPLATE)
    except FileExistsError:
        raise CommandError(f"{file} exists already: --force overwrites it") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    if json:
        emit_json({"path": str(file.resolve())})
        return
    screen = console()
    screen.print(f"{file} is written.")
    screen.print("Next: put a provider into it, then", style=DIM)
    option = "" if file == Path(FILE_NAME) else f" --config {file}"
    screen.print(f"  keywright config check{f' {file}' if option else ''}\n  keywright up{option}")
