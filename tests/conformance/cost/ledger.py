"""What the ledger says of a recorded exchange: by the gateway's own path, from its provider's bytes to a cost."""

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from keywright.catalog.price import Price
from keywright.catalog.quote import own_price
from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import RefusedError
from keywright.core.event import Ended, Metered, Started
from keywright.core.usage import Usage
from keywright.dialects import WIRES, openai_media
from keywright.pipeline import settle
from keywright.pipeline.routes import Routes, Target
from keywright.pipeline.settle import Charge
from tests.conformance.bar.recordings import Exchange, exchanges, files
from tests.conformance.bar.wires import wire_of
from tests.routing import routes, source

NOW_S: Final = 1_795_500_000
"""A day after that of the price list."""
PIECE_BYTES: Final = 1009
OTHER: Final = "edge"
"""Whoever is none of the inventory's providers."""

OF_FILES: Final = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "bedrock",
    "cohere": "cohere",
    "gemini": "gemini",
    "huggingface": "huggingface",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "vertex": "vertex",
}
OF_HOSTS: Final = {
    "api.cerebras.ai": "cerebras",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.moonshot.ai": "moonshot",
    "api.perplexity.ai": "perplexity",
    "api.together.ai": "together",
    "api.x.ai": "xai",
    "api.z.ai": "zai",
}
SETTINGS: Final = {"region": "r", "location": "l", "project": "p", "resource": "x"}
OWN: Final = {
    "input": "1.1",
    "output": "7.3",
    "reasoning": "9.7",
    "cache_read": "0.13",
    "cache_write": "1.7",
    "cache_write_1h": "2.9",
    "request": "0.0011",
}
"""An operator's own price, for models that the price list has not: all amounts differ."""


class Settled(NamedTuple):
    """What the ledger's entry would say. `source`: where its usage is from."""

    usage: Usage
    source: str
    charge: Charge
    target: Target


def provider_of(exchange: Exchange) -> str:
    """The provider that an exchange was with."""
    return OF_FILES.get(exchange.file) or OF_HOSTS.get(exchange.item["host"], OTHER)


@cache
def peek_of(exchange: Exchange) -> Peek | None:
    """What the gateway knows of the request; None where none was recorded, or it would be refused."""
    wire = wire_of(exchange)
    if wire is None or not exchange.item["request_json"]:
        return None
    try:
        return WIRES[wire].peek(exchange.request, exchange.said)
    except RefusedError:
        return None


def target_of(exchange: Exchange, model: str) -> Target:
    """Where the gateway would have sent it. `model`: who answered, by its own word, where no request tells."""
    peek = peek_of(exchange)
    asked = (peek.model if peek else exchange.model or (exchange.item["request_json"] or {}).get("model")) or model
    return _targets()[provider_of(exchange), asked or "unnamed"]


@cache
def all_routes() -> Routes:
    """Every provider, and an own price for whatever the list has none."""
    names = {(provider_of(each), name) for file in files() for each in exchanges(file) for name in _names(each)}
    sources = [source(name, SETTINGS) for name in sorted({*OF_FILES.values(), *OF_HOSTS.values()})]
    sources.append(source(OTHER, kind="openai-compatible"))
    listed = routes(*sources)
    own: dict[str, Price] = {}
    for provider, name in names:
        found = listed.find(f"{provider}/{name}")
        if not found or listed.price_of(found[0], NOW_S) is None:
            own[f"{provider}/{name}"] = own_price(f"{provider}/{name}", OWN)
    return routes(*sources, own=own)


@cache
def _targets() -> dict[tuple[str, str], Target]:
    names = {(provider_of(each), name) for file in files() for each in exchanges(file) for name in _names(each)}
    return {(provider, name): all_routes().find(f"{provider}/{name}")[0] for provider, name in names}


def _names(exchange: Exchange) -> Iterator[str]:
    """Every name by which an exchange may name its model."""
    yield "unnamed"
    peek = peek_of(exchange)
    request, answer = exchange.item["request_json"], exchange.item.get("response_json")
    said = [body.get("model") for body in (request, answer) if isinstance(body, dict)]
    for name in (peek.model if peek else "", exchange.model, *said):
        if isinstance(name, str) and name:
            yield name
    tapped = verbatim(exchange)
    if tapped is not None and tapped.model:
        yield tapped.model


@cache
def verbatim(exchange: Exchange) -> Tapped | None:
    """What is learnt of an answer that passes through; None where nothing reads it."""
    wire = wire_of(exchange)
    peek = peek_of(exchange) or Peek("m", stream=exchange.streams, input_bytes=0)
    if wire is None:
        is_read = exchange.endpoint == "responses.compact"
        return openai_media.tap_response(exchange.answer, "text") if is_read else None
    if not exchange.streams:
        return _with_headers(exchange, WIRES[wire].tap_response(exchange.answer))
    tap = exchange.dialect.Tap(peek)
    body = whole_answer(exchange)
    for at in range(0, len(body), PIECE_BYTES):
        tap.feed(body[at : at + PIECE_BYTES])
    return tap.result()


def whole_answer(exchange: Exchange) -> bytes:
    """The answer's bytes; a recorder may have stripped the last empty line of a stream."""
    return exchange.answer + (b"\n\n" if exchange.item.get("response_sse_text") else b"")


def _with_headers(exchange: Exchange, tapped: Tapped) -> Tapped:
    """With the tokens that a provider tells in headers, where the body tells none: as the pipeline asks for it."""
    names = _row(exchange)
    told = {name.lower(): value for name, value in exchange.item["response_headers"].items()}
    if tapped.usage is not None or names is None or not all(name in told for name in names):
        return tapped
    read, written = (int(told[name]) for name in names)
    return Tapped(usage=Usage(input=read, output=written), complete=True)


def _row(exchange: Exchange) -> tuple[str, str] | None:
    provider = provider_of(exchange)
    return source(provider).row.usage_headers if provider != OTHER else None


def translated(exchange: Exchange) -> Tapped | None:
    """What is learnt of a stream that is read to be written in another dialect; of a whole answer, as above."""
    if not exchange.streams:
        return verbatim(exchange)
    reader = exchange.dialect.StreamReader()
    events = [*reader.feed(whole_answer(exchange)), *reader.end()]
    last = next((event for event in reversed(events) if isinstance(event, Metered)), None)
    started = next((event for event in events if isinstance(event, Started)), None)
    return Tapped(
        usage=last.usage if last else None,
        billed=last.billed if last else None,
        tier=last.tier if last else "",
        model=started.model if started else None,
        complete=any(isinstance(event, Ended) for event in events),
    )


def settled(exchange: Exchange, tapped: Tapped) -> Settled:
    """What the entry says of a call of which that was learnt."""
    peek = peek_of(exchange) or Peek("m", stream=exchange.streams, input_bytes=0)
    target = target_of(exchange, tapped.model or "")
    use, charged = settle.settled(tapped, peek, target, all_routes(), NOW_S)
    return Settled(use.usage, use.source, charged, target)


def worst_of(exchange: Exchange) -> int | None:
    """What would have been reserved for it; None where no request was recorded."""
    peek = peek_of(exchange)
    return None if peek is None else settle.worst_case(peek, (target_of(exchange, ""),), all_routes(), NOW_S)
