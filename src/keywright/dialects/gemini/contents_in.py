"""A client's `systemInstruction` and `contents` to turns.

Functions' responses may stand in a user's content beside other parts; they become a turn of their own before it, as
every dialect has them right after the calls that they answer. The rest is marked as having stood there (`TOGETHER`).
"""

from typing import Final

from keywright.core.json import Json
from keywright.core.message import Part, Role, Text, ToolResult, Turn
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.parts_in import part_of
from keywright.dialects.gemini.wire import NAME, TOGETHER, listed, message
from keywright.dialects.seal import unsealed

_ROLES: Final[dict[str, Role]] = {"": "user", "user": "user", "model": "assistant", "function": "tool", "tool": "tool"}


def turns_of(body: Fields) -> tuple[Turn, ...]:
    """The turns of a request, whose `systemInstruction` and `contents` are taken away.

    Raises:
        WrongFieldError: there are no contents, or something in them is of the wrong type.
    """
    calls = Calls()
    turns: list[Turn] = []
    system = body.json("systemInstruction")
    if system is not None:
        parts = _system(system, calls)
        if parts:
            turns.append(Turn("system", parts))
    contents = listed(body, "contents")
    if not contents:
        raise WrongFieldError("contents", "a list of at least one content")
    for index, content in enumerate(contents):
        _read(message(content, f"contents[{index}]"), turns, calls)
    return tuple(turns)


def _system(value: Json, calls: Calls) -> tuple[Part, ...]:
    if isinstance(value, str):
        return (Text(value),)
    return _parts(message(value, "systemInstruction"), calls)


def _read(content: Fields, turns: list[Turn], calls: Calls) -> None:
    """Add the turn or turns that `content` is."""
    role = _ROLES.get((content.text("role") or "").lower())
    if role is None:
        raise WrongFieldError(content.at("role"), "user or model")
    parts = _parts(content, calls)
    extras = content.extras(NAME)
    results = tuple(part for part in parts if isinstance(part, ToolResult))
    if not results or role == "assistant":
        turns.append(Turn("user" if role == "tool" else role, parts, extras=extras))
        return
    others = tuple(part for part in parts if not isinstance(part, ToolResult))
    if turns and turns[-1].role == "tool" and not extras:
        turns.append(Turn("tool", (*turns.pop().parts, *results)))
    else:
        turns.append(Turn("tool", results, extras=extras))
    if others:
        turns.append(Turn("user", others, extras=TOGETHER))


def _parts(content: Fields, calls: Calls) -> tuple[Part, ...]:
    parts = tuple(
        part_of(part, content.at(f"parts[{index}]"), calls) for index, part in enumerate(listed(content, "parts"))
    )
    return unsealed(parts)
