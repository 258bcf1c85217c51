"""What a translation could not carry.

A loss names its place by a canonical path, and the client's dialect says it in the client's words (`locate`):

    turns[2].parts[0]                   a part, counted as in `Request.turns`; `.parts[1]` again within a tool's result
                                        or a document of blocks
    turns[2].parts[0].cache             a field of it: a canonical one, or one of its extras by that dialect's name
    tools[1].strict, tool_choice.names  a tool, the choice of tools
    output_tokens_max, format, top_k    fields of `Request`, and of its `sampling` without a step of its own
    reasoning.budget_tokens
    web_search_options                  one of the request's extras, by the name that the client's dialect has for it
"""

from typing import Literal, TypeAlias

from msgspec import Struct

Weight: TypeAlias = Literal["knob", "meaning"]
"""`knob`: tunes, may be dropped and reported. `meaning`: content, tools, structured output: refused."""


class Loss(Struct, frozen=True):
    """One thing that the target dialect or model cannot say.

    `path` names the field, canonically when an encoder makes it, in the client's own words when the client is told;
    `why` is one clause for a human ("Anthropic has no log probabilities").
    """

    path: str
    why: str
    weight: Weight = "knob"
