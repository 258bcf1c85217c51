"""Why an answer ended, in this wire's words.

Canonical reasons that OpenAI has no word for have these images: a stop sequence and a pause are `stop`, a full
context window is `length`, a refusal by the provider's own safety system is `content_filter`, anything else `stop`.
"""

from typing import Final

from keywright.core.response import Finish, FinishReason
from keywright.dialects.openai_chat.fields import NAME

_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    # Words of compatible servers.
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_length": "context_window",
    "tool_use": "tool_calls",
    "insufficient_system_resource": "error",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "stop_sequence": "stop",
    "refusal": "content_filter",
    "content_filter": "content_filter",
    "pause": "stop",
    "context_window": "length",
    "error": "stop",
    "other": "stop",
}
UNSAID: Final = frozenset(("pause", "error", "other"))
"""Reasons whose image misleads, so that it is reported as a loss."""


def decode_finish(word: str) -> Finish:
    """The reason behind `word`. The word itself is kept where the reason does not give it back."""
    reason = _REASONS.get(word, "other")
    if _WORDS[reason] == word:
        return Finish(reason)
    return Finish(reason, raw=word, origin=NAME)


def encode_finish(finish: Finish | None, *, legacy: bool) -> str:
    """One of OpenAI's words. `legacy`: to a client that speaks of functions."""
    word = "stop" if finish is None else _WORDS[finish.reason]
    return "function_call" if legacy and word == "tool_calls" else word
