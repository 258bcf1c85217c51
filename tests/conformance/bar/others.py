"""Every recorded answer that is no chat: read by its wire as by hand, or passed on as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from keywright.core.counting import CountResponse
from keywright.core.embedding import EmbedResponse
from keywright.core.reranking import RerankResponse
from keywright.dialects import WIRES
from tests.conformance.bar.recordings import Body, Exchange, exchanges
from tests.conformance.bar.wires import path_of, wire_of

NUMBERS_MIN = 2
"""How many numbers in a row are a vector."""


@dataclass(frozen=True)
class Other:
    """One answer. `way`: the wire that reads it, or the path by which it passes; `right`: read as by hand."""

    exchange: str
    endpoint: str
    way: str
    read: bool
    right: bool


def others(file: str) -> Iterator[Other]:
    """The answers of one file that are no chats."""
    for exchange in exchanges(file):
        if exchange.chat is None and exchange.status < 300:
            name = wire_of(exchange)
            if name is None:
                yield Other(exchange.id, exchange.endpoint, path_of(exchange), read=False, right=True)
            else:
                yield Other(exchange.id, exchange.endpoint, name, read=True, right=_is_right(exchange, name))


def _is_right(exchange: Exchange, name: str) -> bool:
    answer: Body = exchange.item["response_json"]
    response = WIRES[name].decode_response(exchange.answer)
    match response:
        case EmbedResponse():
            return len(response.vectors) == vectors(answer)
        case RerankResponse():
            wanted = [(each["index"], each["relevance_score"]) for each in answer["results"]]
            return [(each.index, each.score) for each in response.results] == wanted
        case CountResponse():
            counts = [answer[key] for key in ("input_tokens", "totalTokens", "inputTokens") if key in answer]
            return [response.input_tokens] == counts
        case other:
            raise AssertionError(other)


def vectors(value: Any) -> int:
    """How many vectors an answer holds: long lists of numbers, or texts that stand for one."""
    if isinstance(value, list):
        if len(value) >= NUMBERS_MIN and all(isinstance(each, int | float) for each in value):
            return 1
        return sum(map(vectors, value))
    if not isinstance(value, dict):
        return 0
    spelled = sum(isinstance(value.get(name), str) for name in ("embedding",))
    return spelled + sum(vectors(inner) for name, inner in value.items() if name not in _COUNTED_ONCE)


_COUNTED_ONCE = frozenset({"embeddingsByType", "inputTextTokenCount"})
"""Members that repeat a vector which stands beside them."""
