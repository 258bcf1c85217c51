"""Why an answer ended: `stopReason` and the canonical finish."""

from typing import Final

from keywright.core.response import Finish, FinishReason
from keywright.dialects.bedrock_converse.wire import NAME

_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "model_context_window_exceeded": "context_window",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "refusal": "content_filtered",
    "context_window": "model_context_window_exceeded",
    "error": "malformed_model_output",
    "pause": "end_turn",
    "other": "end_turn",
}


def finish_of(reason: str) -> Finish:
    """The finish that a `stopReason` is."""
    return Finish(_REASONS.get(reason, "other"), raw=reason, origin=NAME)


def stop_reason(finish: Finish | None, *, called: bool, refused: bool) -> str:
    """The word for `finish`, of an answer in which tools were `called` or the model `refused` in words.

    Some servers of other dialects say `stop` after a call or a refusal; clients of this one look at the word.
    """
    if finish is None:
        reason: FinishReason = "stop"
    elif finish.origin == NAME and finish.raw is not None:
        return finish.raw
    else:
        reason = finish.reason
    if reason == "stop" and called:
        return "tool_use"
    if reason == "stop" and refused:
        return "content_filtered"
    return _WORDS[reason]
