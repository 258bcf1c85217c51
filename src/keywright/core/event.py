"""What is answered, as it arrives: the canonical stream.

A well-formed stream is `Started (Opened Delta* Closed | Finished | Metered | Aside)* Ended`, or it breaks off with
`Failed` at any point. Parts of one choice have distinct `part` numbers, in the order in which they opened;
deltas of several open parts may interleave (parallel tool calls do).
"""

from typing import TypeAlias

from msgspec import Struct

from keywright.core.failure import Failure
from keywright.core.json import NO_EXTRAS, Extras, Json
from keywright.core.message import Citation, Part
from keywright.core.response import Finish
from keywright.core.usage import Usage


class Started(Struct, frozen=True, tag="started", omit_defaults=True):
    """The answer begins."""

    id: str
    model: str
    created_s: int | None = None
    extras: Extras = NO_EXTRAS


class Opened(Struct, frozen=True, tag="opened", omit_defaults=True):
    """A part begins. `head` is the part with what is already known: for text, thinking and tool calls its
    texts are filled by deltas; every other kind is complete here.
    """

    part: int
    head: Part
    choice: int = 0


class TextDelta(Struct, frozen=True, tag="text", omit_defaults=True):
    """More text of a `Text`, `Thinking` or `Refusal` part."""

    part: int
    text: str
    choice: int = 0


class ArgumentsDelta(Struct, frozen=True, tag="arguments", omit_defaults=True):
    """More JSON text of a `ToolCall` or `ServerToolCall` part."""

    part: int
    text: str
    choice: int = 0


class SignatureDelta(Struct, frozen=True, tag="signature", omit_defaults=True):
    """(More of) the signature of a `Thinking` part."""

    part: int
    signature: str
    choice: int = 0


class CitationDelta(Struct, frozen=True, tag="citation", omit_defaults=True):
    """One more citation of a `Text` part."""

    part: int
    citation: Citation
    choice: int = 0


class LogprobsDelta(Struct, frozen=True, tag="logprobs", omit_defaults=True):
    """Log probabilities of the tokens just sent, in the shape of dialect `origin`."""

    origin: str
    body: Json
    choice: int = 0


class Closed(Struct, frozen=True, tag="closed", omit_defaults=True):
    """A part ends."""

    part: int
    choice: int = 0


class Finished(Struct, frozen=True, tag="finished", omit_defaults=True):
    """A choice ends."""

    finish: Finish
    choice: int = 0
    extras: Extras = NO_EXTRAS


class Metered(Struct, frozen=True, tag="metered", omit_defaults=True):
    """What has been used so far; the last one counts. `extras` is what the provider said beside it.

    `billed`: what it says it will bill, where that is not what was used. `tier`: as `core.tier` has it.
    """

    usage: Usage
    extras: Extras = NO_EXTRAS
    billed: Usage | None = None
    tier: str = ""


class Aside(Struct, frozen=True, tag="aside", omit_defaults=True):
    """An event that only its own dialect understands and that carries no content (a ping, a status)."""

    origin: str
    kind: str
    body: Json = None


class Failed(Struct, frozen=True, tag="failed", omit_defaults=True):
    """The provider reported an error after it had begun. Nothing follows."""

    failure: Failure


class Ended(Struct, frozen=True, tag="ended", omit_defaults=True):
    """The provider said that the answer is complete."""


Event: TypeAlias = (
    Started
    | Opened
    | TextDelta
    | ArgumentsDelta
    | SignatureDelta
    | CitationDelta
    | LogprobsDelta
    | Closed
    | Finished
    | Metered
    | Aside
    | Failed
    | Ended
)
