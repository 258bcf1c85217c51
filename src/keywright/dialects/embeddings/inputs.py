"""What becomes a vector, and what of a request cannot be said on another wire."""

from collections.abc import Iterable
from typing import Final

from keywright.core.ability import Abilities
from keywright.core.embedding import EmbedInput, EmbedRequest, Tokens, Vector, VectorType
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Image, Text
from keywright.dialects.embeddings.vectors import as_type
from keywright.dialects.foreign import foreign_losses

EXACT_TYPES: Final = frozenset(("float", "base64"))
"""Ways to write a vector into which floats can be turned."""


_SPELLED: Final = frozenset(
    ("query", "document", "passage", "search_query", "search_document", "classification", "clustering")
) | {"start", "end", "none"}


class Losses:
    """What could not be said so far, each path once. `whose` is who cannot say it, for people."""

    def __init__(self, whose: str) -> None:
        self.whose = whose
        self.found: dict[str, Loss] = {}

    def knob(self, path: str, why: str) -> None:
        """Report something dropped that only tunes."""
        self.found.setdefault(path, Loss(path, why))

    def meaning(self, path: str, why: str) -> None:
        """Report something without which the vectors would be others."""
        self.found[path] = Loss(path, why, "meaning")

    def extras(self, extras: Extras, own: str) -> JsonObject:
        """The share of the dialect `own` in `extras`; every other dialect's fields are lost."""
        for dialect, fields in extras.items():
            rest = {field: value for field, value in fields.items() if not _is_repeated(field, value)}
            for loss in foreign_losses({dialect: rest}, own, "", f"{self.whose} has no such field"):
                self.found.setdefault(loss.path, loss)
        return extras.get(own) or {}


def _is_repeated(field: str, value: Json) -> bool:
    """Whether a vendor's field spells what the request says in its own fields as well."""
    match field:
        case "output_dimension" | "output_dtype":
            return True
        case "input_type" | "truncate":
            return isinstance(value, str) and value.lower() in _SPELLED
        case _:
            return False


def of_texts(texts: Iterable[str]) -> tuple[EmbedInput, ...]:
    """An input for each text."""
    return tuple(EmbedInput((Text(text),)) for text in texts)


def text_of(item: EmbedInput, path: str, losses: Losses) -> str:
    """The text of an input; "" with a loss when it is something else."""
    texts: list[str] = []
    for index, part in enumerate(item.parts):
        match part:
            case Text():
                texts.append(part.text)
            case Image():
                losses.meaning(f"{path}.parts[{index}]", f"{losses.whose} embeds no images")
            case Tokens():
                losses.meaning(f"{path}.parts[{index}]", f"{losses.whose} takes text, not another model's tokens")
    if len(texts) > 1:
        losses.knob(path, f"{losses.whose} takes one text for each vector: they are joined")
    return "\n".join(texts)


def texts_of(request: EmbedRequest, losses: Losses) -> list[str]:
    """The text of each input."""
    return [text_of(item, f"inputs[{index}]", losses) for index, item in enumerate(request.inputs)]


def lose_types(types: tuple[VectorType, ...], losses: Losses) -> None:
    """Report writings of a vector that cannot be made of floats."""
    if not EXACT_TYPES.issuperset(types):
        losses.meaning("types", f"{losses.whose} gives floats, which cannot be quantised as the model would")


def lose_dimensions(request: EmbedRequest, abilities: Abilities, losses: Losses) -> int | None:
    """The dimensions that may be asked for; a model whose vectors have one length cannot give another."""
    if request.dimensions is not None and not abilities.dimensions:
        losses.meaning("dimensions", "the model's vectors have one length only")
        return None
    return request.dimensions


def lose_rest(request: EmbedRequest, losses: Losses, *kept: str) -> None:
    """Report the knobs of a request that are not among those `kept`."""
    whose = losses.whose
    if request.purpose is not None and "purpose" not in kept:
        losses.knob("purpose", f"{whose} is not told what the vectors are for")
    if request.title is not None and "title" not in kept:
        losses.knob("title", f"{whose} takes no title")
    if request.truncate is not None and "truncate" not in kept:
        losses.knob("truncate", f"{whose} is not told what to do with a text that is too long")
    if request.normalize is False and "normalize" not in kept:
        losses.knob("normalize", f"{whose} decides itself whether vectors have length 1")
    if request.user is not None and "user" not in kept:
        losses.knob("user", f"{whose} does not ask who the user is")


def written_as(vectors: tuple[Vector, ...], wanted: VectorType, losses: list[Loss]) -> list[object] | None:
    """The numbers of all `vectors` written as `wanted`; None, with a loss, when that cannot be done exactly."""
    numbers = [as_type(vector, wanted) for vector in vectors]
    if any(found is None for found in numbers):
        losses.append(Loss("types", f"the provider's vectors cannot be written as {wanted} exactly", "meaning"))
        return None
    return list(numbers)
