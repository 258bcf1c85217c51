"""Where in a line an endpoint's text stands: in `message`, or in fields of the line itself."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from keywright.core.json import JsonObject
from keywright.core.message import Image, ToolCall
from keywright.dialects.fields import Fields
from keywright.dialects.ollama.family import CHAT, GENERATE
from keywright.dialects.ollama.images import data_of, decode_image, decode_images
from keywright.dialects.ollama.tools import decode_calls, encode_call

_MESSAGE_LINE: Final = frozenset(("model", "created_at", "message", "done"))
_FIELDS_LINE: Final = frozenset(("model", "created_at", "response", "done"))
_MESSAGE: Final = frozenset(("role", "content", "thinking"))


class Piece(Struct, frozen=True, omit_defaults=True):
    """What one line says, or a whole answer. `extra`: fields of a message that are not modelled."""

    text: str = ""
    thinking: str = ""
    images: tuple[Image, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    extra: JsonObject = {}


class Shape(Struct, frozen=True):
    """One endpoint's way. `place` names where the text stands, for losses; `calls`: whether it can tell of calls.

    `read` takes a piece out of a line, or raises WrongFieldError; `write` gives the fields that say one. `plain` is the
    text and the thinking of a line that says one of them and nothing else, as nearly all do; None: it may say more.
    """

    name: str
    place: str
    calls: bool
    read: Callable[[Fields], Piece]
    write: Callable[[Piece], JsonObject]
    plain: Callable[[JsonObject], tuple[str, str] | None]


def _read_message(line: Fields) -> Piece:
    message = line.object("message")
    if message is None:
        return Piece()
    message.json("role")
    return Piece(
        message.text("content") or "",
        message.text("thinking") or "",
        tuple(decode_images(message.array("images"), message.at("images"))),
        tuple(decode_calls(message)),
        message.left,
    )


def _plain_message(line: JsonObject) -> tuple[str, str] | None:
    message = line.get("message")
    if line.keys() != _MESSAGE_LINE or line["done"] is not False or not isinstance(message, dict):
        return None
    text, thinking = message.get("content"), message.get("thinking", "")
    if not message.keys() <= _MESSAGE or not isinstance(text, str) or not isinstance(thinking, str):
        return None
    return None if text and thinking else (text, thinking)


def _write_message(piece: Piece) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": piece.text}
    if piece.thinking:
        message["thinking"] = piece.thinking
    if images := data_of(piece.images):
        message["images"] = [*images]
    if piece.calls:
        message["tool_calls"] = [encode_call(call, with_id=True) for call in piece.calls]
    return {"message": {**message, **piece.extra} if piece.extra else message}


def _read_fields(line: Fields) -> Piece:
    image = line.text("image")
    return Piece(line.text("response") or "", line.text("thinking") or "", () if not image else (decode_image(image),))


def _plain_fields(line: JsonObject) -> tuple[str, str] | None:
    text = line.get("response")
    if line.keys() != _FIELDS_LINE or line["done"] is not False or not isinstance(text, str):
        return None
    return text, ""


def _write_fields(piece: Piece) -> JsonObject:
    said: JsonObject = {"response": piece.text}
    if piece.thinking:
        said["thinking"] = piece.thinking
    if images := data_of(piece.images):
        said["image"] = images[0]
    return said


MESSAGE: Final = Shape(CHAT, "message", calls=True, read=_read_message, write=_write_message, plain=_plain_message)
"""`/api/chat`."""

FIELDS: Final = Shape(GENERATE, "response", calls=False, read=_read_fields, write=_write_fields, plain=_plain_fields)
"""`/api/generate`."""
