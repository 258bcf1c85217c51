"""What differs between the shapes that have a prompt in and a text out, as data, and how their JSON is read."""

from collections.abc import Callable

from msgspec import Struct

from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import Json, JsonObject
from keywright.core.response import Finish, FinishReason
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.bedrock_invoke.templates import Template
from keywright.dialects.bedrock_invoke.wire import NAME
from keywright.dialects.fields import WrongFieldError


class Piece(Struct):
    """What an answer, or a chunk of one, says. `reason` is the shape's word for why it ended."""

    text: str = ""
    reason: str | None = None
    input_tokens: Json = None
    output_tokens: Json = None


class Prompted(Struct, frozen=True):
    """A shape with a prompt in and a text out.

    `prompt`: the member that holds it. `knobs`: the member in which the rest stands ("": beside the prompt). `fields`:
    canonical field → member. `template`: by the model's id. `piece`: what an answer or chunk says. `answer`: the body
    that says a piece; `chunk`: the chunk that does. `reasons`: words for why it ended.
    """

    name: str
    asks: tuple[frozenset[str], ...]
    answers: tuple[frozenset[str], ...]
    chunks: tuple[frozenset[str], ...]
    prompt: str
    knobs: str
    fields: dict[str, str]
    template: Callable[[str], Template]
    piece: Callable[[JsonObject], Piece]
    answer: Callable[[Piece, Usage | None], JsonObject]
    chunk: Callable[[Piece, Usage | None], JsonObject]
    reasons: dict[str, FinishReason]


def finish_of(kind: Prompted, reason: str | None) -> Finish | None:
    """The finish that the shape's word is."""
    if reason is None:
        return None
    return Finish(kind.reasons.get(reason, "other"), raw=reason, origin=f"{NAME} {kind.name}")


def word_of(kind: Prompted, finish: Finish | None) -> str:
    """The shape's word for why an answer ended."""
    if finish is not None and finish.origin == f"{NAME} {kind.name}" and finish.raw is not None:
        return finish.raw
    reason = "stop" if finish is None else finish.reason
    words: dict[FinishReason, str] = {}
    for word, meaning in kind.reasons.items():
        words.setdefault(meaning, word)
    return words.get(reason) or words["stop"]


def usage_of(input_tokens: Json, output_tokens: Json) -> Usage | None:
    """The usage of two numbers; None when one is missing or makes no sense."""
    asked, told = _count(input_tokens), _count(output_tokens)
    if asked is None or told is None:
        return None
    try:
        return checked(Usage(input=asked, output=told))
    except InconsistentUsageError:
        return None


def _count(value: Json) -> int | None:
    """A whole number. Titan writes some with a point."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def piece_of(kind: Prompted, node: JsonObject) -> Piece:
    """What an answer, or a chunk of one, says.

    Raises:
        UpstreamMalformedError: it is none of this kind.
    """
    try:
        return kind.piece(node)
    except WrongFieldError as error:
        raise UpstreamMalformedError(f"the answer is wrong: {error}") from None


def text_in(node: JsonObject, field: str) -> str:
    """The text at `field`; empty where there is none.

    Raises:
        WrongFieldError: it is something else.
    """
    value = node.get(field)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise WrongFieldError(field, "a string")


def word_in(node: JsonObject, field: str) -> str | None:
    """The text at `field`; None where there is none."""
    return text_in(node, field) or None


def first_in(node: JsonObject, field: str) -> JsonObject:
    """The first object of the list at `field`.

    Raises:
        WrongFieldError: there is none.
    """
    value = node.get(field)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return value[0]
    raise WrongFieldError(field, "a list of objects")
