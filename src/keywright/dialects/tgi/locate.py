"""Where a client of text generation finds what a loss speaks of."""

from typing import Final

from keywright.core.request import Request
from keywright.dialects.paths import place_of

_FIELDS: Final = {
    "output_tokens_max": "parameters.max_new_tokens",
    "format": "parameters.grammar",
    "logprobs": "parameters.top_n_tokens",
    "top_logprobs": "parameters.top_n_tokens",
    "turns": "inputs",
}
_SAME: Final = frozenset(("frequency_penalty", "seed", "stop", "temperature", "top_k", "top_p"))


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words: all that is said stands in the inputs."""
    if place_of(path, request) is not None:
        return "inputs"
    return f"parameters.{path}" if path in _SAME else _FIELDS.get(path, path)
