"""Items that a model made, as the parts of its turn. In answers, and in the input of a client that sends them back.

A message's texts are parts, and so is each call, and each text of a thought. A tool that the provider runs itself is a
`ServerToolCall`; every other item is `Opaque`, its kind marked so that it is told from a content part.
"""

from typing import Final

import msgspec

from keywright.core.json import Json, JsonObject
from keywright.core.message import Opaque, Part, Refusal, ServerToolCall, Text, ToolCall
from keywright.dialects.fields import Fields
from keywright.dialects.openai_responses.content import decode_content
from keywright.dialects.openai_responses.fields import ITEM, NAME, is_made, noted
from keywright.dialects.openai_responses.reasoning import decode_reasoning

_ITEM_KIND: Final = " item"
_CALL: Final = "_call"


def decode_item(value: JsonObject, path: str) -> list[Part]:
    """The parts of one item.

    Raises:
        WrongFieldError: it is of a kind that is modelled, and malformed.
    """
    item = Fields(value, path)
    kind = item.text("type") or "message"
    match kind:
        case "message":
            item.json("role")
            content = item.json("content")
            return in_message(decode_content(content, item.at("content")), item, listed=isinstance(content, list))
        case "reasoning":
            return decode_reasoning(item)
        case "function_call" | "custom_tool_call":
            return [decode_call(item, custom=kind == "custom_tool_call")]
        case _ if kind.endswith(_CALL):
            return [server_call(kind, value)]
        case _:
            return [opaque_item(kind, value)]


def in_message(parts: list[Part], message: Fields, *, listed: bool) -> list[Part]:
    """`parts`, which know what their message says beside them, and that they stand in one."""
    item, rest = item_fields(message)
    if not parts or not (item or rest or (listed and len(parts) > 1)):
        return parts
    first = _with(parts[0], {ITEM: item, **rest})
    return [first, *(_with(part, {ITEM: {}}) for part in parts[1:])]


def item_fields(item: Fields) -> tuple[JsonObject, JsonObject]:
    """What an item says of itself (its id, its status), and everything else that nobody took."""
    said: JsonObject = {}
    for field in ("id", "status"):
        value = item.json(field)
        if value is not None and not (field == "id" and is_made(value)):
            said[field] = value
    rest: JsonObject = {field: value for field, value in item.left.items() if value is not None}
    return said if "id" in said else {}, rest


def _with(part: Part, fields: JsonObject) -> Part:
    if not isinstance(part, Text | Refusal):
        return part
    return msgspec.structs.replace(part, extras=noted({**part.extras.get(NAME, {}), **fields}))


def decode_call(item: Fields, *, custom: bool) -> ToolCall:
    """A call of one of the client's tools, whose `type` is taken already."""
    call_id, name = item.text("call_id"), item.text("name") or ""
    arguments = call_arguments(item.json("input" if custom else "arguments"))
    said, rest = item_fields(item)
    extras = noted({ITEM: said, **rest} if said else rest)
    return ToolCall(call_id or str(said.get("id", "")), name, arguments, custom, extras=extras)


def call_arguments(value: Json) -> str:
    """The arguments as JSON text; some servers send the object itself."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def server_call(kind: str, body: JsonObject) -> ServerToolCall:
    """A call of a tool that the provider runs itself, with its result, as the item has both."""
    item_id, name, arguments = body.get("id"), body.get("name"), body.get("arguments")
    return ServerToolCall(
        origin=NAME,
        id=item_id if isinstance(item_id, str) else "",
        name=name if isinstance(name, str) else kind.removesuffix(_CALL),
        arguments=call_arguments(arguments),
        body=body,
    )


def opaque_item(kind: str, body: Json) -> Opaque:
    """An item that only this dialect understands."""
    return Opaque(NAME, kind + _ITEM_KIND, body)


def is_item(part: Opaque) -> bool:
    """Whether it is an item of its own, and no content part."""
    return part.kind.endswith(_ITEM_KIND)
