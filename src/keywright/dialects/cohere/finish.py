"""Why an answer ended, in this wire's words.

Reasons that Cohere has no word for have these images: a refusal, a filter and a pause are `COMPLETE`, a full context
window is `MAX_TOKENS`.
"""

from typing import Final

from keywright.core.response import Finish, FinishReason
from keywright.dialects.cohere.fields import NAME

_REASONS: Final[dict[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    # Words of the older API, which some servers still send.
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "context_window",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "stop_sequence": "STOP_SEQUENCE",
    "refusal": "COMPLETE",
    "content_filter": "COMPLETE",
    "pause": "COMPLETE",
    "context_window": "MAX_TOKENS",
    "error": "ERROR",
    "other": "COMPLETE",
}
UNSAID: Final = frozenset(("refusal", "content_filter", "pause", "other"))
"""Reasons whose image misleads, so that it is reported as a loss."""


def decode_finish(word: str) -> Finish:
    """The reason behind `word`. The word itself is kept where the reason does not give it back."""
    reason = _REASONS.get(word, "other")
    if _WORDS[reason] == word:
        return Finish(reason)
    return Finish(reason, raw=word, origin=NAME)


def encode_finish(finish: Finish | None) -> str:
    """One of Cohere's words."""
    if finish is None:
        return "COMPLETE"
    if finish.origin == NAME and finish.raw is not None:
        return finish.raw
    return _WORDS[finish.reason]
