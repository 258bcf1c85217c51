"""What others say that the recorded calls cost: genai-prices by its own calculation, LiteLLM by its price table.

Every difference has a name here, and every name a difference; one that nobody has explained fails.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from tests.conformance.bar.recordings import Exchange
from tests.conformance.cost import genai, litellm, pricelist
from tests.conformance.cost.bills import Bill, answers
from tests.conformance.cost.ledger import Settled, settled, verbatim
from tests.conformance.cost.test_equal import billed

SAME_MIN: Final = 2195
"""Exchanges on which genai-prices agrees to the picodollar."""
TABLE_SAME_MIN: Final = 1750
"""Exchanges of which LiteLLM's table has every unit's price as we do."""

OTHERWISE: Final = {
    "advisor": "genai-prices leaves out what other models were asked within a call",
    "search": "genai-prices counts searches in Anthropic's and Perplexity's answers only; we charge all that are told",
    "cached": "genai-prices looks for cached tokens at OpenAI's place; Mistral and DeepSeek say them elsewhere",
    "sound": "Mistral counts sound beside the prompt, as its total says; genai-prices looks for it at no place",
}
SILENT: Final = {
    "beside": "xAI's models on Azure count cached tokens beside the prompt, which genai-prices takes for a mistake",
    "headers": "genai-prices reads bodies: Bedrock tells these tokens in headers, or in a form of each model's own",
    "numbers": "genai-prices reads kinds of tokens by their words, and these are asked for by number",
    "compact": "genai-prices reads no answer of this endpoint",
}

TABLE: Final = {
    "azure/deepseek-v4-pro": "the two sources state other prices of Azure's for it",
    "azure/grok-4-1-fast-non-reasoning": "LiteLLM has no cached price for it on Azure",
    "deepseek/deepseek-chat": "a name that leads to other models over time: LiteLLM has the newest",
    "deepseek/deepseek-reasoner": "the same",
    "mistral/magistral-medium-latest": "a name that leads to other models over time, which the two follow differently",
    "mistral/magistral-small-latest": "the same",
    "mistral/mistral-large-latest": "the same",
    "together/meta-llama/Llama-3.3-70B-Instruct-Turbo": "genai-prices has its price of before Together raised it",
    "vertex/gemini-2.0-flash": "genai-prices has Google's prices, of which Vertex AI's differs for this model",
    "xai/grok-code-fast-1": "a model that xAI has retired: LiteLLM has the price of what answers in its place",
}
"""Whose price differs between the two, and why."""


def priced() -> Iterator[tuple[Exchange, Bill, Settled]]:
    """Every exchange with a bill whose price is one of the list."""
    for exchange, bill in billed():
        tapped = verbatim(exchange)
        assert tapped is not None
        entry = settled(exchange, tapped)
        if "@own" not in entry.charge.price and entry.charge.price != "free":
            yield exchange, bill, entry


def test_genai_prices_says_the_same_or_it_is_known_why_not() -> None:
    unexplained, same, named = [], 0, set()
    for exchange, bill, entry in priced():
        target = entry.target
        theirs = genai.cost(exchange, bill, target.source.row.catalogue or "", target.name.partition("/")[2])
        if theirs == entry.charge.picodollars:
            same += 1
            continue
        why = _silent(exchange, bill) if isinstance(theirs, str) else _otherwise(exchange, bill)
        named.add(why)
        unexplained += [f"{exchange.id}: {entry.charge.picodollars}, and not {theirs}"] if not why else []
    assert not unexplained, "\n".join(unexplained)
    assert named == {*OTHERWISE, *SILENT}
    assert same >= SAME_MIN


def _otherwise(exchange: Exchange, bill: Bill) -> str:
    """Why genai-prices comes to something else; "" for no reason that is known."""
    if bill.beside:
        return "advisor"
    if bill.units.get("search"):
        return "search"
    if bill.units.get("audio_input") and exchange.file == "mistral":
        return "sound"
    elsewhere = ("num_cached_tokens", "prompt_cache_hit_tokens")
    said = [body.get("usage") or {} for body in answers(exchange)]
    return "cached" if any(usage.get(name) for usage in said for name in elsewhere) else ""


def _silent(exchange: Exchange, bill: Bill) -> str:
    """Why genai-prices says nothing."""
    said = list(answers(exchange))
    if exchange.endpoint == "responses.compact":
        return "compact"
    if exchange.file == "bedrock" and exchange.chat in ("bedrock_invoke", None):
        return "headers"
    if exchange.file == "azure" and bill.units["cache_read"]:
        return "beside"
    details = [each for body in said for each in (body.get("usageMetadata") or {}).get("promptTokensDetails") or ()]
    return "numbers" if any(isinstance(each.get("modality"), int) for each in details) else ""


def test_litellms_table_has_the_same_prices_or_it_is_known_why_not() -> None:
    unexplained, same, named = set(), 0, set()
    for _, bill, entry in priced():
        target = entry.target
        provider, _, model = target.name.partition("/")
        row = litellm.row_of(provider, model)
        if row is None or bill.tier:
            continue
        other = {unit for unit in _units(bill) if litellm.rate(row, unit) != _ours(entry, bill, unit)}
        same += not other
        if other and target.name in TABLE:
            named.add(target.name)
        elif other:
            unexplained |= {
                f"{target.name}: {unit} {_ours(entry, bill, unit)}, {litellm.rate(row, unit)}" for unit in other
            }
    assert not unexplained, "\n".join(sorted(unexplained))
    assert named == set(TABLE)
    assert same >= TABLE_SAME_MIN


def _units(bill: Bill) -> Iterator[str]:
    """The units of a bill that its price has a field for."""
    return (unit for unit, amount in bill.units.items() if amount and unit in litellm.FIELDS)


def _ours(entry: Settled, bill: Bill, unit: str) -> Decimal:
    """US dollars per million, by the price that the entry keeps."""
    quotes = pricelist.stepped(pricelist.quoted(entry.charge.price.partition("&")[0]), bill.prompt)
    return pricelist.rate({name: Decimal(text) for name, text in quotes.items() if name in pricelist.AMOUNTS}, unit)
