"""This wire's usage and the canonical one.

`inputTokens` is without the cached ones (`totalTokens` proves it: it is the sum of all four). What was written to the
cache for how long stands in `cacheDetails`; thinking is inside `outputTokens` and not told apart. InvokeModel spells
the cached tokens with `Count` behind, and Converse does so as well, beside its own spelling.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.json import Json, JsonObject
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.bedrock_converse.wire import Node

HOUR: Final = "1h"

_MODELLED: Final = frozenset(
    {
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheReadInputTokenCount",
        "cacheWriteInputTokenCount",
        "cacheDetails",
    }
)


class _Written(Struct, gc=False):
    ttl: str = ""
    inputTokens: int = 0  # noqa: N815  # the wire's name


class Counts(Struct, gc=False):
    """A usage whose numbers all are whole ones, which is to say every usage that a sane server sends."""

    inputTokens: int | None = None  # noqa: N815  # the wire's names
    outputTokens: int | None = None  # noqa: N815
    cacheReadInputTokens: int | None = None  # noqa: N815
    cacheWriteInputTokens: int | None = None  # noqa: N815
    cacheReadInputTokenCount: int | None = None  # noqa: N815
    cacheWriteInputTokenCount: int | None = None  # noqa: N815
    cacheDetails: list[_Written] | None = None  # noqa: N815


def usage_of(node: Json) -> Usage | None:
    """The usage that `node` says. None when there is none, or a number in it makes no sense: then it counts as not
    told.
    """
    if not isinstance(node, dict) or not node:
        return None
    try:
        return usage_of_counts(msgspec.convert(node, Counts))
    except msgspec.ValidationError:
        return None


def usage_of_counts(counts: Counts) -> Usage | None:
    """The usage that `counts` says, a missing number of cached tokens as zero. None when the output is not told, as
    where a guardrail wrote it anew, or a number is negative or beyond all sense.
    """
    if counts.outputTokens is None:
        return None
    written = counts.cacheWriteInputTokens or counts.cacheWriteInputTokenCount or 0
    hour = sum(each.inputTokens for each in counts.cacheDetails or () if each.ttl == HOUR)
    hour = min(hour, written)
    usage = Usage(
        input=counts.inputTokens or 0,
        output=counts.outputTokens,
        cache_read=counts.cacheReadInputTokens or counts.cacheReadInputTokenCount or 0,
        cache_write_5m=written - hour,
        cache_write_1h=hour,
    )
    try:
        return checked(usage)
    except InconsistentUsageError:
        return None


def usage_rest(node: Json) -> JsonObject:
    """What a usage says beyond the canonical one."""
    if not isinstance(node, dict):
        return {}
    return {key: value for key, value in node.items() if key not in _MODELLED and value}


def usage_node(usage: Usage, extras: Json = None) -> Node:
    """The wire's form of `usage`, with what `usage_rest` kept."""
    cached = usage.cache_read + usage.audio_cache_read
    written = usage.cache_write_5m + usage.cache_write_1h
    node: Node = {
        "inputTokens": usage.input + usage.audio_input + usage.image_input,
        "outputTokens": usage.output_total,
        "totalTokens": usage.input_total + usage.output_total,
        "cacheReadInputTokens": cached,
        "cacheWriteInputTokens": written,
    }
    if written:
        lives = (("5m", usage.cache_write_5m), (HOUR, usage.cache_write_1h))
        node["cacheDetails"] = [{"inputTokens": tokens, "ttl": ttl} for ttl, tokens in lives if tokens]
    if isinstance(extras, dict):
        node.update(extras)
    return node
