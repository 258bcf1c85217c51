"""Bodies with a prompt in and a text out: one machine for all of them, fed with what differs as data (`pieces`)."""

from typing import Final

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded, PathSaid
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Text, Turn
from keywright.core.request import Request, Sampling
from keywright.core.response import Choice, Response
from keywright.dialects.bedrock_converse.wire import strings
from keywright.dialects.bedrock_invoke.pieces import Piece, Prompted, finish_of, piece_of, usage_of, word_of
from keywright.dialects.bedrock_invoke.prompted_stream import Reader, Writer
from keywright.dialects.bedrock_invoke.tap import EventTap
from keywright.dialects.bedrock_invoke.templates import read, written
from keywright.dialects.bedrock_invoke.texts import lost_fields, said_by_part, text_of_part
from keywright.dialects.bedrock_invoke.wire import (
    NAME,
    ChunkReader,
    ChunkWriter,
    Shape,
    fields_of,
    own,
    parsed,
    rendered,
    shaped,
)
from keywright.dialects.fields import Fields
from keywright.dialects.foreign import answer_losses

PLAIN: Final = "plain"
"""What follows a shape's name where the prompt was written by no template."""

_NO_FIELD: Final = "this model's body has no such field"


def shape_of(kind: Prompted) -> Shape:
    """The shape of this kind."""
    return Shape(
        name=kind.name,
        asks=kind.asks,
        answers=kind.answers,
        chunks=kind.chunks,
        limit=tuple(step for step in (kind.knobs, kind.fields["output_tokens_max"]) if step),
        decode_request=lambda body, said: _decoded(kind, body, said),
        encode_request=lambda request, model, abilities: _encoded(kind, request, model, abilities),
        decode_response=lambda body: _response(kind, body),
        encode_response=lambda response, _: _answered(kind, response),
        reader=lambda: _reader(kind),
        writer=lambda _: _writer(kind),
        tap=lambda: EventTap(Reader(kind), lambda _: _writer(kind)),
        locate=lambda path, _: _located(kind, path),
    )


def _reader(kind: Prompted) -> ChunkReader:
    return Reader(kind)


def _writer(kind: Prompted) -> ChunkWriter:
    return Writer(kind)


def _decoded(kind: Prompted, body: bytes, said: PathSaid) -> Request:
    """The request that `body` is.

    Raises:
        WrongFieldError: a member is missing or of the wrong type.
    """
    fields = Fields(fields_of(body))
    prompt = fields.needed_text(kind.prompt)
    knobs = (fields.object(kind.knobs) or Fields({}, kind.knobs)) if kind.knobs else fields
    names = kind.fields
    limit = knobs.count(names["output_tokens_max"], 0)
    stop = strings(knobs.array(names["stop"]), knobs.at(names["stop"])) if "stop" in names else ()
    sampling = Sampling(
        temperature=knobs.number(names["temperature"]),
        top_p=knobs.number(names["top_p"]),
        top_k=knobs.integer(names["top_k"]) if "top_k" in names else None,
    )
    if knobs is not fields and knobs.left:
        fields.keep(kind.knobs, knobs.left)
    turns = read(kind.template(said.model), prompt)
    request = Request(
        model=said.model,
        turns=turns or (Turn("user", (Text(prompt),)),),
        output_tokens_max=limit or None,
        stop=stop,
        sampling=sampling,
        stream=said.stream,
        extras=fields.extras(NAME),
    )
    return shaped(request, kind.name if turns else f"{kind.name} {PLAIN}")


def _encoded(kind: Prompted, request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for what `request` says, and what could not be said."""
    losses: list[Loss] = []
    said = own(request.extras)
    template = kind.template(model)
    plain = said.get("shape") == f"{kind.name} {PLAIN}"
    special = () if plain else template.special
    spoken = [
        (turn.role, text)
        for index, turn in enumerate(request.turns)
        if (text := _words(turn, f"turns[{index}]", special, losses))
    ]
    prompt = "".join(text for _, text in spoken) if plain else written(template, spoken)
    knobs: JsonObject = {}
    names = kind.fields
    sampling = request.sampling
    if request.output_tokens_max is not None:
        knobs[names["output_tokens_max"]] = request.output_tokens_max
    for field, value in (
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("top_k", sampling.top_k),
        ("stop", list(request.stop) or None),
    ):
        if value is None:
            continue
        if field in names and (field == "stop" or abilities.sampling):
            knobs[names[field]] = value  # type: ignore[assignment]  # a list of texts is JSON
        else:
            losses.append(Loss(field, _NO_FIELD))
    if request.tools:
        losses.append(Loss("tools", "this model calls no tools", "meaning"))
    losses += lost_fields(request, _NO_FIELD)
    rest = {field: value for field, value in said.items() if field != "shape"}
    body: JsonObject = {kind.prompt: prompt}
    if kind.knobs:
        more = rest.pop(kind.knobs, None)
        body |= {kind.knobs: {**knobs, **(more if isinstance(more, dict) else {})}}
    else:
        body |= knobs
    return Encoded(rendered({**body, **rest}), tuple(losses))


def _words(turn: Turn, path: str, special: tuple[str, ...], losses: list[Loss]) -> str:
    """What is said in a turn, without the `special` marks of a template."""
    if turn.name is not None:
        losses.append(Loss(f"{path}.name", "a prompt has no names of speakers"))
    words = "\n".join(
        text for index, part in enumerate(turn.parts) if (text := text_of_part(part, f"{path}.parts[{index}]", losses))
    )
    clean = words
    for mark in special:
        clean = clean.replace(mark, "")
    if clean != words:
        losses.append(Loss(path, "marks that only the prompt itself may have were taken out of the text"))
    return clean


def _located(kind: Prompted, path: str) -> str:
    """The canonical `path` in the client's words: nearly everything stands in the prompt."""
    field, _, _ = path.partition("[")
    if field == "turns":
        return kind.prompt
    name = kind.fields.get(path)
    if name is None:
        return path
    return f"{kind.knobs}.{name}" if kind.knobs else name


def _response(kind: Prompted, body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no answer of this shape.
    """
    piece = piece_of(kind, parsed(body))
    return Response(
        id="",
        model="",
        choices=(Choice((Text(piece.text),) if piece.text else (), finish_of(kind, piece.reason)),),
        usage=usage_of(piece.input_tokens, piece.output_tokens),
    )


def _answered(kind: Prompted, response: Response) -> Encoded:
    """The answer that says `response`, and what it could not say."""
    losses: list[Loss] = []
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", "this shape gives one answer: the first"))
    texts = [said_by_part(part, f"parts[{index}]", losses) for index, part in enumerate(choice.parts)]
    losses += answer_losses(response.extras, NAME, "", _NO_FIELD)
    piece = Piece("".join(texts), word_of(kind, choice.finish))
    return Encoded(rendered(kind.answer(piece, response.usage)), tuple(losses))
