"""Thinking and top_k: what stands in `additionalModelRequestFields`, in the manner of each vendor.

| asked | budget | level | effort |
|---|---|---|---|
| off, or effort `none` | disabled | disabled | - |
| a budget | enabled, budget | the level that it amounts to | - |
| an effort | enabled, budget by effort | the level | the effort |
| adaptive | adaptive | - | - |

A model of the first manner may think adaptively instead, or take an effort only (`Abilities.reasoning`). Its budget
stays below `maxTokens`, where that is said. It may not think when a tool is forced, nor, with a budget, while it
works with tools in a turn that it began without signed thinking.
"""

from collections.abc import Callable
from typing import Final, get_args

from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Thinking
from keywright.core.request import Effort, Reasoning, Request
from keywright.dialects.anthropic.thinking import THINKING_TOKENS, THINKING_TOKENS_MIN
from keywright.dialects.bedrock_converse.vendors import Manner
from keywright.dialects.bedrock_converse.wire import NAME

EFFORTS: Final = frozenset(get_args(Effort))
LEVELS: Final[dict[str, str]] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
"""The levels of models that are told one, by effort."""

_CHOICE: Final = "tool_choice"
_DISPLAYS: Final = frozenset({"summarized", "omitted"})
_THINKING: Final = {
    "enabled": frozenset({"type", "budget_tokens", "display"}),
    "adaptive": frozenset({"type", "display"}),
    "disabled": frozenset({"type"}),
}


class Plan(Struct, frozen=True):
    """What a request says of thinking: the model's own `fields`, and the `effort` that Converse itself has.

    `exclusive`: whether it thinks in the manner that forbids most sampling knobs.
    """

    fields: JsonObject = {}
    effort: str | None = None
    exclusive: bool = False


class Said(Struct):
    """What a client's additional fields say: what is modelled, in whose spelling, and the rest."""

    reasoning: Reasoning | None = None
    top_k: int | None = None
    parallel: bool | None = None
    spelled: JsonObject = {}
    rest: JsonObject = {}


def said_of(fields: JsonObject) -> Said:
    """What a client's `additionalModelRequestFields` say."""
    said = Said()
    for field, value in fields.items():
        reader = _READERS.get(field)
        if field == _CHOICE and _read_parallel(said, value):
            continue
        if reader is not None and reader(said, value):
            said.spelled[field] = value
        else:
            said.rest[field] = value
    return said


def planned(request: Request, manner: Manner, abilities: Abilities, losses: list[Loss]) -> Plan:
    """How a model of this manner is told to think."""
    reasoning = request.reasoning
    if reasoning is None:
        return Plan()
    off = reasoning.mode == "off" or (reasoning.mode is None and reasoning.effort == "none")
    if manner.thinking == "none" or abilities.reasoning == "none":
        if not off:
            losses.append(Loss("reasoning", "this model does not think"))
        return Plan()
    return _PLANNERS[manner.thinking](request, reasoning, abilities, losses, off)


def set_top_k(top_k: int, manner: Manner, fields: JsonObject) -> bool:
    """Put `top_k` where this manner wants it; False when there is no such place."""
    if not manner.top_k:
        return False
    *outer, last = manner.top_k
    for step in outer:
        inner = fields.setdefault(step, {})
        if not isinstance(inner, dict):
            return False
        fields = inner
    fields[last] = top_k
    return True


def _budgeted(request: Request, reasoning: Reasoning, abilities: Abilities, losses: list[Loss], off: bool) -> Plan:
    """Claude's manner."""
    effort = _effort(reasoning, losses) if abilities.reasoning != "budget" else None
    if off:
        return Plan({"thinking": {"type": "disabled"}}, effort)
    if abilities.reasoning == "effort":
        if reasoning.mode is not None or reasoning.budget_tokens is not None:
            losses.append(Loss("reasoning", "this model takes an effort only"))
        return Plan(effort=effort)
    if _forces_tool(request):
        losses.append(Loss("reasoning", "the model may not think when a tool is forced"))
        return Plan(effort=effort)
    if abilities.reasoning == "adaptive":
        if reasoning.budget_tokens is not None:
            losses.append(Loss("reasoning.budget_tokens", "this model takes no budget: it thinks adaptively"))
        return Plan({"thinking": _shown({"type": "adaptive"}, reasoning, losses)}, effort, exclusive=True)
    if _resumes_unsigned(request):
        losses.append(Loss("reasoning", "the turn that the tool results belong to began without signed thinking"))
        return Plan()
    budget = _budget(request, reasoning, losses)
    if budget is None:
        return Plan()
    thinking: JsonObject = {"type": "enabled", "budget_tokens": budget}
    return Plan({"thinking": _shown(thinking, reasoning, losses)}, exclusive=True)


def _budget(request: Request, reasoning: Reasoning, losses: list[Loss]) -> int | None:
    """The budget, or none, where `maxTokens` leaves no room for the least."""
    asked = reasoning.budget_tokens or THINKING_TOKENS.get(reasoning.effort or "medium", THINKING_TOKENS_MIN)
    budget, limit = max(asked, THINKING_TOKENS_MIN), request.output_tokens_max
    if limit is not None and reasoning.budget_tokens is not None:
        budget = min(budget, limit - 1)
    elif limit is not None:
        budget = min(budget, max(limit * 3 // 4, min(THINKING_TOKENS_MIN, limit - 1)))  # leaves room for the answer
    if budget < THINKING_TOKENS_MIN:
        losses.append(Loss("reasoning", f"the output limit leaves no room for {THINKING_TOKENS_MIN} thinking tokens"))
        return None
    if reasoning.budget_tokens is not None and budget != asked:
        losses.append(Loss("reasoning.budget_tokens", f"set to {budget}: at least 1024, and below the output limit"))
    return budget


def _levelled(_: Request, reasoning: Reasoning, __: Abilities, losses: list[Loss], off: bool) -> Plan:
    """Nova's manner."""
    if off:
        return Plan({"reasoningConfig": {"type": "disabled"}})
    level = LEVELS.get(reasoning.effort or "")
    if level is None:
        level = _level(reasoning.budget_tokens)
        losses.append(Loss("reasoning", f"this model thinks by level: set to {level}"))
    elif reasoning.effort != level:
        losses.append(Loss("reasoning.effort", f"this model knows three levels: set to {level}"))
    return Plan({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}})


def _level(budget: int | None) -> str:
    """The level that a budget amounts to."""
    if budget is None:
        return "medium"
    efforts: tuple[Effort, ...] = ("low", "medium")
    return next((effort for effort in efforts if budget <= THINKING_TOKENS[effort]), "high")


def _by_effort(_: Request, reasoning: Reasoning, __: Abilities, losses: list[Loss], off: bool) -> Plan:
    """The manner of models that know `reasoning_effort`."""
    if off or reasoning.effort is None:
        losses.append(Loss("reasoning", "this model takes an effort only"))
        return Plan()
    return Plan({"reasoning_effort": reasoning.effort})


def _effort(reasoning: Reasoning, losses: list[Loss]) -> str | None:
    if reasoning.effort in (None, "none"):
        return None
    if reasoning.effort == "minimal":
        losses.append(Loss("reasoning.effort", "the least effort of this model is `low`"))
        return "low"
    return reasoning.effort


def _shown(thinking: JsonObject, reasoning: Reasoning, losses: list[Loss]) -> JsonObject:
    """`thinking` with the display that the client asked for."""
    if reasoning.display in _DISPLAYS:
        thinking["display"] = reasoning.display
    elif reasoning.display is not None:
        losses.append(Loss("reasoning.display", "this model shows thinking summarized or omitted only"))
    return thinking


def _forces_tool(request: Request) -> bool:
    choice = request.tool_choice
    return choice is not None and (choice.mode in ("required", "named") or choice.required)


def _resumes_unsigned(request: Request) -> bool:
    """Whether the conversation ends in tool results of a turn that began without thinking signed here."""
    if not request.turns or request.turns[-1].role != "tool":
        return False
    first = None
    for turn in reversed(request.turns):
        if turn.role == "user":
            break
        if turn.role == "assistant" and turn.parts:
            first = turn.parts[0]
    return first is not None and getattr(first, "origin", None) != NAME and not isinstance(first, Thinking)


def _read_thinking(said: Said, value: Json) -> bool:
    if not isinstance(value, dict) or said.reasoning is not None:
        return False
    kind, budget, display = value.get("type"), value.get("budget_tokens"), value.get("display")
    if not isinstance(kind, str) or kind not in _THINKING or value.keys() - _THINKING[kind]:
        return False
    if not (display is None or isinstance(display, str)):
        return False
    if kind == "disabled":
        said.reasoning = Reasoning("off")
        return True
    if kind == "adaptive":
        said.reasoning = Reasoning("adaptive", display=display)
        return True
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        return False
    said.reasoning = Reasoning("on", budget_tokens=budget, display=display)
    return True


def _read_level(said: Said, value: Json) -> bool:
    if said.reasoning is not None:
        return False
    match value:
        case {"type": "disabled", **rest} if not rest:
            said.reasoning = Reasoning("off")
        case {"type": "enabled", "maxReasoningEffort": "low" | "medium" | "high" as level, **rest} if not rest:
            said.reasoning = Reasoning(effort=level)
        case _:
            return False
    return True


def _read_effort(said: Said, value: Json) -> bool:
    if said.reasoning is not None or not isinstance(value, str) or value not in EFFORTS:
        return False
    said.reasoning = Reasoning(effort=value)  # type: ignore[arg-type]  # one of the literals, as just checked
    return True


def _read_top_k(said: Said, value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, int) or said.top_k is not None:
        return False
    said.top_k = value
    return True


def _read_inner_top_k(said: Said, value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {"topK"} and _read_top_k(said, value["topK"])


def _read_parallel(said: Said, value: Json) -> bool:
    match value:
        case {"disable_parallel_tool_use": bool(disabled), **rest} if not rest or rest == {"type": "auto"}:
            said.parallel = not disabled
            return True
        case _:
            return False


_READERS: Final[dict[str, Callable[[Said, Json], bool]]] = {
    "thinking": _read_thinking,
    "reasoning_config": _read_thinking,
    "reasoningConfig": _read_level,
    "reasoning_effort": _read_effort,
    "top_k": _read_top_k,
    "k": _read_top_k,
    "inferenceConfig": _read_inner_top_k,
}
_PLANNERS: Final[dict[str, Callable[[Request, Reasoning, Abilities, list[Loss], bool], Plan]]] = {
    "budget": _budgeted,
    "level": _levelled,
    "effort": _by_effort,
}
