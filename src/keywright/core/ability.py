"""What a model can do: the facts an encoder needs to speak to it correctly."""

from typing import Literal

from msgspec import Struct


class Abilities(Struct, frozen=True, omit_defaults=True):
    """What one model understands. Merged from the catalogue: family < vendor < operator.

    The defaults suit a current, capable chat model. `output_tokens_max` and `context_tokens_max` are the
    model's limits, None when not known. `cache_marks`: whether a server of OpenAI's wire wants the
    prompt marked where it shall be cached (Anthropic's own wire always takes marks).

    `thinks_always`: it cannot be told not to think; `thinking_tokens_max`: the largest budget for that. `signed_calls`:
    it wants the calls of the current turn back with the signatures that it gave them. `tool_files`: what a tool
    answers may hold files. `dimensions`: whether the length of an embedding can be chosen. `runs_max`: how often it may
    search, or run other tools of its provider's, though the request does not ask for that.
    """

    output_tokens_max: int | None = None
    context_tokens_max: int | None = None
    output_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    system_role: Literal["system", "developer"] = "system"
    mid_system: bool = False
    images: bool = True
    documents: bool = True
    audio: bool = False
    tools: bool = True
    json_schema: bool = True
    sampling: bool = True
    stop: bool = True
    reasoning: Literal["none", "effort", "budget", "adaptive"] = "none"
    stream_usage: bool = True
    dimensions: bool = True
    dimensions_field: Literal["dimensions", "output_dimension"] = "dimensions"
    thinks_always: bool = False
    thinking_tokens_max: int | None = None
    signed_calls: bool = False
    tool_files: bool = False
    cache_marks: bool = False
    runs_max: int = 0


ABLE = Abilities()
"""What is assumed of a model about which nothing is known."""
