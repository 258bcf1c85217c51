"""What becomes of another dialect's extras: nothing can be done with them, so each is a loss, of some weight.

Most tune. A few ask for content, for tools or for a form of the answer, and without them the request would mean
something else. They are listed here by name, for all dialects at once, so that no encoder needs to know another's.
"""

from collections.abc import Iterator
from typing import Final

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss, Weight

REPEATED: Final = frozenset(
    (
        # anthropic
        "output_format",
        # openai_chat
        "cache_control",
        "legacy",
        "reasoning",
        "top_k",
        # openai_responses
        "breakpoint",
        "instructions",
        "item",
        "raw",
        "seals",
        # bedrock_converse, bedrock_invoke
        "as_json",
        "shape",
        # cohere
        "document",
        "tool_plan",
        # tgi
        "parameters.details",
    )
)
"""Extras in which a dialect keeps how its client spelled what the canonical request says as well: no loss."""

MEANT: Final = frozenset(
    (
        # anthropic
        "container",
        "mcp_servers",
        "thread",
        # openai_chat and its relatives
        "audio",
        "documents",
        "echo",
        "modalities",
        "response_format",
        "suffix",
        "tool_choice",
        "web_search_options",
        # openai_responses
        "background",
        "conversation",
        "previous_response_id",
        "prompt",
        # gemini
        "cachedContent",
        "continuationToken",
        "generationConfig.responseMimeType",
        "generationConfig.responseModalities",
        "generationConfig.responseSchema",
        # bedrock_converse
        "guardrailConfig",
        "promptVariables",
        # ollama
        "context",
        "is_raw",
        "load",
        "template",
        # tgi
        "parameters.adapter_id",
        "parameters.grammar",
        "parameters.return_full_text",
    )
)
"""Extras that ask for content, tools, or a form of the answer, or stand for turns that only the provider holds."""

IDLE: Final[JsonObject] = {
    "amazon-bedrock-guardrailAction": "NONE",
    "background": False,
    "store": False,
    "truncation": "disabled",
}
"""Extras with the value that says, or asks for, what is so with any provider anyway: no loss."""

FACTS: Final = frozenset(
    (
        # openai_chat, and servers that speak it
        "metrics",
        "native_finish_reason",
        "provider",
        "request_id",
        "service_tier",
        "system_fingerprint",
        "time_info",
        "timings",
        "usage",
        "usage_breakdown",
        "x_groq",
        # how it spells thoughts
        "chunk",
        "detail",
        "details",
        "field",
        # openai_responses; the settings are those of the request
        "billing",
        "phase",
        "settings",
        "tool_usage",
        # gemini; sources are citations as well, and a blocked prompt is a finish
        "avgLogprobs",
        "citationMetadata",
        "createTime",
        "finishMessage",
        "groundingMetadata",
        "promptFeedback",
        "safetyRatings",
        "usageMetadata",
        # bedrock_converse, bedrock_invoke; a guardrail's trace only tells how it came to act
        "amazon-bedrock-invocationMetrics",
        "amazon-bedrock-trace",
        "performanceConfig",
        "serviceTier",
        "trace",
        # cohere; the texts are those of the request
        "generationId",
        "meta",
        "texts",
        # ollama
        "context",
        "eval_duration",
        "load_duration",
        "prompt_eval_duration",
        "remote_host",
        "remote_model",
        "total_duration",
    )
)
"""Extras of an answer that tell how it was made (by which machine, how fast, under which number, at what price), or
say what the canonical answer says as well. A client of another dialect did not ask for them and misses nothing: no
loss.
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
