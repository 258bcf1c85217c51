"""Embeddings: what is asked and what is answered, in no dialect."""

from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras
from keywright.core.message import Image, Text
from keywright.core.usage import Usage

Purpose: TypeAlias = Literal["query", "document", "similarity", "classification", "clustering", "other"]
"""What the vectors are for. Models that were trained for it embed a question otherwise than an answer."""

VectorType: TypeAlias = Literal["float", "base64", "int8", "uint8", "binary", "ubinary"]
"""How the numbers are written. `base64`: little-endian float32."""

Numbers: TypeAlias = list[float] | str
"""One vector: numbers, or their base64."""


class Tokens(Struct, frozen=True, tag="tokens"):
    """A text that the client has already cut into a model's tokens. Means nothing to a model of another family."""

    ids: tuple[int, ...]


EmbedPart: TypeAlias = Text | Image | Tokens


class EmbedInput(Struct, frozen=True):
    """What becomes one vector: nearly always one text."""

    parts: tuple[EmbedPart, ...]


class EmbedRequest(Struct, frozen=True, omit_defaults=True):
    """One request for vectors. `single`: the client's dialect asks for one vector and is answered with one, not a list.

    `types`: how it wants them written. `truncate`: what to do with an input that is too long (None: not said).
    """

    model: str
    inputs: tuple[EmbedInput, ...]
    single: bool = False
    purpose: Purpose | None = None
    title: str | None = None
    dimensions: int | None = None
    types: tuple[VectorType, ...] = ("float",)
    truncate: Literal["start", "end", "none"] | None = None
    normalize: bool | None = None
    user: str | None = None
    extras: Extras = NO_EXTRAS


class Vector(Struct, frozen=True):
    """The vector of one input, once for each type in which it was written."""

    written: dict[VectorType, Numbers]


class EmbedResponse(Struct, frozen=True, omit_defaults=True):
    """The vectors, in the order of the inputs. `usage` is None when the provider sent none."""

    model: str
    vectors: tuple[Vector, ...]
    id: str = ""
    usage: Usage | None = None
    extras: Extras = NO_EXTRAS
