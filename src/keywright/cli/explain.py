"""`keywright explain`: one call, with the rule that decided and its cost line by line."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from keywright.cli.api import Api, path, run
from keywright.cli.errors import ApiRefusedError, CommandError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.screen import STRONG, console, emit_json, show_facts, show_table

if TYPE_CHECKING:
    from keywright.inquiry.explanation import Explanation

EXAMPLE: Final = "Example: keywright explain 01KA9Z… (the header x-keywright-request-id of an answer)"
US_PER_MS: Final = 1000


def explain(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="As x-keywright-request-id says it.")],
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Explain one call: who asked, which rule decided, who was tried, and how its cost comes about."""
    found = run(config, lambda api: _explanation(api, request_id))
    if json:
        emit_json(found)
        return
    show_facts(_facts(found))
    _show_attempts(found)
    _show_charge(found)
    _show_budgets(found)


async def _explanation(api: Api, request_id: str) -> "Explanation":
    from keywright.inquiry.explanation import Explanation

    try:
        return await api.get(path("requests", request_id, "explanation"), Explanation)
    except ApiRefusedError as error:
        if error.code != "not_found":
            raise
        raise CommandError(
            f"there is no record of a call {request_id[:100]!r}: one that proved no key leaves none, "
            "and the newest take a moment to be stored"
        ) from None


def _facts(found: "Explanation") -> Iterator[tuple[str, str]]:
    caller, wanted, verdict, times = found.caller, found.wanted, found.verdict, found.times
    yield "call", found.id
    yield "started", times.started
    yield "key", f"{caller.key} ({caller.key_name})" if caller.key_name else caller.key
    yield "project", caller.project
    yield "owner", caller.owner or "-"
    yield "address", caller.address or "-"
    if caller.tags:
        yield "tags", ", ".join(f"{name}={value}" for name, value in caller.tags.items())
    yield "asked for", f"{wanted.model or '-'} ({wanted.endpoint}, {wanted.dialect}{', streamed' * wanted.stream})"
    yield "outcome", f"{verdict.outcome} ({verdict.status}{' ' + verdict.code if verdict.code else ''})"
    yield "decided by", f"{verdict.rule}: {verdict.meaning}" if verdict.rule else "-"
    yield "served by", f"{found.served or '-'}{' (byte for byte)' * found.verbatim}"
    yield "lost", ", ".join(found.losses) or "nothing"
    yield "took", f"{_ms(times.total_us)}, first byte {_ms(times.first_byte_us)}, gateway {_ms(times.overhead_us)}"
    yield "reserved", f"{found.reserved_usd} USD"


def _show_attempts(found: "Explanation") -> None:
    if found.attempts:
        rows = [
            (f"{one.provider}/{one.model}", one.credential, one.result, str(one.status or "-"), _ms(one.took_us))
            for one in found.attempts
        ]
        console().print("attempts", style=STRONG)
        show_table(("target", "credential", "result", "status", "took"), rows, ("status", "took"))


def _show_charge(found: "Explanation") -> None:
    charge = found.charge
    if not charge.price and charge.source == "none":
        return  # nothing was used
    where = f"{charge.price or 'no price'}{f', above {charge.above_tokens} tokens' if charge.above_tokens else ''}"
    console().print(f"cost, by {where}; usage: {charge.source}", style=STRONG)
    rows = [(line.unit, f"{line.amount:,}", line.each_usd or "-", line.usd) for line in charge.lines]
    figures = ("amount", "USD each", "USD")
    show_table(("unit", *figures), [*rows, ("total", "", "", charge.total_usd)], figures)
    if charge.note:
        console().print(charge.note)


def _show_budgets(found: "Explanation") -> None:
    if found.budgets:
        rows = [
            (one.budget, one.on or "-", one.window or "-", one.since or "-", _yes(one.reserved), _yes(one.charged))
            for one in found.budgets
        ]
        console().print("budgets", style=STRONG)
        show_table(("id", "on", "window", "since", "reserved", "charged"), rows)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _ms(us: int) -> str:
    return f"{us / US_PER_MS:.3f} ms"
