"""This wire's usage and the canonical one.

`input_tokens` is without the cached ones; `output_tokens` is with the thinking. What a cache write cost per lifetime
stands in `cache_creation`, which a stream says at its start only, while the sum beside it may still grow.
"""

from typing import Final

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.usage import Usage
from keywright.dialects.anthropic.wire import NAME, Node

_MODELLED: Final = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "output_tokens_details",
        "server_tool_use",
    }
)


class _Lifetimes(Struct, gc=False):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _Details(Struct, gc=False):
    thinking_tokens: int | None = None


class _Servers(Struct, gc=False):
    web_search_requests: int | None = None


class Counts(Struct, gc=False):
    """A usage whose numbers all are whole ones, which is to say every usage that a sane server sends."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _Lifetimes | None = None
    output_tokens_details: _Details | None = None
    server_tool_use: _Servers | None = None


def usage_of(node: JsonObject) -> Usage:
    """The usage that `node` says. A number that is missing or makes no sense counts as zero."""
    return usage_of_counts(
        Counts(
            input_tokens=_count(node.get("input_tokens")),
            output_tokens=_count(node.get("output_tokens")),
            cache_creation_input_tokens=_count(node.get("cache_creation_input_tokens")),
            cache_read_input_tokens=_count(node.get("cache_read_input_tokens")),
            cache_creation=_Lifetimes(
                _within(node, "cache_creation", "ephemeral_5m_input_tokens"),
                _within(node, "cache_creation", "ephemeral_1h_input_tokens"),
            ),
            output_tokens_details=_Details(_within(node, "output_tokens_details", "thinking_tokens")),
            server_tool_use=_Servers(_within(node, "server_tool_use", "web_search_requests")),
        )
    )


def usage_of_counts(counts: Counts) -> Usage:
    """The usage that `counts` says. A number that is missing or negative counts as zero."""
    lifetimes, details, servers = counts.cache_creation, counts.output_tokens_details, counts.server_tool_use
    output = max(counts.output_tokens or 0, 0)
    thinking = min(max(details.thinking_tokens or 0, 0), output) if details else 0
    hour = max(lifetimes.ephemeral_1h_input_tokens or 0, 0) if lifetimes else 0
    five = max(lifetimes.ephemeral_5m_input_tokens or 0, 0) if lifetimes else 0
    written = max(counts.cache_creation_input_tokens or 0, 0) or hour + five
    hour = min(hour, written)
    return Usage(
        input=max(counts.input_tokens or 0, 0),
        output=output - thinking,
        reasoning=thinking,
        cache_read=max(counts.cache_read_input_tokens or 0, 0),
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        searches=max(servers.web_search_requests or 0, 0) if servers else 0,
    )


def usage_extras(node: JsonObject) -> Extras:
    """What `node` says beyond the canonical usage."""
    rest: JsonObject = {key: value for key, value in node.items() if key not in _MODELLED and value is not None}
    servers = node.get("server_tool_use")
    if isinstance(servers, dict) and servers.keys() - {"web_search_requests"}:
        rest["server_tool_use"] = {key: value for key, value in servers.items() if key != "web_search_requests"}
    return {NAME: {"usage": rest}} if rest else NO_EXTRAS


def usage_node(usage: Usage, extras: Json = None) -> Node:
    """The wire's form of `usage`, with what `usage_extras` kept."""
    node: Node = {
        "input_tokens": usage.input + usage.audio_input + usage.image_input,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read + usage.audio_cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.output_total,
    }
    if usage.reasoning:
        node["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    servers: Node = {"web_search_requests": usage.searches} if usage.searches else {}
    if isinstance(extras, dict):
        kept = extras.get("server_tool_use")
        if isinstance(kept, dict):
            servers = {"web_search_requests": usage.searches, **kept}
        node.update((key, value) for key, value in extras.items() if key != "server_tool_use")
    if servers:
        node["server_tool_use"] = servers
    return node


def _within(node: JsonObject, member: str, field: str) -> int:
    inner = node.get(member)
    return _count(inner.get(field)) if isinstance(inner, dict) else 0


def _count(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
