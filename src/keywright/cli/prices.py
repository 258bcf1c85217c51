"""`keywright prices`: what models cost, since when, by which list, and what changed."""

import asyncio
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Final

import typer

from keywright.cli import price_update, rerate
from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import local_blueprint
from keywright.cli.price_lists import counting, kept_lists, list_named
from keywright.cli.screen import console, emit_json, show_facts, show_table
from keywright.core.errors import ConfigError
from keywright.core.json import JsonObject
from keywright.core.money import to_usd

if TYPE_CHECKING:
    from keywright.catalog.difference import Difference
    from keywright.catalog.price import Price, Rates
    from keywright.catalog.snapshot import ModelRow, Snapshot
    from keywright.house.blueprint import Blueprint
    from keywright.store.price_lists import PriceList

LIST_EXAMPLE: Final = "Example: keywright prices list --model 'openai/gpt-5*'"
SHOW_EXAMPLE: Final = "Example: keywright prices show openai/gpt-4o@2026-11-24"
DIFF_EXAMPLE: Final = "Example: keywright prices diff --from 2026-11-01 --to 2026-11-24"
PER_MILLION: Final = 10**6
PER_PIECE: Final = frozenset({"search", "request"})
CHANGES_SHOWN: Final = 60
SHOWN_FIELDS: Final = ("input", "output", "cache_read", "cache_write", "request")


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="prices", help="What models cost: list, compare, update, apply to the past.")
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("diff", epilog=DIFF_EXAMPLE)(diff)
    app.command("history", epilog="Example: keywright prices history --json")(history)
    price_update.add_to(app)
    rerate.add_to(app)
    return app


def list_all(
    *,
    model: Annotated[str, typer.Option(metavar="GLOB", help="Only models `catalogue/model` that fit.")] = "*",
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """List the prices that count now, in US dollars per million tokens; your own first."""
    from keywright.catalog.difference import models

    blueprint = local_blueprint(config)
    own = _own(blueprint)
    snapshot = asyncio.run(counting(blueprint))
    listed = {name: row for name, row in models(snapshot).items() if fnmatchcase(name, model)}
    chosen = {name: price for name, price in own.items() if fnmatchcase(name, model)}
    if json:
        emit_json(
            {
                "as_of": snapshot.as_of,
                "source": snapshot.source,
                "own": [{"model": name, "id": price.id, **_rates(price)} for name, price in chosen.items()],
                "models": [{"model": name, "prices": list(row.prices)} for name, row in listed.items()],
            }
        )
        return
    rows = [
        (
            name,
            "own",
            *(_rates(price)[field] for field in ("input", "output", "cache_read", "cache_write_5m", "request")),
        )
        for name, price in chosen.items()
    ]
    rows += [line for name, row in listed.items() for line in _lines(name, row)]
    if not rows:
        raise CommandError(f"no model fits {model!r}; the prices of {snapshot.as_of} know names as openai/gpt-4o")
    show_table(("model", "counts", *SHOWN_FIELDS), rows, SHOWN_FIELDS)
    console().print(f"{len(rows)} prices as of {snapshot.as_of} ({snapshot.source})", style="dim")


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="As a ledger entry names its price.")],  # noqa: A002
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Show the numbers of one price, of whatever list it was."""
    price = asyncio.run(_price(local_blueprint(config), id))
    if json:
        tiers = [{"above": tier.above, **_amounts(tier.rates)} for tier in price.tiers]
        emit_json({"id": price.id, **_rates(price), "tiers": tiers})
        return
    facts = [("id", price.id), *((field.replace("_", " "), amount) for field, amount in _rates(price).items())]
    for tier in price.tiers:
        facts += [(f"above {tier.above} {field}", amount) for field, amount in _amounts(tier.rates).items()]
    show_facts(facts)


def diff(
    *,
    before: Annotated[
        str | None, typer.Option("--from", metavar="DATE|FILE", help="The list before (else the one before the last).")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--to", metavar="DATE|FILE", help="The list after (else the one that counts).")
    ] = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Show what changed between two price lists."""
    from keywright.catalog.difference import difference

    old, new = asyncio.run(_two(local_blueprint(config), before, after))
    found = difference(old, new)
    if json:
        emit_json({"from": old.as_of, "to": new.as_of, **difference_facts(found)})
        return
    console().print(f"from {old.as_of} ({old.source}) to {new.as_of} ({new.source})")
    show_difference(found)


def history(*, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List every price list that is kept, and which one counts."""
    heads = asyncio.run(_history(local_blueprint(config)))
    counts = next((head.as_of for head in reversed(heads) if head.withdrawn_s is None), "")
    if json:
        emit_json({"counts": counts, "lists": heads})
        return
    show_table(
        ("as of", "counts", "signed", "digest", "source"),
        (
            (
                head.as_of,
                "now" if head.as_of == counts else "rolled back" if head.withdrawn_s is not None else "",
                "yes" if head.signature else "",
                head.digest[:12],
                head.source,
            )
            for head in heads
        ),
    )


def difference_facts(found: "Difference") -> JsonObject:
    """A difference for a program."""
    return {
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": [
            {"model": change.model, "field": change.field, "old": change.old, "new": change.new}
            for change in found.changed
        ],
        "renamed": list(found.renamed),
    }


def show_difference(found: "Difference") -> None:
    """A difference for a person: amounts in US dollars per million tokens, or per piece."""
    rows = [(change.model, change.field, change.old or "-", change.new or "-") for change in found.changed]
    rows += [(name, "new model", "", "") for name in found.added]
    rows += [(name, "no longer listed", "", "") for name in found.removed]
    if rows:
        show_table(("model", "what", "before", "after"), rows[:CHANGES_SHOWN], ("before", "after"))
    screen = console()
    if len(rows) > CHANGES_SHOWN:
        screen.print(f"and {len(rows) - CHANGES_SHOWN} more; --json tells all")
    if found.renamed:
        screen.print(f"other names lead to {len(found.renamed)} models, among them {', '.join(found.renamed[:3])}")
    if not rows and not found.renamed:
        screen.print("no price differs")


async def _two(blueprint: "Blueprint", before: str | None, after: str | None) -> "tuple[Snapshot, Snapshot]":
    async with kept_lists(blueprint) as kept:
        new = kept.snapshot if after is None else await list_named(kept.lists, after)
        if before is not None:
            return await list_named(kept.lists, before), new
        dates = [head.as_of for head in await kept.lists.all() if head.withdrawn_s is None]
        old = await kept.lists.of(dates[-2]) if len(dates) > 1 else None
        if old is None:
            raise CommandError("there is one price list only: say --from DATE or --from FILE")
        return old, new


async def _history(blueprint: "Blueprint") -> "tuple[PriceList, ...]":
    async with kept_lists(blueprint) as kept:
        return await kept.lists.all()


async def _price(blueprint: "Blueprint", text: str) -> "Price":
    from keywright.catalog.rowid import constant_price, listed_price, parse

    constant = constant_price(text)
    if constant is not None:
        return constant
    row = parse(text)
    if row is None:
        raise CommandError(
            f"{text!r} is no price's id: `keywright usage` and the ledger name them as {SHOW_EXAMPLE[31:]}"
        )
    async with kept_lists(blueprint) as kept:
        snapshot = await kept.lists.of(row.as_of)
    if snapshot is None:
        raise CommandError(
            f"the price list of {row.as_of} is not kept here: `keywright prices history` lists those that are"
        )
    found = listed_price(snapshot, row)
    if found is None:
        raise CommandError(f"the price list of {row.as_of} has no such price of {row.catalogue}/{row.model}")
    return found


def _own(blueprint: "Blueprint") -> "dict[str, Price]":
    from keywright.house.sources import own_prices

    try:
        return own_prices(blueprint.config.prices)
    except ConfigError as error:
        raise CommandError(str(error)) from None


def _lines(name: str, row: "ModelRow") -> list[tuple[str, ...]]:
    """A line for each price of a model."""
    lines = []
    for priced in row.prices:
        when = priced.starts and f"from {priced.starts}"
        if priced.between is not None:
            when = "{}-{} UTC".format(*priced.between)
        tiers = f"{'; ' if when else ''}{len(priced.tiers)} tiers" if priced.tiers else ""
        amounts = (getattr(priced, field) or "-" for field in SHOWN_FIELDS)
        lines.append((name, f"{when}{tiers}", *amounts))
    return lines


def _rates(price: "Price") -> dict[str, str]:
    return _amounts(price.rates)


def _amounts(rates: "Rates") -> dict[str, str]:
    """Every rate in US dollars: per million tokens, or per piece."""
    return {
        field: to_usd(getattr(rates, field) * (1 if field in PER_PIECE else PER_MILLION))
        for field in rates.__struct_fields__
        if not field.endswith("_dearest")
    }
