"""What an answer tells of its tokens, of its end, and of what was used.

Log probabilities are made of the tokens only where the likeliest others came as well: that is how they are asked for.
Without that, every token of every answer has one.
"""

from typing import Final, TypeGuard

from keywright.core.json import Json, JsonObject
from keywright.core.response import Finish, FinishReason
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.transcript import NEXT_TURN

NAME: Final = "tgi"
"""The dialect's name in extras, logs and addresses."""

PARAMETER: Final = "parameters."
"""How the names of extras begin that stand in `parameters`."""

LOGPROBS_SHAPE: Final = "openai_chat"
"""The dialect in whose shape log probabilities are kept."""

_REASONS: Final[dict[str, FinishReason]] = {"eos_token": "stop", "length": "length", "stop_sequence": "stop_sequence"}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "eos_token",
    "length": "length",
    "tool_calls": "eos_token",
    "stop_sequence": "stop_sequence",
    "refusal": "eos_token",
    "content_filter": "eos_token",
    "pause": "eos_token",
    "context_window": "length",
    "error": "eos_token",
    "other": "eos_token",
}
SAID: Final = frozenset(("stop", "length", "stop_sequence", "context_window"))
"""Reasons whose word does not mislead."""


def finish_of(details: JsonObject) -> Finish:
    """Why an answer with `details` ended; nothing that is known, without any."""
    word = details.get("finish_reason", "eos_token")
    reason = _REASONS.get(word) if isinstance(word, str) else None
    if reason is None:
        return Finish("other", raw=word if isinstance(word, str) else None, origin=NAME)
    return Finish(reason)


def without_ending(text: str, finish: Finish) -> str:
    """`text` without the stop sequence of a transcript: these servers leave it in."""
    return text.removesuffix(NEXT_TURN) if finish.reason == "stop_sequence" else text


def encode_finish(finish: Finish | None) -> str:
    """The word for `finish`."""
    return "eos_token" if finish is None else _WORDS[finish.reason]


def usage_of(prompt: Json, generated: Json) -> Usage | None:
    """The units; None when one count was not told or makes no sense."""
    if not _is_count(prompt) or not _is_count(generated):
        return None
    try:
        return checked(Usage(input=prompt, output=generated))
    except InconsistentUsageError:
        return None


def whole_usage(details: JsonObject) -> Usage | None:
    """The units of a whole answer, which lists the prompt's tokens when it was asked to."""
    prefill = details.get("prefill")
    return usage_of(len(prefill) if isinstance(prefill, list) and prefill else None, details.get("generated_tokens"))


def logprobs_of(tokens: Json, tops: Json) -> JsonObject | None:
    """The log probabilities of `tokens`, with the likeliest at each place; None when those did not come."""
    if not isinstance(tokens, list) or not isinstance(tops, list) or not tops:
        return None
    items: list[Json] = []
    for index, token in enumerate(tokens):
        if isinstance(token, dict) and not token.get("special"):
            top = tops[index] if index < len(tops) else None
            others: list[Json] = (
                [_item(other) for other in top if isinstance(other, dict)] if isinstance(top, list) else []
            )
            items.append({**_item(token), "top_logprobs": others})
    return {"content": items} if items else None


def _is_count(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _item(token: JsonObject) -> JsonObject:
    return {"token": token.get("text"), "logprob": token.get("logprob"), "bytes": None}
