"""`keywright key`: make, list, show and revoke keys, in the store of the configuration."""

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.place import local_blueprint, local_store
from keywright.cli.screen import DIM, STRONG, confirm, console, emit_json, show_facts, show_table
from keywright.core.identity import Key, KeyKind, Permission
from keywright.core.json import JsonObject

if TYPE_CHECKING:
    from keywright.house.blueprint import Blueprint

CREATE_EXAMPLE: Final = "Example: keywright key create --name ci --models 'openai/*' --expires 30d"
LIST_EXAMPLE: Final = "Example: keywright key list --json"
SHOW_EXAMPLE: Final = "Example: keywright key show 3fZkQ0pW7sYt1LbC"
REVOKE_EXAMPLE: Final = "Example: keywright key revoke 3fZkQ0pW7sYt1LbC --yes"

Words: TypeAlias = list[str] | None
KeyId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keywright key list` shows it.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="key", help="Make, list, show and revoke keys.")
    app.command("create", epilog=CREATE_EXAMPLE)(create)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("revoke", epilog=REVOKE_EXAMPLE)(revoke)
    return app


def create(
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the key is for.")],
    project: Annotated[str, typer.Option(metavar="NAME", help="Whose usage it counts as.")] = "default",
    kind: Annotated[KeyKind, typer.Option(help="Who uses it.")] = "service",
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Who answers for it.")] = None,
    models: Annotated[Words, typer.Option(metavar="GLOB", help="A pattern of models (repeatable).")] = None,
    permission: Annotated[Permission, typer.Option(help="What it may call.")] = "all",
    endpoint: Annotated[
        Words, typer.Option(metavar="NAME", help="What a restricted key may call, as chat (repeatable).")
    ] = None,
    cidr: Annotated[
        Words, typer.Option(metavar="NETWORK", help="A network that it may be used from (repeatable).")
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="DURATION", help="How long it lives: 12h, 30d.")] = None,
    allow_unpriced: Annotated[bool, typer.Option("--allow-unpriced", help="Also models without a price.")] = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a key. It is shown now and never again."""
    from keywright.identity.key import KeyRequest, make_key
    from keywright.identity.keystring import issue

    request = KeyRequest(
        name=name,
        project=project,
        owner=owner,
        permission=permission,
        models=tuple(models or ()),
        endpoints=tuple(endpoint or ()),
        cidrs=tuple(cidr or ()),
        expires=expires,
        allow_unpriced=allow_unpriced,
    )
    issued = issue(kind, secrets.token_bytes)
    try:
        key = make_key(issued, request, int(time.time()))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    asyncio.run(_add(local_blueprint(config), key))
    if json:
        emit_json({"id": issued.id, "key": issued.secret.reveal()})
        return
    screen = console()
    screen.print(f"key {key.id} ({key.name}), shown only now:", style=DIM)
    screen.print(issued.secret.reveal(), style=STRONG)


def list_all(*, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List all keys, revoked ones included. Secrets are not known any more."""
    keys = asyncio.run(_keys(local_blueprint(config)))
    now_s = int(time.time())
    if json:
        emit_json({"keys": [as_json(key, now_s) for key in keys]})
        return
    show_table(
        ("id", "name", "kind", "project", "models", "expires", "state"),
        (_cells(key, now_s) for key in keys),
    )


def show(key_id: KeyId, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one key, without its secret."""
    key = asyncio.run(_key(local_blueprint(config), key_id))
    if key is None:
        raise _unknown(key_id)
    facts = as_json(key, int(time.time()))
    if json:
        emit_json(facts)
        return
    show_facts((name, _written(value)) for name, value in facts.items())


def revoke(key_id: KeyId, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Revoke a key for ever. A running gateway refuses it within two seconds."""
    blueprint = local_blueprint(config)
    known = asyncio.run(_key(blueprint, key_id))
    if known is None:
        raise _unknown(key_id)
    confirm(f"Revoke the key {known.id} ({known.name}) for ever?", yes=yes)
    now_s = int(time.time())
    key = asyncio.run(_revoke(blueprint, key_id, now_s))
    if key is None:
        raise _unknown(key_id)
    if json:
        emit_json(as_json(key, now_s))
        return
    console().print(f"key {key.id} ({key.name}) is revoked since {moment(key.revoked_s)}")


def as_json(key: Key, now_s: int) -> JsonObject:
    """All that is known of `key`, at `now_s` Unix seconds."""
    return {
        "id": key.id,
        "kind": key.kind,
        "name": key.name,
        "project": key.project,
        "owner": key.owner,
        "permission": key.permission,
        "models": list(key.models),
        "endpoints": list(key.endpoints),
        "cidrs": [str(network) for network in key.cidrs],
        "allow_unpriced": key.allow_unpriced,
        "created": moment(key.created_s),
        "expires": moment(key.expires_s),
        "revoked": moment(key.revoked_s),
        "state": state(key, now_s),
    }


def state(key: Key, now_s: int) -> str:
    """`active`, `expired` or `revoked`, at `now_s` Unix seconds."""
    if key.revoked_s is not None and key.revoked_s <= now_s:
        return "revoked"
    return "expired" if key.expires_s is not None and key.expires_s <= now_s else "active"


def moment(at_s: int | None) -> str | None:
    """Unix seconds as people and programs read them, UTC."""
    return None if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _cells(key: Key, now_s: int) -> tuple[str, ...]:
    models, expires = ", ".join(key.models) or "all", moment(key.expires_s) or "never"
    return (key.id, key.name, key.kind, key.project, models, expires, state(key, now_s))


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)


def _unknown(key_id: str) -> CommandError:
    """A whole key in the place of an id is not repeated."""
    if key_id.startswith("sk-"):
        return CommandError("that is not a key's id: give the 16 characters between sk-kw-, one letter, and the dash")
    return CommandError(f"there is no key with the id {key_id!r}: `keywright key list` shows them")


async def _add(blueprint: "Blueprint", key: Key) -> None:
    async with local_store(blueprint, create=True) as store:
        await store.add_key(key)


async def _keys(blueprint: "Blueprint") -> tuple[Key, ...]:
    async with local_store(blueprint, create=False) as store:
        return await store.keys()


async def _key(blueprint: "Blueprint", key_id: str) -> Key | None:
    async with local_store(blueprint, create=False) as store:
        return await store.key(key_id)


async def _revoke(blueprint: "Blueprint", key_id: str, now_s: int) -> Key | None:
    async with local_store(blueprint, create=False) as store:
        return await store.revoke_key(key_id, now_s)
