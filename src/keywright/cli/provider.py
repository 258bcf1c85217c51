"""`keywright provider`: which providers there are, what each wants, and whether our keys for it are alive."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer
from msgspec import Struct

from keywright.cli.errors import FAILED, CommandError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.screen import emit_json, show_facts, show_table
from keywright.cli.secret_stores import opened_keeper
from keywright.core.json import JsonObject

if TYPE_CHECKING:
    from keywright.config import Config
    from keywright.house.blueprint import Blueprint
    from keywright.pipeline.routes import Source
    from keywright.providers.provider import Provider
    from keywright.transport.pool import Pool
    from keywright.vault.keeper import Keeper

EXAMPLE: Final = "Example: keywright provider test openai"

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The provider, by its name in the configuration.")]


class Proof(Struct, frozen=True):
    """What became of testing one credential."""

    provider: str
    credential: str
    address: str
    verdict: str
    why: str


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="provider", help="List, show and test providers.", callback=_group)
    app.command("list", epilog="Example: keywright provider list --json")(list_all)
    app.command("show", epilog="Example: keywright provider show bedrock")(show)
    app.command("test", epilog=EXAMPLE)(prove)
    return app


def _group() -> None:
    """List, show and test providers."""


def list_all(*, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List the built-in providers and those of the configuration, and which of them have what they need."""
    from keywright import providers

    given = asyncio.run(_blueprint(config)).config
    own = [name for name in given.providers if providers.find(name) is None]
    rows = [(_row(given, name), name in given.providers) for name in (*own, *(row.name for row in providers.PROVIDERS))]
    if json:
        emit_json({"providers": [{**_facts(row), "configured": has} for row, has in rows]})
        return
    show_table(
        ("name", "provider", "configured", "key from"),
        ((row.name, row.title, "yes" if has else "", " or ".join(row.env)) for row, has in rows),
    )


def show(name: Name, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one provider: address, endpoints, how it is signed in to, and its settings."""
    row = _row(asyncio.run(_blueprint(config)).config, name)
    facts = _facts(row)
    if json:
        emit_json(facts)
        return
    show_facts((field.replace("_", " "), _shown(value)) for field, value in facts.items() if field != "endpoints")
    show_table(("endpoint", "dialect", "path"), ((each.kind, each.dialect, each.path) for each in row.endpoints))


def prove(name: Name, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Make the cheapest call that proves key and address: live, dead or unknown, and why. Fails unless all are live."""
    proofs = asyncio.run(_prove(name, config))
    if json:
        emit_json({"credentials": proofs, "live": all(proof.verdict == "live" for proof in proofs)})
    else:
        columns = ("provider", "credential", "address", "verdict", "why")
        show_table(columns, ((p.provider, p.credential or "-", p.address, p.verdict, p.why) for p in proofs))
    if any(proof.verdict != "live" for proof in proofs):
        raise typer.Exit(FAILED)


async def _blueprint(config: "ConfigFile") -> "Blueprint":
    from pathlib import Path

    from keywright.cli.place import config_path
    from keywright.house.blueprint import plan_house

    return await plan_house(config_path(config), os.environ, Path())


async def _prove(name: str, config: ConfigFile) -> list[Proof]:
    from keywright.guard.address import is_public
    from keywright.house.custody import proving
    from keywright.transport.pool import Pool

    blueprint = await _blueprint(config)
    pool = Pool(allowed=is_public, environment=os.environ)
    try:
        async with opened_keeper(blueprint) as keeper:
            sources = await _sources(name, blueprint, keeper, pool)
            moved = bool(blueprint.config.providers[name].base_url)
            verdicts = await asyncio.gather(*(proving.prove(source, pool, is_moved=moved) for source in sources))
    finally:
        await pool.aclose()
    return [
        Proof(name, source.credential.fingerprint, _address(source), verdict.life, verdict.why)
        for source, verdict in zip(sources, verdicts, strict=True)
    ]


async def _sources(name: str, blueprint: "Blueprint", keeper: "Keeper", pool: "Pool") -> "list[Source]":
    from keywright.config import Config
    from keywright.house.custody.credentials import Credentials
    from keywright.house.sources import Breakers, build_routes
    from keywright.transport.breaker import Breaker, BreakerSettings

    given = blueprint.config.providers.get(name)
    if given is None:
        _row(blueprint.config, name)
        raise CommandError(f"{name} is not configured: set its key, or write [providers.{name}]")
    only = Config(providers={name: given})
    breakers = Breakers(lambda: Breaker(BreakerSettings()))
    credentials = Credentials(keeper, os.environ, pool, blueprint.clock)
    await keeper.learn(*credentials.wanted(only))
    routes = build_routes(only, credentials, breakers, {}, blueprint.base, os.environ)
    return [source for source in routes.inventory if not routes.is_disabled(source)]


def _row(config: "Config", name: str) -> "Provider":
    """The row by that name, with what the configuration changes of it."""
    from keywright import providers
    from keywright.config import resolve_provider
    from keywright.config.faults import nearest

    given = config.providers.get(name)
    if given is not None:
        return resolve_provider(name, given, os.environ)
    row = providers.find(name)
    if row is None:
        names = [known.name for known in providers.PROVIDERS]
        raise CommandError(f"there is no provider {name}; {nearest(name, names)}")
    return row


def _facts(row: "Provider") -> JsonObject:
    from keywright.providers.check import check_of

    check = check_of(row)
    return {
        "name": row.name,
        "title": row.title,
        "docs": row.docs,
        "base_url": row.base_url,
        "credential": type(row.credential).__name__,
        "identity": type(row.identity).__name__ if row.identity else None,
        "key_optional": row.key_optional,
        "environment": list(row.env),
        "settings": [setting.name for setting in row.settings],
        "catalogue": row.catalogue,
        "checked_by": f"{check.method} {check.url}" if check else None,
        "endpoints": [{"kind": each.kind, "dialect": each.dialect, "path": each.path} for each in row.endpoints],
    }


def _shown(value: object) -> str:
    if value in (None, [], ""):
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _address(source: "Source") -> str:
    origin = source.reach.origin
    return f"{origin.scheme}://{origin.host}:{origin.port}{source.base_path}"
