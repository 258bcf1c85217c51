"""Why an answer ended, in this wire's words: a status, and for an incomplete answer a reason.

The wire has no word for calls of tools: an answer with calls is complete like any. A stop sequence is complete too; a
refusal by the provider's own safety system counts as `content_filter`, a full context window as `max_output_tokens`.
"""

from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.response import Finish, FinishReason
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_responses.fields import NAME

ENDED: Final = frozenset(("completed", "incomplete", "complete", None))
"""The statuses of an answer that has ended, as servers write them."""

_REASONS: Final[dict[str, FinishReason]] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}
_MISLEADING: Final = frozenset(("pause", "error", "other"))


def decode_finish(answer: JsonObject, *, called: bool) -> Finish | None:
    """Why `answer` (a Response object) ended, in which tools were `called` or not; None when it has not."""
    status, details = answer.get("status"), answer.get("incomplete_details")
    if not isinstance(status, str | None) or status not in ENDED:
        return None
    reason = details.get("reason") if isinstance(details, dict) else None
    if isinstance(reason, str) and reason:
        return Finish(_REASONS[reason]) if reason in _REASONS else Finish("other", raw=reason, origin=NAME)
    if status == "incomplete":
        return Finish("length")  # the only thing that stops a model without a word
    return Finish("tool_calls" if called else "stop")


def incomplete_reason(finish: Finish | None) -> str | None:
    """The reason that makes an answer incomplete; None for a complete one."""
    if finish is None:
        return None
    if finish.origin == NAME and finish.raw is not None:
        return finish.raw
    return _WORDS.get(finish.reason)


def incomplete_details(finish: Finish | None) -> Json:
    """The field of that name."""
    reason = incomplete_reason(finish)
    return None if reason is None else {"reason": reason}


def lose_finish(finish: Finish | None, losses: list[Loss]) -> None:
    """Report a reason that cannot be told, and what another provider said beside it."""
    if finish is None:
        return
    if finish.reason in _MISLEADING and incomplete_reason(finish) is None:
        losses.append(Loss("status", f"the Responses API has no word for {finish.raw or finish.reason}"))
    losses += answer_losses(finish.extras, NAME, "status", "the Responses API has no such field")
