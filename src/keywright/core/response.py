"""What is answered: one chat response, in no dialect."""

from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras, Json
from keywright.core.message import Part
from keywright.core.usage import Usage

FinishReason: TypeAlias = Literal[
    "stop",
    "length",
    "tool_calls",
    "stop_sequence",
    "refusal",
    "content_filter",
    "pause",
    "context_window",
    "error",
    "other",
]


class Finish(Struct, frozen=True, omit_defaults=True):
    """Why a choice ended. `raw` is the provider's own word in dialect `origin`, for clients that speak it."""

    reason: FinishReason
    sequence: str | None = None
    raw: str | None = None
    origin: str | None = None
    extras: Extras = NO_EXTRAS


class Choice(Struct, frozen=True, omit_defaults=True):
    """One of the alternatives that were asked for (nearly always the only one)."""

    parts: tuple[Part, ...]
    finish: Finish | None = None
    index: int = 0
    logprobs: Json = None
    extras: Extras = NO_EXTRAS


class Response(Struct, frozen=True, omit_defaults=True):
    """A whole answer. `model` is what the provider says it used; `created_s` Unix seconds, where it said so.

    `usage` is None when the provider sent none. `billed`: what it says it will bill, where that is not what was used.
    """

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created_s: int | None = None
    extras: Extras = NO_EXTRAS
    billed: Usage | None = None
