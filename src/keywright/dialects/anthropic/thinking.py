"""How much a model should think: `thinking` and `output_config.effort`.

Models differ. Older ones take a budget of tokens; current ones think adaptively, by effort; some take an effort and
no `thinking` at all. `Abilities.reasoning` says which, and whatever was asked in another way is put in that way:

| asked | `budget` | `adaptive` | `effort` | `none` |
|---|---|---|---|---|
| off, or effort `none` | disabled | disabled | disabled | - |
| a budget | enabled, budget | adaptive | - | - |
| adaptive, or an effort | enabled, budget by effort | adaptive, effort | effort | - |

The budget stays below `max_tokens`, as the API demands: it is made smaller, and where not even the least budget fits
the model does not think. Neither may it when a tool is forced, nor, with a budget, while it works with tools in a
turn that it began without thinking: there the API wants the signed thinking back, which a client of another dialect
has never seen.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.loss import Loss
from keywright.core.request import Effort, Reasoning, Request
from keywright.dialects.anthropic.wire import Node

OUTPUT_TOKENS_DEFAULT: Final = 4096
"""What `max_tokens` is when neither the client nor the catalogue says: every Claude model can write so much."""

THINKING_TOKENS_MIN: Final = 1024
"""The least budget that the API takes."""

THINKING_TOKENS: Final[dict[Effort, int]] = {
    "minimal": THINKING_TOKENS_MIN,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 24576,
    "max": 32768,
}
"""The budget that stands for an effort."""

DISPLAYS: Final = ("summarized", "omitted")

_Losses: TypeAlias = list[Loss]


class Plan(Struct, frozen=True):
    """What the request will say about output and thinking. `thinking` and `effort` are None when it says nothing."""

    output_tokens_max: int
    thinking: Node | None = None
    effort: str | None = None

    @property
    def thinks(self) -> bool:
        """Whether thinking is asked for, which forbids most sampling knobs."""
        return self.thinking is not None and self.thinking["type"] != "disabled"


def planned(request: Request, abilities: Abilities, losses: _Losses) -> Plan:
    """The plan for `request` and a model with `abilities`."""
    output_tokens_max = _output_tokens_max(request, abilities, losses)
    reasoning = request.reasoning
    if reasoning is None:
        return Plan(output_tokens_max)
    configured = reasoning.mode is not None or reasoning.budget_tokens is not None
    if reasoning.mode == "off" or (reasoning.mode is None and reasoning.effort == "none"):
        return _disabled(output_tokens_max, reasoning, abilities)
    if abilities.reasoning == "none":
        losses.append(Loss("reasoning", "this model does not think"))
        return Plan(output_tokens_max)
    effort = None if abilities.reasoning == "budget" else _effort(reasoning, losses)
    if abilities.reasoning == "effort":
        if configured or reasoning.display is not None:
            losses.append(Loss("reasoning", "this model takes an effort only"))
        return Plan(output_tokens_max, effort=effort)
    if _forces_tool(request):
        losses.append(Loss("reasoning", "the Messages API does not let a model think when a tool is forced"))
        return Plan(output_tokens_max, effort=effort)
    if abilities.reasoning == "adaptive":
        if reasoning.budget_tokens is not None:
            losses.append(Loss("reasoning.budget_tokens", "this model takes no budget: it thinks adaptively"))
        return Plan(output_tokens_max, _shown({"type": "adaptive"}, reasoning, losses), effort)
    return _budgeted(request, reasoning, abilities, output_tokens_max, losses)


def resumed(plan: Plan, messages: list[Node], losses: _Losses) -> Plan:
    """`plan`, without a budget where `messages` end in tool results of a turn that began without thinking."""
    if plan.thinking is None or plan.thinking["type"] != "enabled" or not began_unthinking(messages):
        return plan
    losses.append(Loss("reasoning", "the turn that the tool results belong to began without signed thinking"))
    return Plan(plan.output_tokens_max, None, plan.effort)


def began_unthinking(messages: Sequence[Mapping[str, object]]) -> bool:
    """Whether `messages`, as the API takes them, end in tool results of a turn that began without thinking."""
    first = None
    for message in reversed(messages):
        content = message["content"]
        head = content[0]["type"] if isinstance(content, list) else "text"
        if message["role"] == "user" and head != "tool_result":
            break
        if message["role"] == "assistant":
            first = head
    return first not in (None, "thinking", "redacted_thinking") and messages[-1]["role"] == "user"


def _output_tokens_max(request: Request, abilities: Abilities, losses: _Losses) -> int:
    limit = abilities.output_tokens_max
    if request.output_tokens_max is None:
        return limit or OUTPUT_TOKENS_DEFAULT
    if limit is not None and request.output_tokens_max > limit:
        losses.append(Loss("output_tokens_max", f"this model writes at most {limit} tokens"))
        return limit
    return request.output_tokens_max


def _disabled(output_tokens_max: int, reasoning: Reasoning, abilities: Abilities) -> Plan:
    if abilities.reasoning == "none":
        return Plan(output_tokens_max)
    takes_effort = abilities.reasoning != "budget" and reasoning.effort not in (None, "none")
    return Plan(output_tokens_max, {"type": "disabled"}, reasoning.effort if takes_effort else None)


def _effort(reasoning: Reasoning, losses: _Losses) -> str | None:
    if reasoning.effort in (None, "none"):
        return None
    if reasoning.effort == "minimal":
        losses.append(Loss("reasoning.effort", "the least effort of the Messages API is `low`"))
        return "low"
    return reasoning.effort


def _budgeted(
    request: Request, reasoning: Reasoning, abilities: Abilities, output_tokens_max: int, losses: _Losses
) -> Plan:
    """Thinking with a budget: the one asked for, or the one that stands for the effort."""
    effort = reasoning.effort or "medium"
    asked = reasoning.budget_tokens or THINKING_TOKENS.get(effort, THINKING_TOKENS_MIN)
    if request.output_tokens_max is None and abilities.output_tokens_max is None:
        output_tokens_max += asked
    room = output_tokens_max - 1
    if reasoning.budget_tokens is None:
        room = max(output_tokens_max * 3 // 4, min(THINKING_TOKENS_MIN, room))  # leaves room for the answer
        if reasoning.mode is not None:
            losses.append(Loss("reasoning", "this model takes a budget: one that stands for the effort is set"))
    elif reasoning.effort is not None:
        losses.append(Loss("reasoning.effort", "this model takes a budget, not an effort"))
    budget = min(max(asked, THINKING_TOKENS_MIN), room)
    if budget < THINKING_TOKENS_MIN:
        losses.append(Loss("reasoning", f"max_tokens leaves no room for {THINKING_TOKENS_MIN} tokens of thinking"))
        return Plan(output_tokens_max)
    if reasoning.budget_tokens is not None and budget != asked:
        losses.append(Loss("reasoning.budget_tokens", f"set to {budget}: at least 1024, and less than max_tokens"))
    return Plan(output_tokens_max, _shown({"type": "enabled", "budget_tokens": budget}, reasoning, losses))


def _shown(thinking: Node, reasoning: Reasoning, losses: _Losses) -> Node:
    """`thinking` with the display that the client asked for."""
    if reasoning.display in DISPLAYS:
        thinking["display"] = reasoning.display
    elif reasoning.display is not None:
        losses.append(Loss("reasoning.display", "the Messages API shows thinking summarized or omitted only"))
    return thinking


def _forces_tool(request: Request) -> bool:
    choice = request.tool_choice
    return choice is not None and (choice.mode in ("required", "named") or choice.required)
