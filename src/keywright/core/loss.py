"""What a translation could not carry."""

from typing import Literal, TypeAlias

from msgspec import Struct

Weight: TypeAlias = Literal["knob", "meaning"]
"""`knob`: tunes, may be dropped and reported. `meaning`: content, tools, structured output: refused."""


class Loss(Struct, frozen=True):
    """One thing that the target dialect or model cannot say.

    `path` names the field in the client's own request (`messages[2].content[0]`, `logit_bias`); `why` is one
    clause for a human ("Anthropic has no log probabilities").
    """

    path: str
    why: str
    weight: Weight = "knob"
