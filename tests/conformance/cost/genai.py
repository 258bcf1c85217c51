"""What genai-prices makes of a recorded answer: by its own reading of the usage, and its own price of the model."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from genai_prices import calc_price, extract_usage

from tests.conformance.bar.recordings import Body, Exchange
from tests.conformance.cost.bills import Bill, answers
from tests.conformance.cost.ledger import NOW_S

FLAVORS: Final = {
    "openai_chat": ("chat", "default"),
    "mistral": ("default",),
    "openai_completions": ("chat", "default"),
    "openai_responses": ("responses",),
    "anthropic": ("default",),
    "anthropic_vertex": ("anthropic",),
    "gemini": ("default",),
    "bedrock_converse": ("default",),
    "bedrock_invoke": ("anthropic", "default"),
    "cohere": ("default",),
    "embeddings": ("embeddings", "chat", "default"),
    "v1.embed": ("embeddings",),
    "v2.embed": ("embeddings",),
    "embedContent": ("default",),
}
"""By what is spoken: which of a provider's ways of stating its usage it is, the first that there is."""


def cost(exchange: Exchange, bill: Bill, catalogue: str, model: str) -> Decimal | str:
    """What genai-prices says that the exchange cost, in picodollars; or why it says nothing."""
    when = datetime.fromtimestamp(NOW_S, UTC)
    context = {"speed" if bill.tier == "fast" else "service_tier": bill.tier} if bill.tier else None
    why = "it reads no such endpoint"
    whole = {**_whole(exchange), "model": model, "modelVersion": model}
    for flavor in FLAVORS.get(exchange.chat or exchange.endpoint, ()):
        for reader, named in ((catalogue, model), ("openai", "gpt-4o")):
            try:
                usage = extract_usage(whole | {"model": named}, provider_id=reader, api_flavor=flavor).usage
                found = calc_price(
                    usage, model, provider_id=catalogue, genai_request_timestamp=when, price_context=context
                )
            except (LookupError, ValueError, AttributeError) as error:
                why = str(error) if reader == catalogue else why
            else:
                return found.total_price * 10**12
    return why


def _whole(exchange: Exchange) -> Body:
    """The answer as one body, as genai-prices wants it: of a stream, what its frames say together."""
    whole: Body = {}
    for body in answers(exchange):
        if body.get("type") == "message_stop":
            break
        inner = body.get("message") if isinstance(body.get("message"), dict) else None
        inner = inner or body.get("response") if isinstance(body.get("response"), dict) else inner
        for each in (inner or {}, body.get("delta") or {}, body.get("metadata") or {}, body):
            if isinstance(each, dict):
                stated = {name: each[name] for name in ("usageMetadata", "meta") if name in each}
                whole |= {name: value for name, value in stated.items() if value}
                if isinstance(each.get("usage"), dict):
                    said = {name: value for name, value in each["usage"].items() if value is not None}
                    whole["usage"] = {**whole.get("usage", {}), **said}
    return whole
