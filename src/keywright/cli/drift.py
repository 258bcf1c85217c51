"""How a reconciliation's lines are told: for a program, and as cells of a table."""

from typing import TYPE_CHECKING, Final

from keywright.core.json import JsonObject
from keywright.core.money import to_usd

if TYPE_CHECKING:
    from keywright.reconcile.compare import Line, Sums

FIGURES: Final = ("calls", "input tokens", "output tokens", "cost USD", "drift")
"""The columns that `cells` fills; the drift is of tokens in, tokens out, and cost."""


def line_facts(line: "Line") -> JsonObject:
    """One line, with both sides and what lies between them."""
    return {
        "model": line.model,
        "key": line.key,
        "side": line.side,
        "provider": _sums_facts(line.provider),
        "ledger": _sums_facts(line.ledger),
        "counted": line.counted,
        "drift": _drift(line),
        "exceeds": line.exceeds,
    }


def _sums_facts(sums: "Sums | None") -> JsonObject | None:
    if sums is None:
        return None
    return {
        "calls": sums.calls,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "cost_usd": None if sums.cost is None else to_usd(sums.cost),
    }


def _drift(line: "Line") -> JsonObject:
    """How much more the ledger has than the provider: absolute, and in hundredths of the provider's."""
    from keywright.reconcile.compare import Sums, percent

    nothing = Sums(0, 0, 0, 0)
    theirs, ours = line.provider or nothing, line.ledger or nothing
    facts: JsonObject = {}
    for what, told, own in (
        ("input_tokens", theirs.input_tokens, ours.input_tokens),
        ("output_tokens", theirs.output_tokens, ours.output_tokens),
        ("cost_usd", theirs.cost, ours.cost),
    ):
        if told is None or own is None:
            facts[what] = facts[f"{what}_percent"] = None
            continue
        part = percent(own, told)
        facts[what] = to_usd(own - told) if what == "cost_usd" else own - told
        facts[f"{what}_percent"] = None if part is None else str(part)
    return facts


def cells(line: "Line") -> tuple[str, ...]:
    """One line as `FIGURES`: provider / ledger, and the drift, marked where it is too much."""
    theirs, ours = _sums_facts(line.provider), _sums_facts(line.ledger)
    names = ("calls", "input_tokens", "output_tokens", "cost_usd")
    figures = (f"{_cell(theirs, name)} / {_cell(ours, name)}" for name in names)
    drift = _drift(line)
    parts = [str(drift[f"{name}_percent"]) for name in ("input_tokens", "output_tokens", "cost_usd")]
    worst = ", ".join("?" if part == "None" else f"{part} %" for part in parts)
    return (*figures, f"{worst}{' !' if line.exceeds else ''}")


def _cell(facts: JsonObject | None, name: str) -> str:
    value = None if facts is None else facts[name]
    return "-" if value is None else str(value)
