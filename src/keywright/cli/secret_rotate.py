"""`keywright secret rotate`: the key at a reference, replaced as `keywright rotate` replaces that of a credential."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.rotate import DryRun, Insist, RollBack, rotate
from keywright.cli.screen import note
from keywright.cli.secret_remote import stores_at
from keywright.control.resources import SecretRole, SecretRow

ROTATE_EXAMPLE: Final = "Example: keywright secret rotate vault://secret/llm#openai --dry-run"

BY_HAND: Final = "make a new one where it comes from, write it (`keywright secret put`), then revoke the old one"
INSTEAD: Final[Mapping[SecretRole, str]] = MappingProxyType(
    {
        "admin": f"{BY_HAND} (docs/secrets.md)",
        "service-account": f"{BY_HAND} (docs/secrets.md)",
        "proof": "whoever runs this machine, or issues the proof, keeps it fresh",
        "database": "change it at the database and where it is kept at once, then start the gateways again",
        "store": BY_HAND,
        "kek": "put a new key first in `kek` and call `keywright secret rewrap` (docs/secrets.md)",
        "none": "`keywright secret put` writes a new value, `keywright secret check` says what the configuration names",
    }
)
"""What changes a secret that is no provider's key."""


def rotate_secret(
    reference: Annotated[str, typer.Argument(metavar="REF", help="As vault://secret/llm#openai or sealed:openai.")],
    *,
    dry_run: DryRun = False,
    roll_back: RollBack = False,
    insist: Insist = False,
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Replace the key at a reference, as `keywright rotate` does for a credential by its name."""
    credential, *others = _credentials(asyncio.run(_uses(config, reference)), reference)
    if others and not json:
        note(f"{', '.join(others)} has its key there as well, and takes the new one from there")
    rotate([credential], dry_run=dry_run, roll_back=roll_back, insist=insist, yes=yes, config=config, json=json)


async def _uses(config: Path | None, reference: str) -> Sequence[SecretRow]:
    async with stores_at(config) as stores:
        return await stores.check((reference,))


def _credentials(rows: Sequence[SecretRow], reference: str) -> tuple[str, ...]:
    """The credentials whose key is there.

    Raises:
        CommandError: there is none; says what else to do.
    """
    found = tuple(dict.fromkeys(row.credential for row in rows if row.credential))
    if not found:
        first = rows[0]
        raise CommandError(f"{reference} is for {first.used_for}, no credential's key: {INSTEAD[first.role]}")
    return found
