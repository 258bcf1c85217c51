"""What one request for a vector says on Gemini's wires, alone or among others, and how a vector is answered."""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid, Peek
from keywright.core.embedding import EmbedInput, EmbedPart, EmbedRequest, Purpose, Vector
from keywright.core.json import Json, JsonObject
from keywright.core.message import Image, Text
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.embeddings.inputs import Losses, lose_dimensions, lose_rest, lose_types
from keywright.dialects.embeddings.vectors import read_numbers
from keywright.dialects.extent import KEPT
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.parts_in import part_of
from keywright.dialects.gemini.parts_out import file
from keywright.dialects.gemini.verbatim import peek
from keywright.dialects.gemini.wire import inner, listed, message, whole, word

TASKS: Final = (
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
)
_MEDIA: Final = (b"image", b"video", b"audio", b"ile", b"nline", b"gcs", b"\\u00")
"""Without one of these marks there is nothing but text."""
_PURPOSES: Final[dict[str, Purpose]] = {
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
    "SEMANTIC_SIMILARITY": "similarity",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
}
_WORDS: Final[dict[Purpose, str]] = {purpose: task for task, purpose in _PURPOSES.items()}


class Counted(Struct):
    """The little of an answer that is counted."""

    usageMetadata: Json = None  # noqa: N815  # the wire's own name


def item_of(item: Fields, name: str) -> EmbedRequest:
    """One request for one vector. `name`: of the dialect, in whose extras goes what is not modelled.

    Raises:
        WrongFieldError: it has no content, or something of the wrong type.
    """
    item.json("model")  # the path has it
    content = inner(item, "content")
    if content is None:
        raise WrongFieldError(item.at("content"), "an object")
    content.json("role")
    calls = Calls()
    parts: list[EmbedPart] = []
    for at, value in enumerate(listed(content, "parts")):
        part = part_of(value, content.at(f"parts[{at}]"), calls)
        if not isinstance(part, Text | Image):
            raise WrongFieldError(content.at(f"parts[{at}]"), "a text or an image")
        parts.append(part)
    return EmbedRequest(
        model="",
        inputs=(EmbedInput(tuple(parts)),),
        single=True,
        purpose=purpose_of(item, "taskType"),
        title=item.text("title"),
        dimensions=whole(item, "outputDimensionality", 1),
        extras=item.extras(name),
    )


def purpose_of(item: Fields, name: str) -> Purpose | None:
    """What the vector is for. A task that no other dialect has is kept, beside the purpose that is nearest to it."""
    said = item.left.get(name)
    if said is None:
        return None
    task = word(said, TASKS, item.at(name))
    item.json(name)
    if task in _PURPOSES:
        return _PURPOSES[task]
    if task in TASKS[1:]:
        item.keep(name, task)
        return "query"
    return None


def task_of(request: EmbedRequest, losses: Losses) -> str | None:
    """The word for what the vectors are for."""
    if request.purpose == "other":
        losses.knob("purpose", f"{losses.whose} has no word for this purpose")
        return None
    return None if request.purpose is None else _WORDS[request.purpose]


def encode_item(request: EmbedRequest, at: int, abilities: Abilities, losses: Losses) -> JsonObject:
    """The request for the vector of the input number `at`."""
    item: JsonObject = {"content": {"parts": [*_parts(request.inputs[at], f"inputs[{at}]", abilities, losses)]}}
    task = task_of(request, losses)
    if task is not None:
        item["taskType"] = task
    if request.title is not None:
        item["title"] = request.title
    dimensions = lose_dimensions(request, abilities, losses)
    if dimensions is not None:
        item["outputDimensionality"] = dimensions
    lose_types(request.types, losses)
    kept = ("purpose", "title", "truncate") if request.truncate == "end" else ("purpose", "title")
    lose_rest(request, losses, *kept)
    return item


def _parts(item: EmbedInput, path: str, abilities: Abilities, losses: Losses) -> list[JsonObject]:
    parts: list[JsonObject] = []
    for index, part in enumerate(item.parts):
        at = f"{path}.parts[{index}]"
        match part:
            case Text():
                parts.append({"text": part.text})
            case Image(source=source):
                node = file(source, "image/jpeg") if abilities.images else None
                if node is None:
                    losses.meaning(at, f"{losses.whose} cannot embed this image")
                else:
                    parts.append(msgspec.to_builtins(node))
            case _:
                losses.meaning(at, f"{losses.whose} takes text, not another model's tokens")
    return parts


def values_of(value: Json, path: str) -> Vector:
    """The vector in an answer.

    Raises:
        WrongFieldError: there is none.
    """
    return read_numbers(message(value, path).json("values"), f"{path}.values")


def usage_of(metadata: Json) -> Usage | None:
    """What `usageMetadata` says; None when it says nothing, or nothing that makes sense."""
    count = metadata.get("promptTokenCount") if isinstance(metadata, dict) else None
    if not isinstance(count, int) or isinstance(count, bool):
        return None
    try:
        return checked(Usage(input=count))
    except InconsistentUsageError:
        return None


def usage_node(usage: Usage) -> JsonObject:
    """The wire's form of `usage`."""
    return {"promptTokenCount": usage.input_total, "totalTokenCount": usage.input_total}


def locate_item(path: str, at: str) -> str:
    """The canonical `path` in the words of a client whose requests stand at `at` ("" for one alone)."""
    field = {"purpose": "taskType", "dimensions": "outputDimensionality"}.get(path)
    if field is not None or path == "title":
        return f"{at}[0].{field or path}" if at else field or path
    if not path.startswith("inputs"):
        return path
    index, _, rest = path.removeprefix("inputs").partition(".")
    content = f"content.{rest}" if rest else "content"
    return f"{at}{index}.{content}" if at else content


def peek_embedding(body: bytes, said: PathSaid) -> Peek:
    """What policy and routing need to know of a body that asks for vectors: nothing is generated.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    peeked = peek(body, said)
    beyond = KEPT if any(mark in body for mark in _MEDIA) else peeked.beyond
    return msgspec.structs.replace(peeked, output_tokens_max=0, beyond=beyond)
