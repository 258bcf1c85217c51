"""`keywright secret`: the places where keys are kept. Values go in by prompt or standard input, and never come out."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from keywright.cli.given import given_secret
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import local_blueprint, remote_url
from keywright.cli.screen import emit_json, note, show_rows
from keywright.cli.secret_kek import KEK_EXAMPLE, REWRAP_EXAMPLE, create_kek, rewrap
from keywright.cli.secret_migrate import MIGRATE_EXAMPLE, migrate
from keywright.cli.secret_remote import stores_at
from keywright.cli.secret_rotate import ROTATE_EXAMPLE, rotate_secret

if TYPE_CHECKING:
    from keywright.control.secret_stores import SecretStores

CHECK_EXAMPLE: Final = "Example: keywright secret check"
PUT_EXAMPLE: Final = "Example: keywright secret put vault://secret/llm#openai"
AN_ARGUMENT: Final = (
    "a secret is no argument, where the shell's history and every process of the machine see it: type it when asked, "
    "or send it on standard input. If this was one, replace it"
)
COLUMNS: Final = ("reference", "used_for", "state", "fingerprint", "version", "age_days", "why")
STORE_COLUMNS: Final = ("name", "kind", "secrets", "reachable", "why")

T = TypeVar("T")
Reference = Annotated[str, typer.Argument(metavar="REF", help="As vault://secret/llm#openai or sealed:openai.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="secret", help="Check, write and list the places where keys are kept.", callback=_undumped)
    app.command("check", epilog=CHECK_EXAMPLE)(check)
    app.command("put", epilog=PUT_EXAMPLE, context_settings={"allow_extra_args": True})(put)
    app.command("get-fingerprint")(get_fingerprint)
    app.command("list")(list_all)
    app.command("migrate", epilog=MIGRATE_EXAMPLE)(migrate)
    app.command("rotate", epilog=ROTATE_EXAMPLE)(rotate_secret)
    app.command("create-kek", epilog=KEK_EXAMPLE)(create_kek)
    app.command("rewrap", epilog=REWRAP_EXAMPLE)(rewrap)
    return app


def _undumped() -> None:
    from keywright.house.dumps import forbid_dumps

    forbid_dumps()


def check(
    references: Annotated[list[str] | None, typer.Argument(metavar="REF", help="Else all that are named.")] = None,
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Read every secret that the configuration names, and say which cannot be had, and why. Exits with 1 if one cannot.

    Keys of providers and of their administration, service accounts, proofs, what opens the stores, the database's
    password, the keys that encrypt keys, and the keys that are found in the environment.
    """
    rows = _with_secrets(config, lambda stores: stores.check(references or ()))
    show_rows(rows, COLUMNS, json=json, figures=("age_days",))
    if not remote_url():
        _warn(config)
    if any(row.state != "ok" for row in rows):
        raise typer.Exit(1)


def put(context: typer.Context, reference: Reference, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Write a secret: from standard input, or typed twice without an echo. Fields beside it stay."""
    if context.args:  # which are not repeated, as they would be by what parses them
        context.fail(AN_ARGUMENT)
    if sys.stdin.isatty():
        _look(config, reference)
    secret = given_secret()
    row = _with_secrets(config, lambda stores: stores.put(reference, secret), reference)
    if json:
        emit_json(row)
        return
    note(f"{reference} is written: fingerprint {row.fingerprint}" + (f", version {row.version}" if row.version else ""))


def get_fingerprint(reference: Reference, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Say which secret it is, without showing it."""
    row = _with_secrets(config, lambda stores: stores.mark(reference))
    if json:
        emit_json(row)
    else:
        typer.echo(row.fingerprint)


def list_all(
    store: Annotated[
        str | None, typer.Argument(metavar="STORE", help="As dotenv, sealed, vault, or a NAME of yours.")
    ] = None,
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """List the stores and whether they can be reached; or the names of what is in one, without reading any."""
    if store is None:
        show_rows(_with_secrets(config, lambda stores: stores.stores()), STORE_COLUMNS, json=json)
        return
    found = _with_secrets(config, lambda stores: stores.names(store))
    if json:
        emit_json({"rows": found})
    else:
        for name in found:
            typer.echo(name)


def _warn(config: Path | None) -> None:
    """Tell what is to be put right about `.env` files."""
    from keywright.house.stores.keeping import warn

    blueprint = local_blueprint(config)
    warn(blueprint.config, blueprint.base)


def _look(config: Path | None, reference: str) -> None:
    """Before a person types a secret: refuse what is no reference, and say what stands in the way of its store."""
    for row in _with_secrets(config, lambda stores: stores.check((reference,))):
        if row.state not in ("ok", "absent"):
            note(row.why)


def _with_secrets(config: Path | None, work: Callable[["SecretStores"], Coroutine[Any, Any, T]], writes: str = "") -> T:
    """What `work` gives. `writes`: as of `stores_at`."""

    async def done() -> T:
        async with stores_at(config, writes) as stores:
            return await work(stores)

    return asyncio.run(done())
