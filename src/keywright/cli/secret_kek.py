"""`keywright secret create-kek` and `rewrap`: the keys that encrypt the sealed store's keys, made and changed."""

import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from keywright.cli.bar import Far, bar
from keywright.cli.errors import FAILED, INTERRUPTED, CommandError
from keywright.cli.interrupt import heeding_interrupts
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import local_blueprint, local_store
from keywright.cli.screen import console, emit_json, note, say_error, show_table
from keywright.core.errors import SecretError

if TYPE_CHECKING:
    from keywright.house.secrets.rewrapping import KekRow, SealedStore
    from keywright.vault.sealed.rewrap import Left

KEK_EXAMPLE: Final = "Example: keywright secret create-kek /etc/keywright/kek"
REWRAP_EXAMPLE: Final = "Example: keywright secret rewrap"
KEK_MODE: Final = 0o600
LEFT_SHOWN: Final = 20


def create_kek(path: Annotated[Path, typer.Argument(metavar="PATH", help="Of the file that is made.")]) -> None:
    """Make the key that encrypts the sealed store's keys, in a file of mode 0600. Without it nothing opens again."""
    from keywright.vault.sealed.keys import new_kek

    try:
        _make(path, new_kek(secrets.token_bytes) + "\n")
    except OSError as error:
        raise CommandError(f"{path} cannot be made: {error.strerror}") from None
    note(f'{path} is made. Write kek = "file:{path.absolute()}" under [secrets.sealed], and keep a copy elsewhere')


def _make(path: Path, text: str) -> None:
    """A new file, on the disk, or none. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, KEK_MODE)
    try:
        os.write(descriptor, text.encode("ascii"))
        os.fsync(descriptor)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


def rewrap(
    store: Annotated[
        str | None, typer.Argument(metavar="STORE", help="The sealed store, where there are several.")
    ] = None,
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Change a sealed store to another key: bring all secrets under the first key of its `kek`.

    Put the new key first in `kek` and leave the old one behind it; call this; then take the old one out. Only the keys
    of secrets are encrypted anew, gateways go on beside it. It can be ended at any moment: called again, it goes on.
    Exits with 1 while anything is under another key.
    """
    outcome = asyncio.run(_rewrapped(config, store))
    if json:
        emit_json(outcome)
    else:
        _show(outcome)
    if outcome.failure:
        say_error(outcome.failure)
    if outcome.failure or outcome.interrupted:
        note(f"ended with {outcome.remaining:,} to do: called again, it goes on")
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome.failure or outcome.remaining:
        raise typer.Exit(FAILED)


class RewrapDocument(Struct, frozen=True):
    """What came of it. `done`: rows that were wrapped anew; `remaining`: rows under another key than the first; `left`:
    those of them that were tried. `keks`: the first counts. `removable`: what may be taken out of `kek`. `failure`: why
    it ended before its end; `interrupted`: a person did.
    """

    store: str
    done: int
    remaining: int
    left: "tuple[Left, ...]"
    keks: "tuple[KekRow, ...]"
    removable: tuple[str, ...]
    failure: str
    interrupted: bool


class _InterruptedError(Exception):
    """A person wants no other batch."""


async def _rewrapped(config: Path | None, store: str | None) -> RewrapDocument:
    from keywright.house.secrets.rewrapping import SealedStore, sealed_store

    blueprint = local_blueprint(config)
    name = sealed_store(blueprint, store)
    async with local_store(blueprint, create=False) as kept:
        sealed = SealedStore(name, blueprint, kept.database)
        before = await asyncio.to_thread(sealed.keks)
        with bar("re-wrapping") as far:
            left, failure, interrupted = await _gone_over(sealed, far)
        keks = await asyncio.to_thread(sealed.keks)
    first, *others = keks
    remaining = _rows(others)
    done = max(0, _rows(before[1:]) - remaining)  # what others wrote meanwhile under an old key is not told apart
    if failure and not done:
        raise CommandError(failure)
    removable = tuple(
        kek.reference for kek in others if kek.reference and kek.id not in ("", first.id) and not kek.rows
    )
    return RewrapDocument(name, done, remaining, left, keks, removable, failure, interrupted)


async def _gone_over(sealed: "SealedStore", far: Far) -> "tuple[tuple[Left, ...], str, bool]":
    """Re-wrap, to the end or until Ctrl-C: what does not open, why it failed, and whether it was ended."""
    with heeding_interrupts() as interrupted:

        def progress(done: int, total: int) -> None:
            far(done, total)
            if interrupted():
                raise _InterruptedError

        try:
            result = await asyncio.to_thread(sealed.rewrap, progress)
        except _InterruptedError:
            return (), "", True
        except SecretError as error:
            return (), str(error), False
    return result.left, "", False


def _rows(keks: "Sequence[KekRow]") -> int:
    return sum(kek.rows for kek in keks)


def _show(document: RewrapDocument) -> None:
    screen = console()
    first = document.keks[0].reference
    screen.print(f"{document.done:,} secrets of the store {document.store} were brought under {first}")
    rows = [(kek.reference or "not configured", kek.id or kek.why, f"{kek.rows:,}") for kek in document.keks]
    show_table(("key", "id", "secrets"), rows, ("secrets",))
    for left in document.left[:LEFT_SHOWN]:
        screen.print(f"sealed secret {left.name}, version {left.version}, stays under its key: {left.why}")
    if len(document.left) > LEFT_SHOWN:
        screen.print(f"and {len(document.left) - LEFT_SHOWN} more: --json has all of them")
    for reference in document.removable:
        screen.print(
            f"nothing is under {reference} any more: take it out of kek in [secrets.{document.store}], and keep it as "
            "long as backups from before"
        )
    if document.remaining and not (document.left or document.failure or document.interrupted):
        screen.print(
            f"{document.remaining:,} were written under another key meanwhile: let every gateway have the new kek, and "
            "call this again"
        )
