"""How much a model should think: `thinkingConfig`.

Models up to 2.5 take a budget of tokens (0: none, -1: as many as it wants), later ones a level. `Abilities.reasoning`
says which (`budget`, `effort`), and whatever was asked in another way is put in that way:

| asked | `budget` | `effort` |
|---|---|---|
| off, or effort `none` | 0, or the least that the model takes | the least level |
| a budget | that, up to the model's most | a level by its size |
| on, without a budget | -1 | - |
| an effort | a budget by the effort | level |
| adaptive | - | - |

Thoughts are shown when the client asked to see them, or asked for thinking in a way that shows them elsewhere.
"""

from typing import Final

from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Effort, Reasoning
from keywright.dialects.fields import Fields
from keywright.dialects.gemini.wire import message, word

THINKING_TOKENS_MIN: Final = 128
"""The least budget that models take which cannot be kept from thinking."""

THINKING_TOKENS: Final[dict[Effort, int]] = {
    "none": 0,
    "minimal": 512,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
"""The budget that stands for an effort: as Google's own OpenAI surface has it."""

LOW_TOKENS_MAX: Final = 2048
MEDIUM_TOKENS_MAX: Final = 8192
"""Up to which budget an effort stands for it."""

_LEVELS: Final = ("THINKING_LEVEL_UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "MINIMAL")
_EFFORTS: Final[dict[str, Effort]] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_KNOWN: Final = frozenset(("includeThoughts", "thinkingBudget", "thinkingLevel"))


def reasoning_of(config: Fields) -> Reasoning | None:
    """What a `generationConfig` says about thinking, whose `thinkingConfig` is taken away unless it is not understood.

    Raises:
        WrongFieldError: something in it is of the wrong type.
    """
    value = config.json("thinkingConfig")
    if value is None:
        return None
    thinking = message(value, config.at("thinkingConfig"))
    if thinking.left.keys() - _KNOWN:
        config.keep("thinkingConfig", thinking.left)
        return None
    shown, budget = thinking.flag("includeThoughts"), thinking.integer("thinkingBudget")
    said = thinking.json("thinkingLevel")
    effort = None if said is None else _EFFORTS.get(word(said, _LEVELS, thinking.at("thinkingLevel")))
    display = None if shown is None else "summarized" if shown else "omitted"
    if budget is not None:
        if budget == 0:
            return Reasoning("off", effort, display=display)
        return Reasoning("on", effort, budget if budget > 0 else None, display or "omitted")
    if effort is not None:
        return Reasoning(effort=effort, display=display)
    return Reasoning("adaptive", display=display) if shown else None


class _Asked(Struct, frozen=True):
    """What is asked of the model: a budget or a level (None: neither)."""

    budget: int | None = None
    level: str | None = None


def thinking_config(reasoning: Reasoning, abilities: Abilities, losses: list[Loss]) -> JsonObject | None:
    """The `thinkingConfig` that says `reasoning` to a model with `abilities`; None when there is nothing to say."""
    off = reasoning.mode == "off" or (reasoning.mode is None and reasoning.effort == "none")
    if abilities.reasoning == "none":
        if not off:
            losses.append(Loss("reasoning", "this model does not think"))
        return None
    if abilities.reasoning == "effort":
        asked = _leveled(reasoning, abilities, losses, off=off)
    else:
        asked = _budgeted(reasoning, abilities, losses, off=off)
    config: JsonObject = {}
    if asked.budget is not None:
        config["thinkingBudget"] = asked.budget
    if asked.level is not None:
        config["thinkingLevel"] = asked.level
    if reasoning.display is not None:
        config["includeThoughts"] = reasoning.display != "omitted"
    elif reasoning.mode in ("on", "adaptive"):
        config["includeThoughts"] = True
    return config or None


def _leveled(reasoning: Reasoning, abilities: Abilities, losses: list[Loss], *, off: bool) -> _Asked:
    least = "LOW" if abilities.thinks_always else "MINIMAL"
    if off:
        losses.append(Loss("reasoning.mode", f"this model always thinks: {least}, the least, is asked"))
        return _Asked(level=least)
    effort = reasoning.effort
    if effort is None and reasoning.budget_tokens is not None:
        effort = _effort_for(reasoning.budget_tokens)
        losses.append(Loss("reasoning.budget_tokens", f"this model takes no budget: sent as the level {effort}"))
    elif reasoning.budget_tokens is not None:
        losses.append(Loss("reasoning.budget_tokens", "this model takes no budget"))
    match effort:
        case None | "none":
            return _Asked()
        case "minimal":
            if abilities.thinks_always:
                losses.append(Loss("reasoning.effort", "the least level of this model is LOW"))
            return _Asked(level=least)
        case "xhigh" | "max":
            losses.append(Loss("reasoning.effort", "the most that this model takes is HIGH"))
            return _Asked(level="HIGH")
        case _:
            return _Asked(level=effort.upper())


def _effort_for(budget_tokens: int) -> Effort:
    if budget_tokens <= LOW_TOKENS_MAX:
        return "low"
    return "medium" if budget_tokens <= MEDIUM_TOKENS_MAX else "high"


def _budgeted(reasoning: Reasoning, abilities: Abilities, losses: list[Loss], *, off: bool) -> _Asked:
    if off:
        if abilities.thinks_always:
            losses.append(Loss("reasoning.mode", f"this model always thinks: {THINKING_TOKENS_MIN} tokens are asked"))
            return _Asked(THINKING_TOKENS_MIN)
        return _Asked(0)
    budget = reasoning.budget_tokens
    if budget is None:
        if reasoning.effort is not None:
            return _Asked(THINKING_TOKENS[reasoning.effort] or None)
        return _Asked(-1 if reasoning.mode == "on" else None)
    if reasoning.effort is not None:
        losses.append(Loss("reasoning.effort", "this model takes a budget, not an effort"))
    most = abilities.thinking_tokens_max
    if most is not None and budget > most:
        losses.append(Loss("reasoning.budget_tokens", f"this model thinks at most {most} tokens"))
        return _Asked(most)
    return _Asked(budget)
