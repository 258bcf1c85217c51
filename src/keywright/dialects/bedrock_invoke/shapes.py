"""Which shape is this: of a request's body, of a model, of an answer, of a stream's chunk? One table answers all four.

A body tells its shape by its members: the largest set of marks that it has all of decides. Where two shapes share that
set (`prompt` alone, `messages` alone), the model in the path decides, if its shape is among them; a name of the
operator's own says nothing, and the first in the table is taken.

A model tells its shape by how its id begins, after the group of regions and within an ARN. An id without a vendor is
taken for Claude's, an unknown vendor's models for such as take chats.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from keywright.core.errors import UpstreamMalformedError
from keywright.core.request import Request
from keywright.dialects.bedrock_converse.vendors import REGIONS, vendor_of
from keywright.dialects.bedrock_invoke import (
    anthropic,
    chat,
    claude_text,
    command,
    command_r,
    llama,
    mistral,
    nova,
    titan,
)
from keywright.dialects.bedrock_invoke.wire import Shape, own

SHAPES: Final = (
    anthropic.SHAPE,
    nova.SHAPE,
    chat.SHAPE,
    titan.SHAPE,
    mistral.SHAPE,
    llama.SHAPE,
    command.SHAPE,
    claude_text.SHAPE,
    command_r.SHAPE,
)
BY_NAME: Final = {shape.name: shape for shape in SHAPES}

Table: TypeAlias = tuple[tuple[frozenset[str], Shape], ...]
"""Sets of marks and the shapes that they tell, the largest sets first."""


def _table(marks_of: Callable[[Shape], tuple[frozenset[str], ...]]) -> Table:
    entries = [(marks, shape) for shape in SHAPES for marks in marks_of(shape)]
    return tuple(sorted(entries, key=lambda entry: -len(entry[0])))


_ASKS: Final = _table(lambda shape: shape.asks)
_ANSWERS: Final = _table(lambda shape: shape.answers)
_CHUNKS: Final = _table(lambda shape: shape.chunks)

MODELS: Final = (
    ("anthropic.", anthropic.SHAPE),
    ("amazon.nova", nova.SHAPE),
    ("amazon.titan", titan.SHAPE),
    ("meta.llama", llama.SHAPE),
    ("mistral.mistral-7b", mistral.SHAPE),
    ("mistral.mixtral-8x7b", mistral.SHAPE),
    ("mistral.mistral-small-2402", mistral.SHAPE),
    ("cohere.command-r", command_r.SHAPE),
    ("cohere.command", command.SHAPE),
)
"""How a model's id begins, and its shape: the first that fits."""


def shape_of_model(model: str) -> Shape:
    """The shape in which `model`, an id of the provider's own, is asked."""
    vendor = vendor_of(model)
    if not vendor:
        return anthropic.SHAPE
    name = _bare(model)
    return next((shape for begin, shape in MODELS if name.startswith(begin)), chat.SHAPE)


def shape_of_body(members: Iterable[str], model: str) -> Shape | None:
    """The shape of a request with these members to `model`, which may be a name of the operator's; None for none."""
    found = _marked(members, _ASKS)
    if not found:
        return None
    wanted = shape_of_model(model) if vendor_of(model) else None
    return wanted if wanted in found else found[0]


def shape_of_answer(members: Iterable[str]) -> Shape:
    """The shape of an answer with these members.

    Raises:
        UpstreamMalformedError: it is of none.
    """
    found = _marked(members, _ANSWERS)
    if not found:
        raise UpstreamMalformedError("the answer is of none of the shapes that InvokeModel's answers have")
    return found[0]


def shape_of_chunk(members: Iterable[str]) -> Shape | None:
    """The shape of a stream whose chunk has these members; None when they tell nothing."""
    found = _marked(members, _CHUNKS)
    return found[0] if found else None


def shape_of_request(request: Request) -> Shape:
    """The shape in which a client asked `request`."""
    name = own(request.extras).get("shape")
    return BY_NAME.get(name.partition(" ")[0], anthropic.SHAPE) if isinstance(name, str) else anthropic.SHAPE


def _marked(members: Iterable[str], table: Table) -> list[Shape]:
    """The shapes with the largest set of marks that are all among `members`."""
    present = frozenset(members)
    found: list[Shape] = []
    most = 0
    for marks, shape in table:
        if len(marks) < most:
            break
        if marks <= present and shape not in found:
            found.append(shape)
            most = len(marks)
    return found


def _bare(model: str) -> str:
    """A model's id without the rest of its ARN and the group of regions."""
    name = next((segment for segment in reversed(model.split("/")) if "." in segment), model)
    region, _, rest = name.partition(".")
    return rest if region in REGIONS else name
