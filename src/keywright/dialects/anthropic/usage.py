"""This wire's usage and the canonical one.

`input_tokens` is without the cached ones; `output_tokens` is with the thinking. What a cache write cost per lifetime
stands in `cache_creation`, which a stream says at its start only, while the sum beside it may still grow.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.tier import tier_of
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.anthropic.wire import NAME, Node

SUMMED: Final = frozenset({None, "message", "fallback_message"})
"""The kinds of passes that the sums of a usage hold."""
DEARER_PLACE: Final = "us"
"""Where answering costs more: in the United States alone, since Claude 4.6."""

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


class Pass(Struct, gc=False):
    """One of the times that a model was asked within one call."""

    type: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _Lifetimes | None = None


class Counts(Struct, gc=False):
    """A usage whose numbers all are whole ones, which is to say every usage that a sane server sends."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _Lifetimes | None = None
    output_tokens_details: _Details | None = None
    server_tool_use: _Servers | None = None
    iterations: Json = None
    service_tier: Json = None
    speed: Json = None
    inference_geo: Json = None

    @property
    def tier(self) -> str:
        """The service tier: how fast, how surely, and where, as far as that costs something else."""
        place = self.inference_geo if self.inference_geo == DEARER_PLACE else None
        return tier_of(self.speed, self.service_tier, place)


def others_of(counts: Counts) -> tuple[tuple[str, Usage], ...]:
    """What was used beside the usage itself, by model: an advisor's part, and that of compacting, which the sums leave
    out. "" for the model itself.
    """
    if not counts.iterations:
        return ()
    try:
        passes = msgspec.convert(counts.iterations, list[Pass])
    except msgspec.ValidationError:
        return ()
    others = [each for each in passes if each.type not in SUMMED]
    return tuple([(each.model or "", used) for each in others if (used := _pass_usage(each)) is not None])


def _pass_usage(each: Pass) -> Usage | None:
    return usage_of_counts(
        Counts(
            each.input_tokens,
            each.output_tokens,
            each.cache_creation_input_tokens,
            each.cache_read_input_tokens,
            each.cache_creation,
        )
    )


def usage_of(node: JsonObject) -> Usage | None:
    """The usage that `node` says. None when a number in it makes no sense: such a usage counts as not told."""
    counts = counts_of(node)
    return None if counts is None else usage_of_counts(counts)


def counts_of(node: JsonObject) -> Counts | None:
    """The numbers of `node`. None when one of them is none."""
    try:
        return msgspec.convert(node, Counts)
    except msgspec.ValidationError:
        return None


def usage_of_counts(counts: Counts) -> Usage | None:
    """The usage that `counts` says, a missing number as zero. None when one is negative or beyond all sense."""
    lifetimes, details, servers = counts.cache_creation, counts.output_tokens_details, counts.server_tool_use
    output = counts.output_tokens or 0
    thinking = min(details.thinking_tokens or 0, output) if details else 0
    hour = lifetimes.ephemeral_1h_input_tokens or 0 if lifetimes else 0
    five = lifetimes.ephemeral_5m_input_tokens or 0 if lifetimes else 0
    written = counts.cache_creation_input_tokens or hour + five
    hour = min(hour, written)
    usage = Usage(
        input=counts.input_tokens or 0,
        output=output - thinking,
        reasoning=thinking,
        cache_read=counts.cache_read_input_tokens or 0,
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        searches=servers.web_search_requests or 0 if servers else 0,
    )
    try:
        return checked(usage)
    except InconsistentUsageError:
        return None


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
