"""How much the model should think: this wire's `thinking`, a switch and a budget of tokens.

An effort, which Cohere has not, is sent as the budget that stands for it; none stands for `high` and above, which is
all that the model likes to think.
"""

from typing import Final

from keywright.core.json import JsonObject
from keywright.core.request import Effort, Reasoning
from keywright.dialects.cohere.target import Target
from keywright.dialects.fields import Fields

BUDGETS: Final[dict[Effort, int]] = {"minimal": 512, "low": 2_048, "medium": 8_192}


def decode_thinking(body: Fields) -> Reasoning | None:
    """The `thinking` of a request; a form that is not known stays among its extras."""
    said = body.left.get("thinking")
    if not isinstance(said, dict) or said.get("type") not in ("enabled", "disabled"):
        return None
    thinking = Fields(body.json("thinking"), "thinking")
    mode, budget = thinking.text("type"), thinking.count("token_budget")
    if thinking.left:
        body.keep("thinking", said)
    return Reasoning("on" if mode == "enabled" else "off", budget_tokens=budget)


def encode_thinking(reasoning: Reasoning, target: Target) -> JsonObject | None:
    """The `thinking` for a request; None when the model does not think on request."""
    off = reasoning.mode == "off" or (reasoning.mode is None and reasoning.effort == "none")
    if target.abilities.reasoning == "none":
        if not off:
            target.knob("reasoning", "the model does not reason on request")
        return None
    if reasoning.display is not None:
        target.knob("reasoning.display", "Cohere shows all of its thinking")
    if off:
        return {"type": "disabled"}
    if reasoning.mode == "adaptive":
        target.knob("reasoning.mode", "Cohere's models are told whether to think: they are")
    if reasoning.budget_tokens is not None:
        if reasoning.effort is not None:
            target.knob("reasoning.effort", "Cohere takes a budget, not an effort")
        return {"type": "enabled", "token_budget": reasoning.budget_tokens}
    if reasoning.effort is None:
        return {"type": "enabled"}
    target.knob("reasoning.effort", "Cohere takes a budget: one that stands for the effort is set")
    budget = BUDGETS.get(reasoning.effort)
    return {"type": "enabled"} if budget is None else {"type": "enabled", "token_budget": budget}
