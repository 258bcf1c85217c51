"""Every recorded error, of status 400 and above or within a stream of status 200: is it read as the kind that it is?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from keywright.core.dialect import Wire
from keywright.core.event import Failed
from keywright.core.failure import FailureKind
from keywright.dialects import WIRES
from tests.conformance.bar.answers import fails
from tests.conformance.bar.recordings import Exchange, exchanges
from tests.conformance.bar.wires import wire_of

BY_STATUS: Final[dict[int, FailureKind]] = {
    400: "invalid_request",
    401: "authentication",
    403: "permission",
    404: "not_found",
    429: "rate_limited",
}
BY_WORDS: Final[tuple[tuple[str, FailureKind], ...]] = (
    ("insufficient_quota", "quota"),
    ("context_length_exceeded", "context_too_long"),
    ("maximum context", "context_too_long"),
    ("max context", "context_too_long"),
    ("exceeds maximum length", "context_too_long"),
    ("exceeds the maximum number of tokens", "context_too_long"),
    ("TOO_MANY_TOKENS", "context_too_long"),
    ("too_many_prompt_tokens", "context_too_long"),
    ("model_not_found", "not_found"),
    ("model identifier is invalid", "not_found"),
    ("API key not valid", "authentication"),
    ("security token", "authentication"),
    ("unregistered callers", "authentication"),
    ('"status_code":400', "invalid_request"),
    ('"code":400', "invalid_request"),
)
"""What an error says, where its status says less, or, within a stream, nothing. The first that occurs holds."""


@dataclass(frozen=True)
class Heard:
    """One error. `kind`: as it was read; `wanted`: as it is. `wire`: who read it, "" where there is none. `streamed`:
    whether it stood within a stream of status 200.
    """

    exchange: str
    wire: str
    kind: str
    wanted: str
    streamed: bool = False


def errors(file: str) -> Iterator[Heard]:
    """The errors of one file."""
    for exchange in exchanges(file):
        if exchange.status >= 400:
            yield _answered(exchange)
        elif exchange.chat is not None and fails(exchange):
            yield _streamed(exchange)


def _answered(exchange: Exchange) -> Heard:
    name = wire_of(exchange)
    wanted = _wanted(exchange.status, exchange.answer.decode())
    if name is None:
        return Heard(exchange.id, "", wanted, wanted)
    wire: Wire[Any, Any] = WIRES[name]
    failure = wire.decode_error(exchange.status, exchange.answer)
    assert failure.status == exchange.status
    return Heard(exchange.id, name, failure.kind, wanted)


def _streamed(exchange: Exchange) -> Heard:
    """An error within a stream: the last of its events tells it."""
    reader = exchange.dialect.StreamReader()
    last = [*reader.feed(exchange.answer), *reader.end()][-1]
    kind = last.failure.kind if isinstance(last, Failed) else "no failure"
    return Heard(exchange.id, exchange.dialect.NAME, kind, _wanted(0, exchange.answer.decode()), streamed=True)


def _wanted(status: int, said: str) -> FailureKind:
    by_words = next((kind for words, kind in BY_WORDS if words in said), None)
    return by_words or BY_STATUS.get(status, "server")
