"""What becomes of another dialect's extras: nothing can be done with them, so each is a loss, of some weight.

Most tune. A few ask for content, for tools or for a form of the answer, and without them the request would mean
something else. They are listed here by name, for all dialects at once, so that no encoder needs to know another's.
"""

from collections.abc import Iterator
from typing import Final

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss, Weight

REPEATED: Final = frozenset(
    {
        "as_json",
        "breakpoint",
        "cache_control",
        "document",
        "instructions",
        "item",
        "legacy",
        "output_format",
        "parameters.details",
        "raw",
        "reasoning",
        "seals",
        "shape",
        "tool_plan",
        "top_k",
    }
)
"""Extras in which a dialect keeps how its client spelled what the canonical request says as well: no loss."""

MEANT: Final = frozenset(
    {
        "audio",
        "background",
        "cachedContent",
        "container",
        "context",
        "continuationToken",
        "conversation",
        "documents",
        "echo",
        "generationConfig.responseMimeType",
        "generationConfig.responseModalities",
        "generationConfig.responseSchema",
        "guardrailConfig",
        "is_raw",
        "load",
        "mcp_servers",
        "modalities",
        "previous_response_id",
        "prompt",
        "promptVariables",
        "parameters.adapter_id",
        "parameters.grammar",
        "parameters.return_full_text",
        "response_format",
        "suffix",
        "template",
        "thread",
        "tool_choice",
        "web_search_options",
    }
)
"""Extras that ask for content, tools, or a form of the answer, or stand for turns that only the provider holds."""

IDLE: Final[JsonObject] = {"background": False, "store": False, "truncation": "disabled"}
"""Extras with the value that asks for what any provider does anyway: no loss."""

FACTS: Final = frozenset(
    {
        "amazon-bedrock-guardrailAction",
        "amazon-bedrock-invocationMetrics",
        "amazon-bedrock-trace",
        "avgLogprobs",
        "chunk",
        "billing",
        "citationMetadata",
        "context",
        "createTime",
        "detail",
        "details",
        "eval_duration",
        "field",
        "finishMessage",
        "generationId",
        "groundingMetadata",
        "load_duration",
        "meta",
        "metrics",
        "native_finish_reason",
        "performanceConfig",
        "phase",
        "promptFeedback",
        "prompt_eval_duration",
        "provider",
        "remote_host",
        "remote_model",
        "request_id",
        "safetyRatings",
        "serviceTier",
        "service_tier",
        "settings",
        "system_fingerprint",
        "texts",
        "time_info",
        "timings",
        "tool_usage",
        "total_duration",
        "trace",
        "urlContextMetadata",
        "usage",
        "usageMetadata",
        "usage_breakdown",
        "x_groq",
    }
)
"""Extras of an answer that tell how it was made (by which machine, how fast, under which number, at what price), and
how its thoughts were spelled. A client of another dialect did not ask for them and misses nothing: no loss.
"""


def answer_losses(extras: Extras, own: str, path: str, why: str) -> Iterator[Loss]:
    """The losses of what dialects but `own` said in an answer, at `path` in it: all but facts about it."""
    for dialect, fields in extras.items():
        if dialect != own:
            rest = {field: value for field, value in fields.items() if field not in FACTS}
            yield from foreign_losses({dialect: rest}, own, path, why)


def foreign_losses(extras: Extras, own: str, path: str, why: str) -> Iterator[Loss]:
    """The losses of what dialects but `own` said at `path`, "" for the top level."""
    for dialect, fields in extras.items():
        if dialect != own:
            for field, value in fields.items():
                if field in REPEATED or value is None or IDLE.get(field, ...) == value:
                    continue
                if path:
                    yield Loss(f"{path}.{field}", why)
                else:
                    yield Loss(field, why, _weight(field, value))


def _weight(field: str, value: Json) -> Weight:
    match field, value:
        case (_, []) | ("modalities", ["text"]) | ("response_format", {"type": "json_schema"}):
            return "knob"  # text is what every answer is; the schema is canonical, only a field beside it is lost
        case ("text", {"format": {"type": "json_schema"}}):
            return "knob"
        case ("output_config", {"format": _}) | ("text", {"format": _}):
            return "meaning"
        case _:
            return "meaning" if field in MEANT else "knob"
