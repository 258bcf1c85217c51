"""Canonical paths of losses, taken apart, and what Ollama calls the fields of a request."""

import re
from typing import Final

from msgspec import Struct

from keywright.dialects.ollama.family import LOAD, RAW

_TURN: Final = re.compile(r"turns\[(\d+)\](?:\.parts\[(\d+)\])?(.*)")
_TOOL: Final = re.compile(r"(tools\[\d+\])\.(name|description|parameters|strict)(.*)")
_NAMES: Final = {
    "output_tokens_max": "options.num_predict",
    "stop": "options.stop",
    "temperature": "options.temperature",
    "top_p": "options.top_p",
    "top_k": "options.top_k",
    "frequency_penalty": "options.frequency_penalty",
    "presence_penalty": "options.presence_penalty",
    "seed": "options.seed",
    "reasoning": "think",
    RAW: "raw",
}


class Place(Struct, frozen=True):
    """A turn, perhaps a part of it, and what follows (it begins with a point, or is empty)."""

    turn: int
    part: int | None
    rest: str


def taken(path: str) -> Place | None:
    """The turn that `path` stands in; None when it is none of a turn."""
    found = _TURN.fullmatch(path)
    if found is None:
        return None
    turn, part, rest = found.groups()
    return Place(int(turn), None if part is None else int(part), rest)


def located(path: str, prompt: str) -> str:
    """What Ollama calls the field `path`. `prompt`: where a request's prompt stands; without one it asks to load."""
    if path in (LOAD, "turns"):
        return prompt
    if (tool := _TOOL.fullmatch(path)) is not None:
        return f"{tool[1]}.function.{tool[2]}{tool[3]}"
    field, point, rest = path.partition(".")
    return _NAMES.get(field, field) + (point + rest if field != "reasoning" else "")
