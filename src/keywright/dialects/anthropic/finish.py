"""Why an answer ended: `stop_reason` and the canonical finish."""

from typing import Final

from keywright.core.json import NO_EXTRAS, Json
from keywright.core.response import Finish, FinishReason
from keywright.dialects.anthropic.wire import NAME

_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_window",
}
_WORDS: Final[dict[FinishReason, str]] = {
    **{reason: word for word, reason in _REASONS.items()},
    "content_filter": "refusal",
    "error": "end_turn",
    "other": "end_turn",
}


def finish_of(reason: str, sequence: Json, details: Json) -> Finish:
    """The finish that a `stop_reason` with its `stop_sequence` and `stop_details` is."""
    return Finish(
        reason=_REASONS.get(reason, "other"),
        sequence=sequence if isinstance(sequence, str) else None,
        raw=reason,
        origin=NAME,
        extras=NO_EXTRAS if details is None else {NAME: {"stop_details": details}},
    )


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
        return "refusal"
    return _WORDS[reason]
