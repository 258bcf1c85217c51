"""What is the same all over this dialect: its name, its share of the extras, and the ids of items.

An item of this wire (a message, a call, a thought) has an id and a status of its own, which no other wire has. They
are kept in the extras of the parts that an item became, under `item`, and go back to a server of this dialect only.
A part whose `item` is empty stands in the same message as the part before it.
"""

from typing import Final

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject

NAME: Final = "openai_responses"
"""The dialect's name in extras, logs and addresses."""

CHAT: Final = "openai_chat"
"""Chat completions: the other wire of the same servers, with the same uploaded files, free-text tools and shape of log
probabilities. What both have is canonical in chat's name, so that it passes from either to either.
"""

ITEM: Final = "item"
"""The extra that holds what an item says beside its content."""

INSTRUCTIONS: Final = "instructions"
"""The extra of a system's turn that stood in the field of that name, which is not among the items."""

_MADE: Final = "kw_"
_TAIL_CHARS: Final = 40
_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def own(extras: Extras) -> JsonObject:
    """This dialect's share of `extras`; not to be changed."""
    return extras.get(NAME) or {}


def item_of(extras: Extras) -> JsonObject | None:
    """What the item of a part says beside its content; None when the part came in no item of this wire."""
    found = own(extras).get(ITEM)
    return found if isinstance(found, dict) else None


def noted(fields: JsonObject) -> Extras:
    """`fields` as this dialect's extras."""
    return {NAME: fields} if fields else NO_EXTRAS


def made_tail(answer_id: str) -> str:
    """How the ids end that the items of the answer `answer_id` are given here."""
    return "".join(char for char in answer_id[-_TAIL_CHARS:] if char in _SAFE)


def made_id(prefix: str, index: int, tail: str) -> str:
    """An id for the item at `index` of an answer, when its provider knows none: `msg_kw_0_…`."""
    return f"{prefix}_{_MADE}{index}_{tail}"


def is_made(item_id: Json) -> bool:
    """Whether the id was given here: it means nothing to a provider."""
    return isinstance(item_id, str) and item_id.partition("_")[2].startswith(_MADE)


def text_or_none(value: Json) -> str | None:
    """The string that `value` is, if it is one."""
    return value if isinstance(value, str) else None


def whole_or_none(value: Json) -> int | None:
    """The whole number that `value` is, if it is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
