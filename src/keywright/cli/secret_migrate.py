"""`keywright secret migrate`: the secrets of one store copied to another."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from keywright.cli.bar import bar
from keywright.cli.errors import FAILED, INTERRUPTED, CommandError
from keywright.cli.interrupt import heeding_interrupts
from keywright.cli.migrated import MigrationDocument, afterwards_of, show_afterwards, show_plan
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.place import local_blueprint
from keywright.cli.screen import confirm, console, emit_json, note, say_error
from keywright.cli.secret_stores import opened_secrets
from keywright.core.errors import SecretError

if TYPE_CHECKING:
    from keywright.house.secrets.migration import Migration, Move

MIGRATE_EXAMPLE: Final = "Example: keywright secret migrate --from env --to sealed:"


def migrate(
    *,
    source: Annotated[str, typer.Option("--from", metavar="STORE", help="Where they are now: env, dotenv, NAME.")],
    target: Annotated[
        str, typer.Option("--to", metavar="PREFIX", help="As sealed: or vault://secret/llm or aws-sm://llm/")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied, and change nothing.")] = False,
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Copy what the configuration names in one store to another, each proven by reading it back.

    Keys, service accounts, administration keys; what opens a store only to another place of this machine; never the
    keys that encrypt keys. Nothing is removed where it is now, and no other secret is written over. It can be ended at
    any moment: called again, it goes on. At the end it says which lines of the configuration to change.
    """
    migration = asyncio.run(_planned(config, source, target))
    if not json:
        show_plan(migration)
    outcome = _Outcome(migration)
    _refuse_differences(migration)
    waiting = [move for move in migration.moves if move.state != "there"]
    if waiting and not dry_run:
        confirm(f"Copy what is not there yet ({len(waiting)}) to {target}?", yes=yes)
        outcome = asyncio.run(_copied(config, target, migration, _teller(json=json)))
    _tell(outcome, config, target, json=json, dry_run=dry_run)


class _Outcome(Struct, frozen=True):
    """What became of it. `failure`: why it ended before its end; `interrupted`: a person did."""

    migration: "Migration"
    failure: str = ""
    interrupted: bool = False

    @property
    def left(self) -> int:
        """How many are not there yet."""
        return sum(move.state == "to copy" for move in self.migration.moves)


async def _planned(config: Path | None, source: str, target: str) -> "Migration":
    """The migration, each of its moves as it stands now. Raises SecretError with a line for all that is in its way."""
    from msgspec.structs import replace

    from keywright.house.secrets.migration import Surroundings, looked_at, planned

    blueprint = local_blueprint(config)
    async with opened_secrets(config) as (secrets, vault):
        around = Surroundings(vault.stores, blueprint.config.secrets, blueprint.base)
        migration = planned(secrets.named, source, target, around)
        moves: list[Move] = []
        faults: list[str] = []
        with bar("looking") as far:
            for number, move in enumerate(migration.moves):
                far(number, len(migration.moves))
                try:
                    moves.append(await asyncio.to_thread(looked_at, vault, move))
                except SecretError as error:
                    faults.append(str(error))
    if faults:
        raise SecretError("\n".join([*dict.fromkeys(faults), "nothing was written"]))
    return replace(migration, moves=tuple(moves))


async def _copied(config: Path | None, target: str, migration: "Migration", tell: "Callable[[Move], None]") -> _Outcome:
    """The moves one after the other, as far as it gets."""
    from msgspec.structs import replace

    from keywright.house.secrets.migration import copied

    moves, failure = list(migration.moves), ""
    async with opened_secrets(config, target) as (_, vault):
        with bar("copying") as far, heeding_interrupts() as interrupted:
            for number, move in enumerate(moves):
                far(number, len(moves))
                if interrupted():
                    break
                if move.state == "there":
                    continue
                try:
                    moves[number] = await asyncio.to_thread(copied, vault, move)
                except SecretError as error:
                    failure = str(error)
                    break
                tell(moves[number])
            return _Outcome(replace(migration, moves=tuple(moves)), failure, interrupted())


def _teller(*, json: bool) -> "Callable[[Move], None]":
    def tell(move: "Move") -> None:
        if not json:
            console().print(f"{move.source} is at {move.target} ({move.fingerprint})")

    return tell


def _refuse_differences(migration: "Migration") -> None:
    from keywright.house.secrets.migration import difference

    differing = [difference(move) for move in migration.moves if move.state == "differs"]
    if differing:
        raise CommandError("\n".join(differing))


def _tell(outcome: _Outcome, config: Path | None, target: str, *, json: bool, dry_run: bool) -> None:
    """What was done, and what is to be done now. Raises typer.Exit where not all is there that was to be."""
    blueprint = local_blueprint(config)
    afterwards = afterwards_of(blueprint, outcome.migration)
    moves = outcome.migration.moves
    if json:
        emit_json(MigrationDocument(moves, outcome.migration.stays, afterwards, outcome.left == 0))
    elif outcome.left == 0 or dry_run:
        if not dry_run:
            console().print(f"All are below {target} now, each read back; none was removed where it was.")
        show_afterwards(afterwards, blueprint.base)
    if outcome.failure:
        say_error(outcome.failure)
    if outcome.left and not dry_run:
        note(f"{len(moves) - outcome.left} of {len(moves)} are there: called again, it goes on with the others")
        raise typer.Exit(FAILED if outcome.failure else INTERRUPTED)
