"""The price of units, by the price list's JSON and nothing else: in decimals, by hand.

A price is found by its id, as a ledger entry keeps it: `catalogue/model@date`, `#1` for a further row, `+priority:day`
for a service tier from a day on, `?` where the plain price stood in; or an operator's own, which holds its amounts.
"""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import keywright
from tests.conformance.cost.bills import Units

Quotes = dict[str, Any]  # the JSON boundary

LIST: Final = Path(keywright.__file__).parent / "catalog" / "data" / "catalogue.json"
PICODOLLARS: Final = Decimal(10**12)
AMOUNTS: Final = (
    "input",
    "output",
    "reasoning",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "audio_input",
    "audio_output",
    "audio_cache_read",
    "image_input",
    "image_output",
    "search",
    "request",
)


@cache
def rows() -> dict[tuple[str, str], Quotes]:
    """Every model of the list, by its catalogue and id."""
    whole = json.loads(LIST.read_text(encoding="utf-8"))
    return {(each["id"], model["id"]): model for each in whole["catalogues"] for model in each["models"]}


def cost(price: str, units: Units, prompt: int) -> Decimal:
    """What `units` cost by the price of that id, in picodollars. `prompt`: all prompt tokens."""
    if price == "free":
        return Decimal(0)
    quotes = stepped(quoted(price), prompt)
    per = {name: Decimal(text) for name, text in quotes.items() if name in AMOUNTS}
    usd = per.get("request", Decimal(0))
    for unit, amount in units.items():
        usd += amount * (rate(per, unit) if unit == "search" else rate(per, unit) / 1_000_000)
    return usd * PICODOLLARS


def quoted(price: str) -> Quotes:
    """The quotes of the price of that id."""
    named, _, own = price.partition("@own;")
    if own:
        return dict(pair.split("=") for pair in own.split(";"))
    named, _, row = price.rpartition("@")
    row, _, variant = row.partition("+")
    number = int(row.partition("#")[2] or 0)
    model = rows()[*named.split("/", 1)]  # type: ignore[index]  # two parts, always
    plain = model["prices"][number]
    if not variant or variant.endswith("?"):
        return dict(plain)
    tier, _, day = variant.partition(":")
    counting = [each for each in model["variants"] if each["tier"] == tier and each.get("starts", "") <= day]
    for each in reversed(counting):
        plain = overlaid(plain, each)
    return dict(plain)


def overlaid(plain: Quotes, over: Quotes) -> Quotes:
    """`plain`, but what `over` quotes, with its steps and without those that `plain` had for it."""
    said = over.keys() & set(AMOUNTS)
    steps: dict[int, Quotes] = {}
    for step in plain.get("tiers", ()):
        steps[step["above"]] = {name: value for name, value in step.items() if name not in said}
    for step in over.get("tiers", ()):
        steps.setdefault(step["above"], {}).update(step)
    return {**plain, **{name: over[name] for name in said}, "tiers": list(steps.values())}


def stepped(quotes: Quotes, prompt: int) -> Quotes:
    """The quotes of a call with so large a prompt."""
    for step in sorted(quotes.get("tiers", ()), key=lambda step: int(step["above"])):
        if prompt > step["above"]:
            quotes = {**quotes, **step}
    return quotes


def rate(per: dict[str, Decimal], unit: str) -> Decimal:
    """The rate of one unit; what is not quoted costs what the price list's documentation says."""
    if unit in per:
        return per[unit]
    plain = per["input"] if "input" in per else per["output"]
    match unit:
        case "search":
            return Decimal("0.01")
        case "cache_write_1h":
            return 2 * plain if "cache_write" in per else plain
        case "audio_cache_read":
            return max((per[name] for name in ("cache_read", "audio_input") if name in per), default=plain)
        case "output" | "reasoning" | "audio_output" | "image_output":
            return per.get("output", plain)
        case _:
            return plain
