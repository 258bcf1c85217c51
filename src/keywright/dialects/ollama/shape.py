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


class Piece(Struct, frozen=True, omit_defaults=True):
    """What one line says, or a whole answer. `extra`: fields of a message that are not modelled."""

    text: str = ""
    thinking: str = ""
    images: tuple[Image, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    extra: JsonObject = {}


class Shape(Struct, frozen=True):
    """One endpoint's way. `place` names where the text stands, for losses; `calls`: whether it can tell of calls.

    `read` takes a piece out of a line, or raises WrongFieldError; `write` gives the fields that say one.
    """

    name: str
    place: str
    calls: bool
    read: Callable[[Fields], Piece]
    write: Callable[[Piece], JsonObject]


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


def _write_fields(piece: Piece) -> JsonObject:
    said: JsonObject = {"response": piece.text}
    if piece.thinking:
        said["thinking"] = piece.thinking
    if images := data_of(piece.images):
        said["image"] = images[0]
    return said


MESSAGE: Final = Shape(CHAT, "message", calls=True, read=_read_message, write=_write_message)
"""`/api/chat`."""

FIELDS: Final = Shape(GENERATE, "response", calls=False, read=_read_fields, write=_write_fields)
"""`/api/generate`."""
