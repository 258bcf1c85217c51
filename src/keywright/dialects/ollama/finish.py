"""Why an answer ended, in this wire's words: `stop` and `length`, and two for requests without a prompt."""

from typing import Final

from keywright.core.response import Finish, FinishReason
from keywright.dialects.ollama.family import CHAT, FAMILY

_REASONS: Final[dict[str, FinishReason]] = {"": "stop", "stop": "stop", "length": "length"}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "stop_sequence": "stop",
    "refusal": "stop",
    "content_filter": "stop",
    "pause": "stop",
    "context_window": "length",
    "error": "stop",
    "other": "stop",
}
UNSAID: Final = frozenset(("refusal", "content_filter", "pause", "error", "other"))
"""Reasons whose image misleads, so that it is reported as a loss."""


def decode_finish(word: str, *, called: bool) -> Finish:
    """The reason behind `word`. `called`: the answer calls tools, for which the wire has no word."""
    reason = _REASONS.get(word, "other")
    if called and reason == "stop":
        return Finish("tool_calls")
    return Finish(reason) if reason != "other" else Finish(reason, raw=word, origin=CHAT)


def encode_finish(finish: Finish | None) -> str:
    """The word for `finish`."""
    if finish is None:
        return "stop"
    if finish.raw and finish.origin in FAMILY:
        return finish.raw
    return _WORDS[finish.reason]


def misleads(finish: Finish | None) -> bool:
    """Whether the word for `finish` says something else."""
    return finish is not None and finish.reason in UNSAID and not (finish.raw and finish.origin in FAMILY)
