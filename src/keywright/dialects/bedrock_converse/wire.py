"""What every module of this wire needs: its name, its media types, how members become extras and losses."""

from typing import Final, TypeAlias

import msgspec

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.dialects.fields import WrongFieldError
from keywright.dialects.foreign import answer_losses, foreign_losses

NAME: Final = "bedrock_converse"
STREAM_TYPE: Final = b"application/vnd.amazon.eventstream"

Node: TypeAlias = dict[str, object]
"""A JSON object on its way out; its values may be `msgspec.Raw`."""

IMAGE_TYPES: Final = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
IMAGE_FORMATS: Final = {**{media: word for word, media in IMAGE_TYPES.items()}, "image/jpg": "jpeg"}

DOCUMENT_TYPES: Final = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
DOCUMENT_FORMATS: Final = {media: word for word, media in DOCUMENT_TYPES.items()}

AUDIO_FORMATS: Final = frozenset(
    {
        "mp3",
        "opus",
        "wav",
        "aac",
        "flac",
        "mp4",
        "ogg",
        "mkv",
        "mka",
        "x-aac",
        "m4a",
        "mpeg",
        "mpga",
        "pcm",
        "webm",
    }
)

S3: Final = "s3://"
PLAIN_FORMAT: Final = "txt"

_DECODER: Final = msgspec.json.Decoder(dict[str, Json])
_ENCODER: Final = msgspec.json.Encoder()


def parsed(body: bytes) -> JsonObject:
    """The JSON object that `body` is.

    Raises:
        ValueError: it is none; says why.
    """
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is not a JSON object: {error}") from None


def rendered(value: object) -> bytes:
    """The bytes of a body or of an event's payload."""
    return _ENCODER.encode(value)


def strings(values: list[Json], path: str) -> tuple[str, ...]:
    """`values`, each of which must be a string.

    Raises:
        WrongFieldError: one is not.
    """
    found = tuple(value for value in values if isinstance(value, str))
    if len(found) != len(values):
        raise WrongFieldError(path, "a list of strings")
    return found


def own(extras: Extras) -> JsonObject:
    """What this wire said beyond the model."""
    return extras.get(NAME, {})


def report_foreign(extras: Extras, path: str, losses: list[Loss]) -> None:
    """Add a loss for each field that another dialect's client said at `path` ("" for the top level)."""
    if extras:
        losses += foreign_losses(extras, NAME, path, "Converse has no such field")


def report_foreign_answer(extras: Extras, path: str, losses: list[Loss]) -> None:
    """Add a loss for each field that another dialect's provider said in an answer at `path`."""
    if extras:
        losses += answer_losses(extras, NAME, path, "Converse has no such field")
