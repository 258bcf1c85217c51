"""Why an answer ended: `finishReason`, `promptFeedback.blockReason`, and the canonical finish."""

from typing import Final

from keywright.core.json import NO_EXTRAS, Json
from keywright.core.response import Finish, FinishReason
from keywright.dialects.gemini.wire import NAME

_NUMBERS: Final = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "IMAGE_RECITATION",
)
_REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "MODEL_ARMOR",
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            "MALFORMED_FUNCTION_CALL",
            "UNEXPECTED_TOOL_CALL",
            "TOO_MANY_TOOL_CALLS",
            "MALFORMED_RESPONSE",
            "MISSING_THOUGHT_SIGNATURE",
        ),
        "error",
    ),
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "stop_sequence": "STOP",
    "refusal": "SAFETY",
    "content_filter": "SAFETY",
    "pause": "OTHER",
    "context_window": "MAX_TOKENS",
    "error": "OTHER",
    "other": "OTHER",
}

STOPPED: Final = Finish("stop")
"""What is said of a candidate of which nobody said why it ended: clients take one without a reason for unfinished."""


def finish_of(reason: Json, message: Json, *, called: bool) -> Finish | None:
    """The finish that a `finishReason` with its `finishMessage` is, of an answer in which tools were `called` or not.

    None when there is no reason.
    """
    if isinstance(reason, int) and not isinstance(reason, bool) and 0 <= reason < len(_NUMBERS):
        reason = _NUMBERS[reason]
    if not isinstance(reason, str) or not reason:
        return None
    canonical = _REASONS.get(reason, "other")
    return Finish(
        reason="tool_calls" if called and canonical == "stop" else canonical,
        raw=reason,
        origin=NAME,
        extras=NO_EXTRAS if message is None else {NAME: {"finishMessage": message}},
    )


def blocked(feedback: Json) -> Finish | None:
    """The finish of an answer whose prompt was blocked; None when `promptFeedback` tells of no such thing."""
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return None if reason is None else Finish("content_filter", raw=str(reason), origin=NAME)


def finish_reason(finish: Finish) -> str:
    """The word for `finish`."""
    if finish.origin == NAME and finish.raw is not None:
        return finish.raw
    return _WORDS[finish.reason]
