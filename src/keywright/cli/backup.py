"""`keywright backup` and `keywright restore`: all that the store holds, in one file and back."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from keywright.cli.bar import bar
from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.place import local_blueprint, local_store
from keywright.cli.screen import confirm, console, emit_json, moment
from keywright.core.json import JsonObject

if TYPE_CHECKING:
    from keywright.house.blueprint import Blueprint
    from keywright.store.archive import Manifest

BACKUP_EXAMPLE: Final = "Example: keywright backup /var/backups/keywright-2026-11-25.gz"
RESTORE_EXAMPLE: Final = "Example: keywright restore /var/backups/keywright-2026-11-25.gz"

File: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def backup(file: File, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Write all that the store holds to a file, while gateways may run."""
    blueprint = local_blueprint(config)
    if file.is_dir():
        raise CommandError(f"{file} is a folder: name a file in it")
    if file.exists():
        confirm(f"Replace the file {file}?", yes=yes)
    manifest = asyncio.run(_back_up(blueprint, file))
    size = file.stat().st_size
    if json:
        emit_json({"file": str(file), "bytes": size, **_facts(manifest)})
        return
    console().print(f"{manifest.total:,} rows are in {file} ({size:,} bytes)")


def restore(file: File, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Put a backup in the place of all that the store holds. Stop its gateways first."""
    from keywright.store.backup import verify

    blueprint = local_blueprint(config)
    with bar("checking") as told:
        manifest = verify(file, told)
    asyncio.run(_restore(blueprint, file, yes=yes))
    if json:
        emit_json({"file": str(file), **_facts(manifest)})
        return
    console().print(f"{manifest.total:,} rows are restored, as they were at {moment(manifest.made_s)}")


async def _back_up(blueprint: "Blueprint", file: Path) -> "Manifest":
    from keywright.store.backup import back_up

    async with local_store(blueprint, create=False) as store:
        with bar("writing") as told:
            return await back_up(store.database, file, int(time.time()), told)


async def _restore(blueprint: "Blueprint", file: Path, *, yes: bool) -> None:
    from keywright.store.backup import is_empty, restore

    async with local_store(blueprint, create=True) as store:
        is_new = await is_empty(store.database)
        if not is_new:
            confirm(f"Replace all that is in the database {store.address}?", yes=yes)
        with bar("restoring") as told:
            await restore(store.database, file, told, replace=not is_new)


def _facts(manifest: "Manifest") -> JsonObject:
    return {"revision": manifest.revision, "made": moment(manifest.made_s), "rows": dict(manifest.rows)}
