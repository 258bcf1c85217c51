"""`keywright secret migrate`: the secrets of one store copied to another."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import local_blueprint
from keywright.cli.screen import emit_json, note, show_table
from keywright.cli.secret_stores import opened_secrets

if TYPE_CHECKING:
    from keywright.vault.vault import Vault

MIGRATE_EXAMPLE: Final = "Example: keywright secret migrate --from env --to sealed:"

T = TypeVar("T")


def migrate(
    *,
    source: Annotated[str, typer.Option("--from", metavar="STORE", help="Where they are now: env, dotenv, NAME.")],
    target: Annotated[
        str, typer.Option("--to", metavar="PREFIX", help="As sealed: or vault://secret/llm or aws-sm://llm/")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied, and change nothing.")] = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Copy the keys of one store to another, each proven by reading it back; says by which reference each is there.

    Nothing is removed where they are now. A copy that is there already, and is the same, is left as it is.
    """
    names = _names(config)

    def copy(vault: "Vault") -> list[dict[str, str]]:
        pairs = [(old, _moved(target, name)) for old, name in _of(vault, names, source)]
        for old, new in pairs:  # all that can be wrong beforehand is found before anything is written
            _copied(vault, old, new, dry_run=True)
        return [_copied(vault, old, new, dry_run=dry_run) for old, new in pairs]

    rows = _with_vault(config, copy, "" if dry_run else target)
    if json:
        emit_json({"rows": rows})
        return
    show_table(("from", "to", "fingerprint"), [(row["from"], row["to"], row["fingerprint"]) for row in rows])
    if not dry_run:
        note("nothing was removed: write the new references into the configuration, then remove the old secrets")


def _names(config: Path | None) -> dict[str, str]:
    """Each reference to a key, and what its credential is called, with `-` for `/`."""
    found: dict[str, str] = {}
    for name, given in local_blueprint(config).config.providers.items():
        for number, reference in enumerate(given.api_key, 1):
            found.setdefault(reference, name if number == 1 else f"{name}-{number}")
        for table in given.credentials:
            for reference in table.api_key:
                found.setdefault(reference, f"{name}-{table.name}")
        if given.admin_key is not None:
            found.setdefault(given.admin_key, f"{name}-admin")
    return found


def _of(vault: "Vault", names: dict[str, str], store: str) -> list[tuple[str, str]]:
    from keywright.vault.reference import parse

    found = [(text, name) for text, name in names.items() if parse(text, vault.stores).at == store]
    if not found:
        raise CommandError(f"the configuration names no key in {store}")
    return found


def _moved(target: str, name: str) -> str:
    """The reference below `target` for the credential of that name: a field of one secret, or a secret of its own."""
    return target + name if target.endswith((":", "/", "#")) else f"{target}#{name}"


def _copied(vault: "Vault", old: str, new: str, *, dry_run: bool) -> dict[str, str]:
    from keywright.core.errors import SecretAbsentError
    from keywright.vault.reference import parse

    secret, place = vault.resolve(old), parse(new, vault.stores)
    backend = vault.backend(place)
    try:
        there = backend.read(place).secret
    except SecretAbsentError:
        there = None
    if there is not None and there != secret:
        raise CommandError(f"{new} has another secret already ({there.fingerprint}): nothing was written there")
    if there is None and not dry_run:
        backend.write(place, secret)
        if backend.read(place).secret != secret:
            raise CommandError(f"{new} was written, but gives something else when it is read: {old} stays in use")
    return {"from": old, "to": new, "fingerprint": secret.fingerprint}


def _with_vault(config: Path | None, work: Callable[["Vault"], T], writes: str = "") -> T:
    """What `work` gives, done in a thread: stores may block, and the sealed one asks the database beside it."""

    async def done() -> T:
        async with opened_secrets(config, writes) as (_, vault):
            return await asyncio.to_thread(work, vault)

    return asyncio.run(done())
