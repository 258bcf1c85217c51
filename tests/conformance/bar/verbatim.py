"""Every recorded chat in its provider's own dialect: the client's bytes go up, the provider's come back.

Up: only the model's name may differ, and, for a stream of OpenAI's, that usage is asked for. Back: nothing may, but for
that usage, where the client had not asked for it. Recorded JSON is a value, so a request is tried in three spellings.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from keywright.core.dialect import Dialect, Peek, Tapped
from keywright.core.errors import RefusedError
from keywright.dialects import DIALECTS
from tests.conformance.bar.recordings import Exchange, chats, packed
from tests.conformance.plain import frames

ELSEWHERE = "else/where"
PIECE_BYTES = 1009
ASKED_USAGE = ("openai_chat", "openai_completions")
"""The dialects whose streams tell their usage on request."""


@dataclass(frozen=True)
class Passed:
    """One body that passed: a request's `up`, an answer's `back` whole or streamed. `wrong`: why it is not exact."""

    exchange: str
    dialect: str
    way: str
    wrong: str = ""


def passed(file: str) -> Iterator[Passed]:
    """The bodies of one file."""
    for exchange in chats(file):
        name = exchange.dialect.NAME
        if exchange.item["request_json"] and exchange.status != 400:
            wrong = _up(exchange)
            if wrong is not None:
                yield Passed(exchange.id, name, "up", wrong)
        if exchange.status < 300:
            way = "streamed" if exchange.streams else "whole"
            yield Passed(exchange.id, name, way, _streamed(exchange) if exchange.streams else _whole(exchange))


def _up(exchange: Exchange) -> str | None:
    """What is wrong with the request that goes up; None when the dialect does not take it for one."""
    assert exchange.chat is not None
    dialect, body = DIALECTS[exchange.chat], exchange.item["request_json"]
    for raw in (packed(body), json.dumps(body).encode(), json.dumps(body, indent=1).encode()):
        try:
            peeked = dialect.peek(raw, exchange.said)
        except RefusedError:
            return None
        patched = dialect.patch(raw, peeked, ELSEWHERE)
        named = _named_back(patched, body.get("model"))
        if named != raw and not _asks_for_usage(named, raw, exchange, peeked):
            return "more than the model differs"
    return ""


def _named_back(patched: bytes, model: str | None) -> bytes:
    """The request with its own model again. Gemini's clients may repeat the path's name in the body."""
    if model is None:
        return patched
    ours = ELSEWHERE if not model.startswith("models/") else f"models/{ELSEWHERE}"
    for spelled in (json.dumps(model), json.dumps(model, ensure_ascii=False)):
        back = patched.replace(json.dumps(ours).encode(), spelled.encode(), 1)
        if back != patched:
            return back
    return patched


def _asks_for_usage(named: bytes, raw: bytes, exchange: Exchange, peeked: Peek) -> bool:
    """Whether one thing was put into the request, at one place: that usage is told."""
    if exchange.chat not in ASKED_USAGE or not peeked.stream or peeked.stream_usage:
        return False
    start = next(at for at, (one, other) in enumerate(zip(named, raw, strict=False)) if one != other)
    added = len(named) - len(raw)
    for at in range(max(0, start - added), start + 1):
        if named[:at] + named[at + added :] == raw:
            return b'"include_usage"' in named[at : at + added]
    return False


def _whole(exchange: Exchange) -> str:
    """A whole answer is not touched at all: it is only asked whether it is one."""
    body = exchange.answer
    tapped = exchange.dialect.tap_response(body)
    return "" if tapped.complete and tapped != Tapped() else "not taken for an answer"


def _streamed(exchange: Exchange) -> str:
    dialect: Dialect = exchange.dialect
    body = exchange.answer
    tap = dialect.Tap(_peeked(exchange))
    got = b"".join(tap.feed(body[at : at + PIECE_BYTES]) for at in range(0, len(body), PIECE_BYTES))
    result = tap.result()
    if not result.complete and result.failure is None:
        return "not taken for a whole stream"
    if got == body:
        return ""
    return "" if got == _without_usage(exchange, body) else "bytes differ"


def _peeked(exchange: Exchange) -> Peek:
    """What the client asked for; that usage is told, where its request was not recorded."""
    if not exchange.item["request_json"]:
        return Peek("m", stream=True, input_bytes=0)
    return exchange.dialect.peek(exchange.request, exchange.said)


def _without_usage(exchange: Exchange, body: bytes) -> bytes:
    """A stream of OpenAI's without the frame that tells the usage, where the client did not ask for that."""
    if exchange.chat not in ASKED_USAGE or _peeked(exchange).stream_usage:
        return body
    kept = [
        frame
        for frame in body.decode().split("\n\n")
        if not any(chunk.get("choices") == [] and chunk.get("usage") for chunk in frames(frame))
    ]
    return "\n\n".join(kept).encode()
