"""`keywright usage reconcile`: the ledger of one day against the provider's own figures."""

import asyncio
import os
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from keywright.cli.drift import FIGURES, cells, line_facts
from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import local_blueprint, local_store
from keywright.cli.price_lists import counting
from keywright.cli.screen import console, emit_json, show_table
from keywright.cli.secret_stores import opened_keeper
from keywright.core.errors import SecretError
from keywright.core.json import JsonObject
from keywright.core.money import to_usd

if TYPE_CHECKING:
    from keywright.config import ProviderConfig
    from keywright.core.secret import Secret
    from keywright.house.blueprint import Blueprint
    from keywright.reconcile import Reader
    from keywright.reconcile.compare import Report
    from keywright.reconcile.matching import Matched
    from keywright.reconcile.reader import Told
    from keywright.store.served import Lost, Served

EXAMPLE: Final = "Example: keywright usage reconcile --provider openai --day yesterday"
DRIFTED: Final = 3
"""The exit code when ledger and provider differ by more than the tolerance."""
DAY_S: Final = 86_400


class Found(Struct, frozen=True):
    """What there is to say. `is_partial`: the day is not over."""

    provider: str
    day: date
    is_partial: bool
    report: "Report"
    matched: "tuple[Matched, ...]"
    lost: "Lost"
    notes: tuple[str, ...]


def reconcile(
    *,
    provider: Annotated[str, typer.Option(metavar="NAME", help="The provider, by its name in the configuration.")],
    day: Annotated[
        str, typer.Option(metavar="DAY", help="A UTC day, 2026-11-24, or yesterday or today.")
    ] = "yesterday",
    tolerance: Annotated[str, typer.Option(metavar="PERCENT", help="How much drift is none.")] = "1",
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Compare the ledger with what the provider itself says was used and billed. Exit code 3: they differ."""
    now = datetime.fromtimestamp(time.time(), UTC)
    wanted = _day(day, now.date())
    found = asyncio.run(_reconcile(local_blueprint(config), provider, wanted, _percent(tolerance), now))
    if json:
        emit_json({**_facts(found), "tolerance_percent": tolerance})
    else:
        _show(found)
    if found.report.exceeds:
        raise typer.Exit(DRIFTED)


async def _reconcile(blueprint: "Blueprint", name: str, day: date, tolerance: Decimal, now: datetime) -> Found:
    from keywright.catalog.catalogue import Catalogue
    from keywright.config import resolve_provider
    from keywright.reconcile.compare import Recorded, compare
    from keywright.reconcile.reader import starts

    given, reader = _provider(blueprint, name)
    is_partial = day == now.date()
    _require_told(name, reader, day, now.date())
    told = await _told(blueprint, name, given, reader, day)
    since_s = int(starts(day).timestamp())
    served, lost = await _recorded(blueprint, name, since_s)
    matched = await _matched(blueprint, given, told, served)
    catalogue = Catalogue(await counting(blueprint))
    listed = resolve_provider(name, given, os.environ).catalogue or name

    def named(model: str) -> str:
        """The catalogue's id of the model, else the name as it is."""
        known = catalogue.find(listed, model)
        return model if known is None else known.id

    recorded = [
        Recorded(
            model=row.model.removeprefix(f"{name}/"),
            credential=row.credential,
            calls=row.calls,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost=row.cost_picodollars,
            counted=row.counted,
        )
        for row in served
    ]
    fingerprints = {key.id: key.fingerprint for key in matched}
    report = compare(told, recorded, fingerprints, named, tolerance)
    return Found(name, day, is_partial, report, matched, lost, tuple(_notes(reader, report, matched, lost, is_partial)))


def _provider(blueprint: "Blueprint", name: str) -> "tuple[ProviderConfig, Reader]":
    from keywright.reconcile import READERS

    given = blueprint.config.providers.get(name)
    if given is None:
        raise CommandError(f"{name} is not configured: write [providers.{name}] with its api_key and its admin_key")
    reader = READERS.get(given.kind or name)
    if reader is None:
        raise CommandError(
            f"{given.kind or name} tells no figures of its own that can be read; those that do: {', '.join(READERS)}"
        )
    return given, reader


def _require_told(name: str, reader: "Reader", day: date, today: date) -> None:
    """Return when the provider can tell of `day`."""
    if day > today:
        raise CommandError(f"{day} has not begun (days are UTC days; today is {today})")
    if reader.completed_only and day == today:
        raise CommandError(f"{name} tells of days that are over: {day} is over at 00:00 UTC")
    if reader.days_back_max is not None and day < today - timedelta(days=reader.days_back_max):
        raise CommandError(f"{name} tells of the last {reader.days_back_max} days only, and {day} was before them")


async def _told(blueprint: "Blueprint", name: str, given: "ProviderConfig", reader: "Reader", day: date) -> "Told":
    from keywright.guard.address import is_public
    from keywright.house.figures import Figures
    from keywright.house.reading import Reading
    from keywright.transport.pool import Pool

    if given.admin_key is None:
        raise CommandError(
            f'providers.{name}.admin_key is missing: write admin_key = "env:{reader.key_variable}"; '
            f"{name} wants {reader.key_kind}"
        )
    async with opened_keeper(blueprint) as keeper:
        await keeper.learn((given.admin_key,))
        secret = keeper.secret(given.admin_key)
    pool = Pool(allowed=is_public, environment=os.environ)
    try:
        return await Figures(name, given, secret, Reading(pool), os.environ).told(reader, day)
    finally:
        await pool.aclose()


async def _recorded(blueprint: "Blueprint", name: str, since_s: int) -> "tuple[tuple[Served, ...], Lost]":
    from keywright.store.served import select_lost, select_served

    until_s = since_s + DAY_S
    async with local_store(blueprint, create=False) as store:
        return await store.database.read(
            lambda connection: (
                select_served(connection, name, since_s, until_s),
                select_lost(connection, since_s, until_s),
            )
        )


async def _matched(
    blueprint: "Blueprint", given: "ProviderConfig", told: "Told", served: "tuple[Served, ...]"
) -> "tuple[Matched, ...]":
    from keywright.reconcile.matching import matched
    from keywright.vault.hint import fits

    secrets = await _secrets(blueprint, given)

    def fitting(hint: str) -> tuple[str, ...]:
        return tuple(secret.fingerprint for secret in secrets if fits(secret, hint))

    known = {*(row.credential for row in served), *(secret.fingerprint for secret in secrets)} - {""}
    return matched(told.keys, given.key_ids, known, fitting)


async def _secrets(blueprint: "Blueprint", given: "ProviderConfig") -> "list[Secret]":
    """The provider's keys that can be had: one that is gone is only not recognised by its ends."""
    references = (*given.api_key, *(text for table in given.credentials for text in table.api_key))
    found = []
    async with opened_keeper(blueprint) as keeper:
        await keeper.learn(references)
        for reference in references:
            with suppress(SecretError):
                found.append(keeper.secret(reference))
    return found


def _notes(
    reader: "Reader", report: "Report", matched: "tuple[Matched, ...]", lost: "Lost", is_partial: bool
) -> "list[str]":
    """What explains drift, in the order in which it matters."""
    notes = []
    if is_partial:
        notes.append("The day is not over, and providers' figures lag: what differs now may agree tomorrow.")
    if report.foreign and not matched:
        notes.append(
            "None of the provider's keys is known to be one of the gateway's: "
            "write key_ids (the provider's id of a key = the fingerprint that `keywright usage --by credential` shows)."
        )
    elif report.foreign:
        notes.append("Keys that are not the gateway's were used as well; what they used is no drift and not counted.")
    if report.uncompared:
        notes.append(f"Not compared, as other keys share it: the cost of {', '.join(report.uncompared)}.")
    if report.total.counted:
        notes.append(
            f"{report.total.counted} calls are recorded as the gateway counted them; the provider told no usage."
        )
    if lost.calls:
        notes.append(
            f"{lost.calls} calls of all providers died with a gateway's process that day and are recorded as lost, at "
            f"{to_usd(lost.cost_picodollars)} USD at worst: the provider may have billed some, and no line has them."
        )
    return [*notes, *reader.remarks]


def _day(text: str, today: date) -> date:
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write 2026-11-24", param_hint="--day") from None


def _percent(text: str) -> Decimal:
    try:
        percent = Decimal(text)
    except InvalidOperation:
        percent = Decimal(-1)
    if not percent.is_finite() or not 0 <= percent <= 1000:
        raise typer.BadParameter(f"{text!r} is no percentage from 0 to 1000", param_hint="--tolerance")
    return percent


def _facts(found: Found) -> JsonObject:
    report = found.report
    return {
        "provider": found.provider,
        "day": found.day.isoformat(),
        "partial": found.is_partial,
        "exceeds": report.exceeds,
        "total": line_facts(report.total),
        "models": [line_facts(line) for line in report.models],
        "keys": [line_facts(line) for line in report.keys],
        "other_keys": [line_facts(line) for line in report.foreign],
        "uncompared_costs": list(report.uncompared),
        "matched": [{"id": key.id, "fingerprint": key.fingerprint, "by": key.how} for key in found.matched],
        "lost": {"calls": found.lost.calls, "cost_usd": to_usd(found.lost.cost_picodollars)},
        "notes": list(found.notes),
    }


def _show(found: Found) -> None:
    report = found.report
    screen = console()
    screen.print(f"{found.provider}, {found.day} (UTC): the provider / the ledger")
    if not (report.models or report.foreign):
        screen.print("nothing was used that day, say both")
    lines = [*report.models, *([report.total] if report.models else [])]
    if lines:
        show_table(("model", *FIGURES), [(line.model or "total", *cells(line)) for line in lines], FIGURES)
    for title, several in (("by key", report.keys), ("by keys that are not the gateway's", report.foreign)):
        if several:
            screen.print(title)
            show_table(("model", "key", *FIGURES), [(line.model, line.key, *cells(line)) for line in several], FIGURES)
    for note in found.notes:
        screen.print(f"- {note}")
