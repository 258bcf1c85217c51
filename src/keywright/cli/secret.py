"""`keywright secret`: the places where keys are kept. Values go in by prompt or standard input, and never come out."""

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import local_blueprint
from keywright.cli.screen import emit_json, note, show_rows, show_table
from keywright.cli.secret_stores import opened_secrets

if TYPE_CHECKING:
    from keywright.core.secret import Secret
    from keywright.house.secrets import Secrets
    from keywright.vault.vault import Vault

CHECK_EXAMPLE: Final = "Example: keywright secret check"
PUT_EXAMPLE: Final = "Example: keywright secret put vault://secret/llm#openai"
MIGRATE_EXAMPLE: Final = "Example: keywright secret migrate --from env --to sealed:"
KEK_EXAMPLE: Final = "Example: keywright secret create-kek /etc/keywright/kek"
COLUMNS: Final = ("reference", "used_for", "state", "fingerprint", "version", "age_days", "why")
STORE_COLUMNS: Final = ("name", "kind", "secrets", "reachable", "why")
KEK_MODE: Final = 0o600

T = TypeVar("T")
Reference = Annotated[str, typer.Argument(metavar="REF", help="As vault://secret/llm#openai or sealed:openai.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="secret", help="Check, write and list the places where keys are kept.")
    app.command("check", epilog=CHECK_EXAMPLE)(check)
    app.command("put", epilog=PUT_EXAMPLE)(put)
    app.command("get-fingerprint")(get_fingerprint)
    app.command("list")(list_all)
    app.command("migrate", epilog=MIGRATE_EXAMPLE)(migrate)
    app.command("create-kek", epilog=KEK_EXAMPLE)(create_kek)
    return app


def check(
    references: Annotated[list[str] | None, typer.Argument(metavar="[REF]...", help="Else all that are named.")] = None,
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Read every secret that the configuration names, and say which cannot be had, and why. Exits with 1 if one cannot.

    Keys of providers and of their administration, service accounts, proofs, what opens the stores, the database's
    password, the keys that encrypt keys, and the keys that are found in the environment.
    """
    rows = _with_secrets(config, lambda secrets: secrets.check(references or ()))
    show_rows(rows, COLUMNS, json=json, figures=("age_days",))
    if any(row.state != "ok" for row in rows):
        raise typer.Exit(1)


def put(reference: Reference, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Write a secret: from standard input, or typed twice without an echo. Fields beside it stay."""
    secret = _given()

    row = _with_secrets(config, lambda secrets: secrets.put(reference, secret), reference)
    if json:
        emit_json(row)
        return
    note(f"{reference} is written: fingerprint {row.fingerprint}" + (f", version {row.version}" if row.version else ""))


def get_fingerprint(reference: Reference, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Say which secret it is, without showing it."""
    row = _with_secrets(config, lambda secrets: secrets.mark(reference))
    if json:
        emit_json(row)
    else:
        typer.echo(row.fingerprint)


def list_all(
    store: Annotated[
        str | None, typer.Argument(metavar="[STORE]", help="As dotenv, sealed, vault, or a [secrets.NAME].")
    ] = None,
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """List the stores and whether they can be reached; or the names of what is in one, without reading any."""
    if store is None:
        show_rows(_with_secrets(config, lambda secrets: secrets.stores()), STORE_COLUMNS, json=json)
        return
    found = _with_secrets(config, lambda secrets: secrets.names(store))
    if json:
        emit_json({"rows": found})
    else:
        for name in found:
            typer.echo(name)


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


def create_kek(path: Annotated[Path, typer.Argument(metavar="PATH", help="Of the file that is made.")]) -> None:
    """Make the key that encrypts the sealed store's keys, in a file of mode 0600. Without it nothing opens again."""
    from keywright.vault.sealed.keys import new_kek

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, KEK_MODE)
    except OSError as error:
        raise CommandError(f"{path} cannot be made: {error.strerror}") from None
    try:
        os.write(descriptor, (new_kek(secrets.token_bytes) + "\n").encode("ascii"))
    finally:
        os.close(descriptor)
    note(f'{path} is made. Write kek = "file:{path.absolute()}" under [secrets.sealed], and keep a copy elsewhere')


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


def _given() -> "Secret":
    from getpass import getpass

    from keywright.core.secret import Secret

    if not sys.stdin.isatty():
        try:
            text = sys.stdin.read().strip()
        except UnicodeDecodeError:
            raise CommandError("what came on standard input is not UTF-8 text: nothing was written") from None
    else:
        text = getpass("The secret: ")
        if text != getpass("Once more: "):
            raise CommandError("the two are not the same: nothing was written")
    if not text:
        raise CommandError("no secret was given: type it, or send it on standard input")
    return Secret(text)


def _with_vault(config: Path | None, work: Callable[["Vault"], T], writes: str = "") -> T:
    """What `work` gives, done in a thread: stores may block, and the sealed one asks the database beside it."""

    async def done() -> T:
        async with opened_secrets(config, writes) as (_, vault):
            return await asyncio.to_thread(work, vault)

    return asyncio.run(done())


def _with_secrets(config: Path | None, work: Callable[["Secrets"], Coroutine[Any, Any, T]], writes: str = "") -> T:
    """What `work` gives. `writes`: as of `opened_secrets`."""

    async def done() -> T:
        async with opened_secrets(config, writes) as (secrets, _):
            return await work(secrets)

    return asyncio.run(done())
