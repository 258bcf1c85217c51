"""Pictures: base64 without a media type on the wire."""

from collections.abc import Iterable
from typing import Final

from keywright.core.json import Json
from keywright.core.message import Base64Source, Image
from keywright.dialects.fields import WrongFieldError

_BEGINNINGS: Final = (("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
_USUAL: Final = "image/png"


def decode_images(values: list[Json], path: str) -> list[Image]:
    """The pictures of a message.

    Raises:
        WrongFieldError: one is no text.
    """
    images = []
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise WrongFieldError(f"{path}[{index}]", "base64")
        images.append(decode_image(value))
    return images


def decode_image(data: str) -> Image:
    """A picture whose kind is told by its first bytes. A `data:` URL, which older clients send, says it itself."""
    if data.startswith("data:"):
        media_type, comma, inner = data[5:].partition(";base64,")
        if comma:
            return Image(Base64Source(media_type, inner))
    return Image(Base64Source(media_type_of(data), data))


def media_type_of(data: str) -> str:
    """The media type of a picture in base64."""
    return next((kind for beginning, kind in _BEGINNINGS if data.startswith(beginning)), _USUAL)


def data_of(images: Iterable[Image]) -> list[str]:
    """The base64 of those pictures that have it."""
    sources = [image.source for image in images]
    return [source.data for source in sources if isinstance(source, Base64Source)]
