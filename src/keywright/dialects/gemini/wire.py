"""How this wire's JSON is spelled: proto3 JSON, which is liberal.

A member's name may be written as in the proto file (`generation_config`) or in camel case (`generationConfig`), an enum
as its word or its number, a list of one as that one. All of that is taken; what goes out is camel case, words, lists.
Only messages are respelled: a schema's property names, a tool's arguments and answers are the client's own words.
"""

from typing import Final, TypeAlias

import msgspec

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses, foreign_losses

NAME: Final = "gemini"
STREAM_TYPE: Final = b"text/event-stream"

Node: TypeAlias = dict[str, object]
"""A JSON object on its way out; its values may be `msgspec.Raw`."""

CONFIG: Final = "generationConfig."
"""What the names of extras begin with that stood in `generationConfig`."""

TOOL_CONFIG: Final = "toolConfig."
"""What the names of extras begin with that stood in `toolConfig`."""

TOGETHER: Final[Extras] = {NAME: {}}
"""The extras, otherwise empty, of a user's turn that stands in one content with the functions' responses before it."""

_ENCODER: Final = msgspec.json.Encoder()


def spelled(value: Json, path: str = "") -> JsonObject:
    """A message with its members in camel case, without nulls (which say nothing). Inner messages stay as they are.

    Raises:
        WrongFieldError: it is no object, or says a member in both spellings.
    """
    if not isinstance(value, dict):
        raise WrongFieldError(path or "the body", "an object")
    if "_" not in "".join(value):
        return {name: said for name, said in value.items() if said is not None} if None in value.values() else value
    message: JsonObject = {}
    for name, said in value.items():
        if said is None:
            continue
        right = camel(name)
        if right in message:
            raise WrongFieldError(f"{path}.{right}" if path else right, "said in one spelling only")
        message[right] = said
    return message


def camel(name: str) -> str:
    """A member's name in camel case."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def respelled(value: Json, path: str = "") -> Json:
    """A message with all messages in it in camel case. Not for what holds names of the client's own.

    Raises:
        WrongFieldError: a member is said in both spellings.
    """
    if isinstance(value, dict):
        return {name: respelled(said, path) for name, said in spelled(value, path).items()}
    return [respelled(said, path) for said in value] if isinstance(value, list) else value


def message(value: Json, path: str = "") -> Fields:
    """A message, to be read field by field."""
    return Fields(spelled(value, path), path)


def inner(fields: Fields, name: str) -> Fields | None:
    """The message at `name`, taken away; None when there is none."""
    value = fields.left.pop(name, None)
    return None if value is None else message(value, fields.at(name))


def listed(fields: Fields, name: str) -> list[Json]:
    """The list at `name`, taken away. One object stands for a list of it, nothing for an empty one.

    Raises:
        WrongFieldError: it is something else.
    """
    value = fields.left.pop(name, None)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise WrongFieldError(fields.at(name), "an array")


def whole(fields: Fields, name: str, least: int = 0, most: int = 2**31 - 1) -> int | None:
    """The whole number at `name`, which may be written with a point (`40.0`)."""
    value = fields.left.get(name)
    if isinstance(value, float) and value.is_integer():
        fields.left[name] = int(value)
    return fields.count(name, least, most)


def word(value: Json, words: tuple[str, ...], path: str) -> str:
    """An enum's word, whichever way it was written. `words` in the order of their numbers.

    Raises:
        WrongFieldError: it is neither.
    """
    if isinstance(value, str):
        return value.upper()
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(words):
        return words[value]
    raise WrongFieldError(path, f"one of {', '.join(words[1:])}")


def own(extras: Extras) -> JsonObject:
    """This dialect's share of `extras`; not to be changed."""
    return extras.get(NAME) or {}


def completed(node: Node, extras: Extras) -> Node:
    """`node` with this dialect's share of `extras`: joined with a message that is there already."""
    for name, said in own(extras).items():
        there = node.get(name)
        node[name] = {**there, **said} if isinstance(there, dict) and isinstance(said, dict) else said
    return node


def report_foreign(extras: Extras, path: str, losses: list[Loss]) -> None:
    """Add a loss for each field that another dialect's client said at `path` ("" for the top level)."""
    if extras:
        losses += foreign_losses(extras, NAME, path, "Gemini has no such field")


def report_answer(extras: Extras, path: str, losses: list[Loss]) -> None:
    """Add a loss for each field that another dialect's answer has at `path`, but for facts about it."""
    if extras:
        losses += answer_losses(extras, NAME, path, "Gemini has no such field")


def rendered(node: object) -> bytes:
    """The bytes of a body or of a frame's data."""
    return _ENCODER.encode(node)
