"""The settings of a request as its answer repeats them."""

from typing import Final

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.message import Text
from keywright.core.request import Format, JsonObjectFormat, JsonSchemaFormat, Request
from keywright.dialects.openai_responses.fields import INSTRUCTIONS, own
from keywright.dialects.openai_responses.request_out import shown_schema
from keywright.dialects.openai_responses.tools import encode_choice, shown_tool

_ASKED: Final[JsonObject] = {
    "background": False,
    "conversation": None,
    "max_tool_calls": None,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "truncation": "disabled",
}
"""Settings that stand in the extras of a request, and what an answer says where they are not given."""

_HIDDEN: Final = frozenset(("conversation",))
"""Of these, what an answer does not mention when it was not asked for."""

SETTINGS: Final = frozenset(_ASKED) | {
    "completed_at",
    "context_management",
    "frequency_penalty",
    "instructions",
    "max_output_tokens",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
}
"""The fields of an answer that repeat its request."""


def settings_of(request: Request, extras: Extras) -> JsonObject:
    """The settings of `request`, with those put over them that a provider of this dialect repeated in `extras`."""
    said = own(request.extras)
    settings: JsonObject = {field: said.get(field, value) for field, value in _ASKED.items() if field not in _HIDDEN}
    choice: JsonObject = {} if request.tool_choice is None else encode_choice(request.tool_choice, request.tools)
    sampling = request.sampling
    settings |= {
        "instructions": _instructions(request),
        "max_output_tokens": request.output_tokens_max,
        "metadata": request.metadata or {},
        "parallel_tool_calls": choice.get("parallel_tool_calls", True),
        "reasoning": _reasoning(request, said),
        "service_tier": request.service_tier or "default",
        "store": False,
        "temperature": sampling.temperature,
        "text": _text(request.format, said),
        "tool_choice": said.get("tool_choice", choice.get("tool_choice", "auto")),
        "tools": [shown for tool in request.tools if (shown := shown_tool(tool)) is not None],
        "top_logprobs": sampling.top_logprobs or 0,
        "top_p": sampling.top_p,
        "user": request.user,
    }
    repeated = own(extras).get("settings")
    return {**settings, **repeated} if isinstance(repeated, dict) else settings


def _instructions(request: Request) -> str | None:
    for turn in request.turns[:1]:
        if own(turn.extras).get(INSTRUCTIONS) and turn.parts and isinstance(turn.parts[0], Text):
            return turn.parts[0].text
    return None


def _reasoning(request: Request, said: JsonObject) -> JsonObject:
    effort = None if request.reasoning is None else request.reasoning.effort
    kept = said.get("reasoning")
    return {"effort": effort, "summary": None, **(kept if isinstance(kept, dict) else {})}


def _text(form: Format | None, said: JsonObject) -> JsonObject:
    shown: Json
    match form:
        case JsonSchemaFormat():
            shown = shown_schema(form)
        case JsonObjectFormat():
            shown = {"type": "json_object"}
        case None:
            shown = {"type": "text"}
    more = said.get("text")
    return {"format": shown, **(more if isinstance(more, dict) else {})}
