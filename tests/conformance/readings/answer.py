"""What an answer says, in one form for all wires, whoever reads it: by hand here, or through a client's SDK."""

import json
from typing import Any, NamedTuple, TypeAlias

Calls: TypeAlias = list[tuple[str, str]]
"""The client's own tools that were called: names, and arguments as `spelled`."""


class Answer(NamedTuple):
    """One alternative of an answer: the first, where there are several.

    `text` is what was said, a refusal's words with it; thinking is not. `calls` leave out what the provider ran itself.
    `finish` is `stop`, `length`, `tool_calls`, `content_filter`, `refusal` (where the wire has a place for a refusal's
    words, and says that the answer stopped) or `other`. `input` counts all tokens of the prompt,
    `cached` those of them that were read from a cache, `output` all that were made, thinking with them: 0 where it was
    not told.
    """

    text: str
    calls: Calls
    finish: str
    input: int
    output: int
    cached: int


def spelled(arguments: Any) -> str:
    """Arguments in one spelling, whether they came as text or as an object. What is no JSON object stays as it is."""
    if isinstance(arguments, str):
        try:
            value = json.loads(arguments or "{}")
        except ValueError:
            return arguments
        return json.dumps(value, sort_keys=True) if isinstance(value, dict) else arguments
    return json.dumps(arguments or {}, sort_keys=True)


def ended(finish: str, calls: Calls) -> str:
    """The reason to end, by what all wires agree on: an answer that calls has not simply stopped."""
    return "tool_calls" if calls and finish == "stop" else finish


def differences(got: Answer, wanted: Answer) -> list[str]:
    """The names of what is not the same."""
    return [name for name, one, other in zip(Answer._fields, got, wanted, strict=True) if one != other]
