"""Every recorded request of a chat, asked of every other dialect: carried, or refused because it has no words for it.

A request is carried when the target's provider would take it and everything that was said is in it. It is beyond the
target when each field for which it is refused holds what the target really cannot be told (`beyond`). Anything else is
a miss.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from keywright.core.errors import RefusedError
from keywright.core.request import Request
from keywright.dialects import DIALECTS
from tests.conformance.bar.beyond import beyond
from tests.conformance.bar.recordings import Exchange, chats
from tests.conformance.bar.said import missing
from tests.conformance.bar.targets import Target
from tests.conformance.plain import at_path
from tests.dialects.gemini.official import camel

Outcome: TypeAlias = Literal["carried", "beyond", "refused", "invalid", "incomplete"]

ALIKE: Final[dict[str, tuple[str, ...]]] = {
    "anthropic": ("bedrock_invoke",),
    "anthropic_vertex": ("anthropic", "bedrock_invoke"),
    "bedrock_invoke": ("anthropic",),
}
"""Claude's own words, through other doors."""

OLDER: Final[dict[str, str]] = {
    "tools": "functions",
    "output_config.format": "output_format",
    "generationConfig.responseJsonSchema": "generationConfig.responseSchema",
}
"""Fields by their present names, and by those under which they are still taken."""


@dataclass(frozen=True)
class Asked:
    """One request, asked of one target. `reasons`: the kinds of what is beyond it, or what is wrong. `dropped`: whether
    a setting is told not to be carried.
    """

    target: str
    exchange: str
    dialect: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    dropped: bool = False


def requests(file: str) -> Iterator[tuple[Exchange, Request]]:
    """The requests of one file that are some, and that their own provider did not refuse as malformed."""
    for exchange in chats(file):
        if exchange.item["request_json"] and exchange.status != 400:
            request = decoded(exchange)
            if request is not None:
                yield exchange, request


def decoded(exchange: Exchange) -> Request | None:
    """The request; None when its dialect does not take it for one."""
    assert exchange.chat is not None
    try:
        return DIALECTS[exchange.chat].decode_request(exchange.request, exchange.said)
    except RefusedError:
        return None


def asked(file: str, targets: tuple[Target, ...]) -> Iterator[Asked]:
    """Every request of one file, asked of all targets that do not speak as its client does."""
    for exchange, request in requests(file):
        assert exchange.chat is not None
        for target in targets:
            if target.dialect not in (exchange.chat, *ALIKE.get(exchange.chat, ())):
                yield _asked(exchange, request, target)


def _asked(exchange: Exchange, request: Request, target: Target) -> Asked:
    assert exchange.chat is not None
    encoded = DIALECTS[target.dialect].encode_request(request, target.model, target.abilities)
    client = DIALECTS[exchange.chat]
    paths = [client.locate(loss.path, request) for loss in encoded.losses if loss.weight == "meaning"]
    named = (target.dialect, exchange.id, exchange.chat)
    if paths:
        kinds = {path: _kind(target, path, value_at(exchange.item["request_json"], path)) for path in paths}
        unjust = tuple(path for path, kind in kinds.items() if kind is None)
        reasons = unjust or tuple(sorted({kind for kind in kinds.values() if kind is not None}))
        return Asked(*named, "refused" if unjust else "beyond", reasons)
    complaint = target.complaint(encoded.body)
    if complaint is not None:
        return Asked(*named, "invalid", (complaint,))
    lost = missing(exchange.item["request_json"], json.loads(encoded.body))
    return Asked(*named, "incomplete" if lost else "carried", tuple(lost), dropped=bool(encoded.losses))


def _kind(target: Target, path: str, value: Any) -> str | None:
    """Why the target cannot be told `value`; None when it could, or when the refusal names nothing."""
    if target.judged or value is None:
        return beyond(target.dialect, path, value)
    return "what it has no words for"


def value_at(body: Any, path: str) -> Any:
    """What stands at the path of a loss, or at that of its like by an older name; None when there is nothing, which no
    refusal may name. Google's clients may spell each member in either of two ways.
    """
    for said in (body, _spelled(body)):
        for name in (path, OLDER.get(path, path)):
            try:
                return at_path(said, name)
            except (LookupError, TypeError, ValueError):
                continue
    return None


def _spelled(value: Any) -> Any:
    """A body with all its members in camel case."""
    if isinstance(value, list):
        return [_spelled(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {camel(name): _spelled(inner) for name, inner in value.items()}
