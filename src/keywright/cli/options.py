"""Options and arguments that several commands have."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from keywright.cli.errors import CommandError
from keywright.cli.words import Words

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


def key_id(text: str | None) -> str | None:
    """The id of a key, or a subject. A whole key in the place of an id is not repeated, and not sent anywhere.

    Raises:
        CommandError: it is a key.
    """
    if text is not None and text.removeprefix("key:").startswith("sk-"):
        raise CommandError("that is not a key's id: give the 16 characters between sk-kw-, one letter, and the dash")
    return text


KeyId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The key's id, as `keywright key list` shows it.", callback=key_id)
]
Models: TypeAlias = Annotated[
    Words, typer.Option("--models", metavar="GLOB", help="A pattern of models (repeatable).", show_default=False)
]
Cidrs: TypeAlias = Annotated[
    Words,
    typer.Option("--cidr", metavar="NETWORK", help="A network that calls may come from (repeatable)."),
]
Tags: TypeAlias = Annotated[
    Words, typer.Option("--tag", metavar="NAME=VALUE", help="A tag, for reports and budgets (repeatable).")
]
RequestsPerMin: TypeAlias = Annotated[
    str | None, typer.Option("--requests-per-min", metavar="N", help="So many calls a minute; none: as they like.")
]
TokensPerMin: TypeAlias = Annotated[
    str | None, typer.Option("--tokens-per-min", metavar="N", help="So many tokens a minute; none: as they like.")
]
Concurrency: TypeAlias = Annotated[
    str | None, typer.Option("--concurrency", metavar="N", help="So many calls at once; none: as they like.")
]
On: TypeAlias = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="SUBJECT",
        help="key:ID, project:NAME, user:NAME, service-account:NAME, organisation, model:GLOB or tag:NAME=VALUE.",
        callback=key_id,
    ),
]
OnFilter: TypeAlias = Annotated[
    str | None, typer.Option("--on", metavar="SUBJECT", help="Only those on that, as project:NAME.", callback=key_id)
]
