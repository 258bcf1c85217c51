"""What nearly every frame of a stream is: more text of a content item, and nothing else. Read at less cost."""

from typing import Final

import msgspec
from msgspec import Struct

CONTENT_DELTA: Final = "content-delta"


class _Item(Struct, forbid_unknown_fields=True):
    text: str = ""
    thinking: str = ""


class _Message(Struct, forbid_unknown_fields=True):
    content: _Item


class _Delta(Struct, forbid_unknown_fields=True):
    message: _Message


class _Plain(Struct, forbid_unknown_fields=True):
    index: int
    delta: _Delta
    type: str = CONTENT_DELTA


_PLAIN: Final = msgspec.json.Decoder(_Plain)


def plain_text(data: bytes) -> tuple[int, str, str] | None:
    """The number of the item, the field that its text is in, and more of that text; None of a frame that says
    anything else.
    """
    try:
        plain = _PLAIN.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    item = plain.delta.message.content
    if plain.type != CONTENT_DELTA or (item.text and item.thinking):
        return None
    if item.text:
        return plain.index, "text", item.text
    return (plain.index, "thinking", item.thinking) if item.thinking else None
