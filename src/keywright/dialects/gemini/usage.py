"""This wire's usage and the canonical one.

`promptTokenCount` is with the cached tokens, but without `toolUsePromptTokenCount`, the results of tools that the API
ran; `candidatesTokenCount` is without the thoughts. The details tell the same tokens by kind: sound and pictures have
units of their own, video and documents are plain input. Kinds of cached tokens need not match kinds of the prompt
(a document's pages are cached as pictures), so no kind takes more than is left.

Numbers of zero are not written on this wire. In a stream each frame repeats the usage, not always whole, and what
the last one says counts.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.json import Json, JsonObject
from keywright.core.tier import tier_of
from keywright.core.usage import InconsistentUsageError, Usage, checked

_MODELLED: Final = frozenset(
    (
        "promptTokenCount",
        "cachedContentTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "totalTokenCount",
    )
)
_IMAGE: Final = ("IMAGE", 2)
_AUDIO: Final = ("AUDIO", 4)
TOOL_USE: Final = "toolUsePromptTokenCount"


class Kind(Struct, gc=False):
    """How many tokens of one kind. The kind is a word, or its number."""

    modality: str | int | None = None
    tokenCount: int | None = None  # noqa: N815  # the wire's own name


class Counts(Struct, gc=False, rename="camel"):
    """A usage whose numbers all are whole ones, which is to say every usage that a sane server sends."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: list[Kind] | None = None
    cache_tokens_details: list[Kind] | None = None
    candidates_tokens_details: list[Kind] | None = None
    service_tier: Json = None
    traffic_type: Json = None

    @property
    def tier(self) -> str:
        """The service tier, by Gemini's word or by that of Vertex AI."""
        return tier_of(self.service_tier, self.traffic_type)

    @property
    def told(self) -> bool:
        """Whether it counts anything: some frames only say on which terms they were served."""
        return self.total_token_count is not None or self.prompt_token_count is not None


def usage_of(node: JsonObject) -> Usage | None:
    """The usage that `node` says. None when it counts nothing, or a number in it makes no sense."""
    try:
        return usage_of_counts(msgspec.convert(node, Counts))
    except msgspec.ValidationError:
        return None


def usage_of_counts(counts: Counts) -> Usage | None:
    """The usage that `counts` says, a missing number as zero. None when they contradict each other."""
    if not counts.told:
        return None
    cached = counts.cached_content_token_count or 0
    plain = (counts.prompt_token_count or 0) - cached
    output = counts.candidates_token_count or 0
    images = heard = cached_audio = drawn = spoken = 0
    if counts.cache_tokens_details:
        cached_audio = min(_of_kind(counts.cache_tokens_details, _AUDIO), cached)
    if counts.prompt_tokens_details:
        in_cache = _of_kind(counts.cache_tokens_details, _IMAGE)
        images = _between(_of_kind(counts.prompt_tokens_details, _IMAGE) - in_cache, plain)
        heard = _between(_of_kind(counts.prompt_tokens_details, _AUDIO) - cached_audio, plain - images)
    if counts.candidates_tokens_details:
        drawn = _between(_of_kind(counts.candidates_tokens_details, _IMAGE), output)
        spoken = _between(_of_kind(counts.candidates_tokens_details, _AUDIO), output - drawn)
    usage = Usage(
        input=plain - images - heard + (counts.tool_use_prompt_token_count or 0),
        output=output - drawn - spoken,
        reasoning=counts.thoughts_token_count or 0,
        cache_read=cached - cached_audio,
        audio_input=heard,
        audio_output=spoken,
        audio_cache_read=cached_audio,
        image_input=images,
        image_output=drawn,
    )
    try:
        return checked(usage) if plain >= 0 else None
    except InconsistentUsageError:
        return None


def usage_extras(node: JsonObject) -> JsonObject:
    """What `node` says beyond the canonical usage."""
    return {name: value for name, value in node.items() if name not in _MODELLED and value is not None}


def usage_node(usage: Usage, extras: Json = None) -> JsonObject:
    """The wire's form of `usage`, with what `usage_extras` kept."""
    kept = extras if isinstance(extras, dict) else {}
    by_tools = kept.get(TOOL_USE)
    prompt = usage.input_total - (by_tools if isinstance(by_tools, int) else 0)
    cached = usage.cache_read + usage.audio_cache_read
    node: JsonObject = {"promptTokenCount": prompt}
    if cached:
        node["cachedContentTokenCount"] = cached
    written = usage.output_total - usage.reasoning
    node["candidatesTokenCount"] = written
    if usage.reasoning:
        node["thoughtsTokenCount"] = usage.reasoning
    node["totalTokenCount"] = usage.input_total + usage.output_total
    if usage.audio_input or usage.image_input or usage.audio_cache_read:
        heard = usage.audio_input + usage.audio_cache_read
        node["promptTokensDetails"] = _kinds(prompt - usage.image_input - heard, usage.image_input, heard)
    if usage.audio_cache_read:
        node["cacheTokensDetails"] = _kinds(usage.cache_read, 0, usage.audio_cache_read)
    if usage.audio_output or usage.image_output:
        node["candidatesTokensDetails"] = _kinds(usage.output, usage.image_output, usage.audio_output)
    return {**node, **kept}


def _of_kind(kinds: list[Kind] | None, wanted: tuple[str, int]) -> int:
    return sum(kind.tokenCount or 0 for kind in kinds or () if kind.modality in wanted)


def _between(amount: int, most: int) -> int:
    """`amount`, but not below zero and not above `most`."""
    return max(0, min(amount, most))


def _kinds(text: int, images: int, audio: int) -> list[Json]:
    said = {"TEXT": text, "IMAGE": images, "AUDIO": audio}
    return [{"modality": kind, "tokenCount": count} for kind, count in said.items() if count]
