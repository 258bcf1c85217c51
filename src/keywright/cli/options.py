"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

JsonFlag: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]

ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration (else KEYWRIGHT_CONFIG, else ./keywright.toml, else none).",
        show_default=False,
    ),
]

Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
