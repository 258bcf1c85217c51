"""Where a client of completions finds what a loss speaks of."""

from typing import Final

from keywright.core.request import Request
from keywright.dialects.paths import place_of

_FIELDS: Final = {
    "choices": "n",
    "format": "response_format",
    "output_tokens_max": "max_tokens",
    "stream_usage": "stream_options.include_usage",
    "top_logprobs": "logprobs",
    "turns": "prompt",
}


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words: all that is said stands in the prompt."""
    return "prompt" if place_of(path, request) is not None else _FIELDS.get(path, path)
