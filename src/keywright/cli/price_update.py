"""`keywright prices update`, `rollback`, `export` and `sign`: newer prices, from whom, and back again."""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.place import local_blueprint
from keywright.cli.price_lists import kept_lists, list_named
from keywright.cli.screen import confirm, console, emit_json, show_facts
from keywright.core.errors import SourceError
from keywright.core.json import JsonObject

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from keywright.catalog.difference import Difference
    from keywright.catalog.received import Received
    from keywright.catalog.snapshot import Snapshot
    from keywright.config import PricesSource
    from keywright.house.blueprint import Blueprint
    from keywright.house.price_source import Fetched
    from keywright.store.price_lists import PriceList

UPDATE_EXAMPLE: Final = "Example: keywright prices update --check"
SIGN_EXAMPLE: Final = "Example: keywright prices sign prices.json --key file:/etc/keywright/prices.pem"


class Update(Struct, frozen=True):
    """What came, against the list that counts. `is_new`: it is another list; `is_proven`: signed by the known key."""

    fetched: "Fetched"
    received: "Received"
    old: "Snapshot"
    difference: "Difference"
    is_new: bool
    is_proven: bool


def add_to(app: typer.Typer) -> None:
    """The commands, as part of the group `prices`."""
    app.command("update", epilog=UPDATE_EXAMPLE)(update)
    app.command("rollback", epilog="Example: keywright prices rollback --yes")(roll_back)
    app.command("export", epilog="Example: keywright prices export prices.json")(export)
    app.command("sign", epilog=SIGN_EXAMPLE)(sign)


def update(
    *,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A file, in place of the configured address.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what would change, and change nothing.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Models whose odd prices you have checked (repeatable)."),
    ] = None,
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Fetch newer prices, check them, and let every gateway on this store use them."""
    blueprint = local_blueprint(config)
    found = asyncio.run(_find(blueprint, source, tuple(accept or ())))
    if not json:
        _show(found)
    applied = None
    if found.is_new and not check:
        if not found.is_proven:
            confirm(
                f"Use these prices, which nobody has signed, from now on ({found.received.snapshot.as_of})?", yes=yes
            )
        applied = asyncio.run(_apply(blueprint, found))
    if json:
        emit_json({**_facts(found), "applied": applied is not None})
    elif applied is not None:
        console().print(f"the prices of {applied.as_of} count now; `keywright prices rollback` goes back")


def roll_back(*, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Withdraw the price list that counts: the one before it counts again. Nothing recorded changes."""
    blueprint = local_blueprint(config)
    confirm("Go back to the price list before the one that counts?", yes=yes)
    withdrawn, counts = asyncio.run(_roll_back(blueprint))
    if json:
        emit_json({"withdrawn": withdrawn.as_of, "counts": counts.as_of})
    else:
        console().print(f"the prices of {counts.as_of} count again; those of {withdrawn.as_of} are kept but do not")


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; must not exist.")],
    *,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="An older list (else the one that counts).")] = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Write a price list to a file, to be mirrored and signed."""
    from keywright.catalog.snapshot import encode

    snapshot = asyncio.run(_listed(local_blueprint(config), as_of))
    try:
        with file.open("xb") as out:
            out.write(encode(snapshot))
    except FileExistsError:
        raise CommandError(f"{file} exists already") from None
    if json:
        emit_json({"file": str(file), "as_of": snapshot.as_of})
    else:
        console().print(f"wrote the prices of {snapshot.as_of} to {file}")


def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A price list, as `export` writes it.")],
    *,
    key: Annotated[str, typer.Option(metavar="REF", help="Where the private key is: file:/path of a PEM.")],
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Sign a price list with your Ed25519 key: writes FILE.sig, and says the public key for `prices_source`."""
    from keywright.catalog import received, signature

    document = file.read_bytes()
    try:
        found = received.read(document, datetime.now(UTC).date(), "0001-01-01")
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from None
    if not found.is_ours:
        raise CommandError(
            f"{file}: genai-prices' data has no date to sign: take it over, then `keywright prices export`"
        )
    private = _private_key(local_blueprint(config), key)
    beside = file.with_name(file.name + signature.SUFFIX)
    beside.write_text(signature.sign(document, private) + "\n", encoding="ascii")
    public = signature.public_text(private)
    if json:
        emit_json({"file": str(beside), "public_key": public, "as_of": found.snapshot.as_of, "digest": found.digest})
    else:
        show_facts((("signature", str(beside)), ("public_key", public), ("as of", found.snapshot.as_of)))


def _private_key(blueprint: "Blueprint", reference: str) -> "Ed25519PrivateKey":
    from keywright.catalog.signature import private_key
    from keywright.house.stores.keeping import vault_of

    secret = vault_of(blueprint.config, os.environ, blueprint.base).document(reference)
    try:
        return private_key(secret.reveal())
    except ValueError as error:
        raise CommandError(f"{reference}: {error}") from None


async def _find(blueprint: "Blueprint", file: Path | None, accepted: tuple[str, ...]) -> Update:
    """What there is to take over.

    Raises:
        SourceError: nothing can be had, or it may not count; says why.
    """
    from keywright.catalog import received
    from keywright.catalog.difference import difference
    from keywright.catalog.plausible import faults

    source = blueprint.config.prices_source
    fetched = await _fetch(blueprint, source, file)
    async with kept_lists(blueprint) as kept:
        heads = await kept.lists.all()
        old = kept.snapshot
    try:
        found = received.read(fetched.data, datetime.now(UTC).date(), heads[-1].as_of)
        is_proven = _proven(source, found, fetched.signature)
    except ValueError as error:
        raise SourceError(f"{fetched.where} is refused, and nothing was changed: {error}") from None
    is_same = found.snapshot.catalogues == old.catalogues and (not found.is_ours or found.snapshot.as_of == old.as_of)
    wrong = () if is_same else faults(old, found.snapshot, accepted)
    if wrong:
        raise SourceError("\n".join((f"{fetched.where} is refused, and nothing was changed:", *wrong)))
    return Update(fetched, found, old, difference(old, found.snapshot), not is_same, is_proven)


async def _fetch(blueprint: "Blueprint", source: "PricesSource", file: Path | None) -> "Fetched":
    from keywright.guard.address import is_public
    from keywright.house.price_source import from_file, from_source
    from keywright.house.reading import Reading
    from keywright.transport.pool import Pool

    if file is not None:
        return from_file(file)
    pool = Pool(allowed=is_public, environment=os.environ)
    try:
        return await from_source(source, blueprint.base, Reading(pool))
    finally:
        await pool.aclose()


def _proven(source: "PricesSource", found: "Received", signed: str) -> bool:
    """Whether the list is signed by the key that the configuration names; False where it names none.

    Raises:
        ValueError: it names one, and the list is not signed by it.
    """
    from keywright.catalog.signature import verify

    if source.public_key is None:
        return False
    if not found.is_ours:
        raise ValueError(
            "[prices_source] public_key wants a signed list, and this is genai-prices' data, which has no date"
        )
    if not signed:
        raise ValueError("[prices_source] public_key wants a signed list, and there is no signature beside it")
    verify(found.document, signed, source.public_key)
    return True


async def _apply(blueprint: "Blueprint", found: Update) -> "PriceList":
    signature = found.fetched.signature.strip() if found.is_proven else ""
    async with kept_lists(blueprint, create=True) as kept:
        return await kept.lists.add(found.received.document, signature, int(time.time()))


async def _roll_back(blueprint: "Blueprint") -> "tuple[PriceList, PriceList]":
    async with kept_lists(blueprint) as kept:
        return await kept.lists.roll_back(int(time.time()))


async def _listed(blueprint: "Blueprint", as_of: str | None) -> "Snapshot":
    async with kept_lists(blueprint) as kept:
        return kept.snapshot if as_of is None else await list_named(kept.lists, as_of)


def _show(found: Update) -> None:
    from keywright.cli.prices import show_difference

    if not found.is_new:
        console().print(f"the prices of {found.old.as_of} count, and there are no others at {found.fetched.where}")
        return
    signed = "yes, by the configured key" if found.is_proven else "no"
    show_facts(
        (
            ("from", found.fetched.where),
            ("as of", f"{found.received.snapshot.as_of} (now {found.old.as_of})"),
            ("SHA-256", found.received.received),
            ("signed", signed),
        )
    )
    show_difference(found.difference)


def _facts(found: Update) -> JsonObject:
    from keywright.cli.prices import difference_facts

    return {
        "from": found.fetched.where,
        "as_of": found.received.snapshot.as_of if found.is_new else found.old.as_of,
        "counted": found.old.as_of,
        "digest": found.received.digest,
        "received": found.received.received,
        "new": found.is_new,
        "signed": found.is_proven,
        "difference": difference_facts(found.difference),
    }
