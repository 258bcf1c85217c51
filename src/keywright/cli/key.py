"""`keywright key`: make, list, show, change, rotate and revoke keys."""

from types import MappingProxyType
from typing import Annotated, Final, TypeAlias

import typer

from keywright.cli.api import Api, path, run
from keywright.cli.options import (
    Cidrs,
    Concurrency,
    ConfigFile,
    JsonFlag,
    KeyId,
    Models,
    RequestsPerMin,
    Tags,
    TokensPerMin,
    Yes,
    key_id,
)
from keywright.cli.screen import DIM, STRONG, confirm, console, emit_json, show_row, show_rows
from keywright.cli.words import Words, body, change, expiry, rates, said, several, tags
from keywright.control.resources import IssuedKeyRow, KeyRow, State
from keywright.core.identity import KeyKind, Permission, Role

CREATE_EXAMPLE: Final = "Example: keywright key create --name ci --models 'openai/*' --expires 30d"
LIST_EXAMPLE: Final = "Example: keywright key list --project search --state active --json"
SHOW_EXAMPLE: Final = "Example: keywright key show 3fZkQ0pW7sYt1LbC"
UPDATE_EXAMPLE: Final = "Example: keywright key update 3fZkQ0pW7sYt1LbC --models 'openai/gpt-5*' --expires never"
REVOKE_EXAMPLE: Final = "Example: keywright key revoke 3fZkQ0pW7sYt1LbC --yes"
ROTATE_EXAMPLE: Final = "Example: keywright key rotate 3fZkQ0pW7sYt1LbC --grace 24h"
CHILDREN_EXAMPLE: Final = "Example: keywright key children 3fZkQ0pW7sYt1LbC"

COLUMNS: Final = ("id", "name", "kind", "project", "owner", "models", "expires", "last_used", "last_address", "state")
ABSENT: Final = MappingProxyType({"models": "all", "expires": "never"})
NO_GRACE: Final = frozenset({"0", "0s"})

Endpoints: TypeAlias = Annotated[
    Words, typer.Option("--endpoint", metavar="NAME", help="What a restricted key may call, as chat (repeatable).")
]
Expires: TypeAlias = Annotated[
    str | None, typer.Option(metavar="WHEN", help="How long it lives, as 12h or 30d; or a time; or never.")
]
MayCall: TypeAlias = Annotated[Permission | None, typer.Option(help="What it may call.", show_default=False)]
Unpriced: TypeAlias = Annotated[
    bool | None, typer.Option("--allow-unpriced/--no-allow-unpriced", help="Also models without a price.")
]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="key", help="Make, list, change, rotate and revoke keys.")
    app.command("create", epilog=CREATE_EXAMPLE)(create)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("update", epilog=UPDATE_EXAMPLE)(update)
    app.command("rotate", epilog=ROTATE_EXAMPLE)(rotate)
    app.command("revoke", epilog=REVOKE_EXAMPLE)(revoke)
    app.command("children", epilog=CHILDREN_EXAMPLE)(children)
    return app


def create(
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the key is for.")],
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose usage it counts as (else default, or as the parent).")
    ] = None,
    kind: Annotated[KeyKind, typer.Option(help="Who uses it.")] = "service",
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who answers for it: a service account, else a user.")
    ] = None,
    parent: Annotated[
        str | None, typer.Option(metavar="ID", help="The key that it is derived from, and never exceeds.")
    ] = None,
    models: Models = None,
    permission: MayCall = None,
    endpoint: Endpoints = None,
    cidr: Cidrs = None,
    expires: Expires = None,
    allow_unpriced: Unpriced = None,
    tag: Tags = None,
    requests_per_min: RequestsPerMin = None,
    tokens_per_min: TokensPerMin = None,
    concurrency: Concurrency = None,
    role: Annotated[Role | None, typer.Option(help="What an admin key of nobody may administer (else owner).")] = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a key. It is shown now and never again. A project or an owner that is not there is made as well."""
    from keywright.cli.making import make_key

    wanted = body(
        {
            "name": name,
            "kind": kind,
            "project": said(project),
            "owner": said(owner),
            "parent": said(key_id(parent)),
            "permission": said(permission),
            "models": several(models),
            "endpoints": several(endpoint),
            "cidrs": several(cidr),
            "expires": expiry(expires),
            "allow_unpriced": said(allow_unpriced),
            "tags": tags(tag),
            **rates(requests_per_min, tokens_per_min, concurrency),
            "role": said(role),
        }
    )
    row = run(config, lambda api: make_key(api, wanted), create=True)
    if json:
        emit_json({"id": row.id, "key": row.key})
    else:
        _show_secret(row)


def list_all(
    *,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of that project.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of that owner.")] = None,
    kind: Annotated[KeyKind | None, typer.Option(help="Only those of that kind.")] = None,
    state: Annotated[State | None, typer.Option(help="Only those in that state.")] = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """List keys, revoked ones included. Secrets are not known any more."""
    which = {"project": project, "owner": owner, "kind": kind, "state": state}
    rows = run(config, lambda api: api.rows("/keys", KeyRow, which))
    _show_keys(rows, json=json)


def show(key: KeyId, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one key, without its secret."""
    show_row(run(config, lambda api: api.get(path("keys", key), KeyRow)), json=json, absent=ABSENT)


def update(
    key: KeyId,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What the key is for.")] = None,
    models: Models = None,
    permission: MayCall = None,
    endpoint: Endpoints = None,
    cidr: Cidrs = None,
    expires: Expires = None,
    allow_unpriced: Unpriced = None,
    tag: Tags = None,
    requests_per_min: RequestsPerMin = None,
    tokens_per_min: TokensPerMin = None,
    concurrency: Concurrency = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Change a key: what is given, no more. What narrows it narrows the keys that are derived from it."""
    wanted = change(
        {
            "name": said(name),
            "permission": said(permission),
            "models": several(models),
            "endpoints": several(endpoint),
            "cidrs": several(cidr),
            "expires": expiry(expires),
            "allow_unpriced": said(allow_unpriced),
            "tags": tags(tag),
            **rates(requests_per_min, tokens_per_min, concurrency),
        }
    )
    show_row(run(config, lambda api: api.patch(path("keys", key), wanted, KeyRow)), json=json, absent=ABSENT)


def revoke(key: KeyId, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Revoke a key, and those that are derived from it, for ever. Gateways refuse it within two seconds."""
    row = run(config, lambda api: _revoke(api, key, yes=yes))
    if json:
        emit_json(row)
    else:
        console().print(f"key {row.id} ({row.name}) is revoked since {row.revoked}")


def rotate(
    key: KeyId,
    *,
    grace: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the secret until now goes on working; 0s: not at all.")
    ] = "24h",
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Give a key a new secret. It is shown now and never again."""
    if grace in NO_GRACE:
        confirm(f"End the secret of the key {key} at once?", yes=yes)
    row = run(config, lambda api: api.post(path("keys", key, "rotate"), {"grace": grace}, IssuedKeyRow))
    if json:
        emit_json({"id": row.id, "key": row.key, "previous_until": row.previous_until})
        return
    _show_secret(row)
    if row.previous_until is not None:
        console().print(f"the secret until now works until {row.previous_until}", style=DIM)


def children(key: KeyId, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List the keys that are derived from one."""
    _show_keys(run(config, lambda api: api.rows(path("keys", key, "children"), KeyRow)), json=json)


async def _revoke(api: Api, key: str, *, yes: bool) -> KeyRow:
    known = await api.get(path("keys", key), KeyRow)
    confirm(f"Revoke the key {known.id} ({known.name}) for ever?", yes=yes)
    return await api.post(path("keys", key, "revoke"), None, KeyRow)


def _show_keys(rows: list[KeyRow], *, json: bool) -> None:
    show_rows(rows, COLUMNS, json=json, title="keys", absent=ABSENT)


def _show_secret(row: IssuedKeyRow) -> None:
    screen = console()
    screen.print(f"key {row.id} ({row.name}), shown only now:", style=DIM)
    screen.print(row.key, style=STRONG)
