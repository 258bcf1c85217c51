"""Every recorded answer, given to every client that does not speak its provider's dialect: does it arrive exactly?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from keywright.core.dialect import Dialect
from keywright.core.event import Event, Started
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects import DIALECTS
from tests.conformance.bar.clients import Client
from tests.conformance.bar.recordings import Body, Exchange, chats
from tests.conformance.readings import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    mistral,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
)
from tests.conformance.readings.answer import Answer, differences

Read = tuple[Callable[[Body], Answer], Callable[[str], Answer]]

READINGS: dict[str, Read] = {
    "openai_chat": (openai_chat.whole, openai_chat.stream),
    "openai_completions": (openai_completions.whole, openai_completions.stream),
    "openai_responses": (openai_responses.whole, openai_responses.stream),
    "anthropic": (anthropic.whole, anthropic.stream),
    "anthropic_vertex": (anthropic.whole, anthropic.stream),
    "gemini": (gemini.whole, gemini.stream),
    "cohere": (cohere.whole, cohere.stream),
    "mistral": (mistral.whole, mistral.stream),
    "ollama_chat": (ollama.whole, ollama.stream),
    "ollama_generate": (ollama.whole, ollama.stream),
}
"""How a whole answer and a stream of text are read by hand; Bedrock's frames are read from the exchange."""

FAILED: dict[str, Callable[[str], bool]] = {
    "openai_chat": openai_chat.is_failure,
    "openai_responses": openai_responses.is_failure,
    "cohere": cohere.is_failure,
}
"""Whether a stream of a dialect reports an error instead of an answer."""

CREATED_S = 1_760_000_000
PIECE_BYTES = 1009
ASKED = Request("m", (Turn("user", (Text("x"),)),), stream_usage=True)


@dataclass(frozen=True)
class Given:
    """One answer as one client got it. `wrong`: what was not the same; empty when it was exact."""

    client: str
    exchange: str
    provider: str
    streamed: bool
    wrong: tuple[str, ...]


def answered(file: str) -> Iterator[Exchange]:
    """The answers of one file, but for those that report a failure after all."""
    return (each for each in chats(file) if 200 <= each.status < 300 and not fails(each))


def fails(exchange: Exchange) -> bool:
    """Whether an answer of status 200 is a stream that reports an error."""
    text, failed = exchange.item.get("response_sse_text"), FAILED.get(exchange.chat or "")
    return bool(text and failed is not None and failed(text))


def by_hand(exchange: Exchange) -> Answer:
    """What an answer says, by the reading of its wire."""
    assert exchange.chat is not None
    if exchange.chat.startswith("bedrock"):
        return bedrock.answer(exchange.item)
    whole, stream = READINGS[exchange.chat]
    text, body = exchange.item.get("response_sse_text"), exchange.item.get("response_json")
    if text:
        return stream(text)
    if isinstance(body, list):
        return gemini.answer(body)
    assert body is not None
    return whole(body)


def given(file: str, clients: tuple[Client, ...]) -> Iterator[Given]:
    """Every answer of one file, as every client got it to whom its provider is foreign."""
    for exchange in answered(file):
        wanted = by_hand(exchange)
        for client in clients:
            if client.dialect not in exchange.dialect.CARRIES and client.dialect != exchange.chat:
                wrong = tuple(_wrong(exchange, client, wanted))
                yield Given(client.name, exchange.id, exchange.dialect.NAME, exchange.streams, wrong)


def _wrong(exchange: Exchange, client: Client, wanted: Answer) -> list[str]:
    to = DIALECTS[client.dialect]
    if wanted.finish == "refusal":
        wanted = wanted._replace(finish=client.refusal)
    try:
        got = client.stream(streamed(exchange, to)) if exchange.streams else client.whole(whole(exchange, to))
    except Exception as error:
        return [f"{type(error).__name__}: {error}"[:300]]
    return differences(got, wanted)


def whole(exchange: Exchange, to: Dialect) -> bytes:
    """A whole answer in the words of another dialect, as the pipeline gives it."""
    response = exchange.dialect.decode_response(exchange.answer)
    completed: Response = replace(response, created_s=response.created_s or CREATED_S, model=response.model or "m")
    return to.encode_response(completed, ASKED).body


def streamed(exchange: Exchange, to: Dialect) -> bytes:
    """A stream, cut as a network may cut it, in the words of another dialect, as the pipeline gives it."""
    reader, writer, body = (
        exchange.dialect.StreamReader(),
        to.StreamWriter(replace(ASKED, stream=True)),
        exchange.answer,
    )
    events = [event for at in range(0, len(body), PIECE_BYTES) for event in reader.feed(body[at : at + PIECE_BYTES])]
    events += reader.end()
    return b"".join(writer.write(_completed(event)) for event in events)


def _completed(event: Event) -> Event:
    if not isinstance(event, Started):
        return event
    return replace(event, created_s=event.created_s or CREATED_S, model=event.model or "m")
