"""What goes up? A body as far as it must be known, and the rest of it, which goes on as it comes.

Policy must know the model. In JSON it may stand anywhere, so such a body is read whole. In a form it is a field, which
clients send first: all behind it goes on unread. Nothing else needs to be known, and nothing is kept but a small body,
which is cheaper to keep than a connection of its own.
"""

from typing import Annotated, Final, NoReturn, TypeVar

import msgspec
from msgspec import Struct

from keywright.core.dialect import Peek
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.http import Pieces
from keywright.dialects import WIRES, openai_responses
from keywright.dialects.members import Members, walked
from keywright.pipeline.passage.form import FormReader, Place, boundary_of
from keywright.pipeline.passage.places import Known
from keywright.pipeline.passage.way import Passing
from keywright.providers.provider import EndpointKind

SMALL_BYTES_MAX: Final = 64 * 1024
"""A body of this size is kept, so that it can be sent again."""
INPUT_TOKENS_ASSUMED: Final = 131_072
"""The worst case of a prompt that holds sound or pictures: no model takes more, however many bytes they have."""
OUTPUT_TOKENS_MAX: Final[dict[EndpointKind, int]] = {
    "images": 16_384,
    "speech": 16_384,
    "transcriptions": 16_384,
    "moderations": 0,
}
"""The most that one picture or recording is made of, or made into, by the models that such endpoints have: six thousand
tokens for OpenAI's largest picture, two thousand a minute of sound.
"""
PICTURES_MAX: Final = 10
"""How many pictures one request may ask for, at most: that of a form, which is not read so far."""
GENERATIONS: Final = b"/generations"
"""The end of the path of the requests for pictures that bring none along."""
FORM: Final = b"multipart/"

Value = TypeVar("Value")

_RELIED: Final = frozenset({"model", "stream", "n"})
_MODEL: Final = msgspec.json.Decoder(str | None)
_FLAG: Final = msgspec.json.Decoder(bool | None)
_PICTURES: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=1, le=PICTURES_MAX)] | None)


class Tail:
    """What of a body is still to come. `begun`: some of it has been read, so it cannot be sent again."""

    __slots__ = ("_form", "_pieces", "begun")

    def __init__(self, pieces: Pieces, form: FormReader | None) -> None:
        self.begun = False
        self._pieces = pieces
        self._form = form

    async def next(self) -> bytes:
        """The next piece, b"" at the end. Raises what keeps it from coming, and RefusedError for a form gone wrong."""
        self.begun = True
        piece = await self._pieces.next()
        if self._form is not None:
            self._form.feed(piece) if piece else self._form.require_end()
        return piece


class Spliced:
    """`first`, then what a tail gives: the `Pieces` of one attempt."""

    __slots__ = ("_first", "_tail", "length")

    def __init__(self, first: bytes, tail: Tail, length: int | None) -> None:
        self.length = length
        self._first = first
        self._tail = tail

    async def next(self) -> bytes:
        """The next piece, b"" at the end."""
        first, self._first = self._first, b""
        return first or await self._tail.next()


class Freight(Struct, frozen=True, eq=False):
    """A body: `read` of it is known, `tail` to come (None: nothing). `length`: of all of it, where it is known. `name`:
    where the model's name stands in what is read. `wire`: what the provider's own endpoint speaks, "" where unknown.
    `is_json`: it has been read as JSON, so nobody may take it for anything else.
    """

    peek: Peek
    read: bytes
    tail: Tail | None = None
    length: int | None = None
    name: Members | Place | None = None
    wire: str = ""
    is_json: bool = False

    def body(self, model: str) -> bytes | Pieces:
        """The body for a provider that calls the model so."""
        first = self._renamed(model)
        if self.tail is None:
            return first
        length = None if self.length is None else self.length - len(self.read) + len(first)
        return Spliced(first, self.tail, length)

    def _renamed(self, model: str) -> bytes:
        name, read = self.name, self.read
        if name is None or model == self.peek.model:
            return read
        if isinstance(name, Members):
            return name.edited({"model": msgspec.json.encode(model)})
        return read[: name.start] + model.encode() + read[name.end :]


async def load(passing: Passing, known: Known | None) -> Freight:
    """The freight of a call, with as much of the body read as policy needs.

    Raises:
        RefusedError: 400 `invalid_json`, `invalid_form` or `invalid_request`; 413 `body_too_large`; 408, the body does
            not come.
    """
    kind = _content_type(passing)
    if known is not None:
        body = await collected(passing.body, passing.kept_bytes_max)
        return Freight(_known_peek(known, body), body, wire=known.wire, is_json=True)
    if passing.way.model in ("must", "may"):
        if kind.lower().startswith(FORM):
            return await _form(passing, kind)
        return _json(passing, await collected(passing.body, passing.kept_bytes_max))
    length, endpoint = passing.body.length, passing.way.endpoint
    if length is not None and length <= SMALL_BYTES_MAX:
        return Freight(_peek(endpoint, "", length), await collected(passing.body, SMALL_BYTES_MAX))
    return Freight(_peek(endpoint, "", INPUT_TOKENS_ASSUMED), b"", Tail(passing.body, None), length)


async def gathered(freight: Freight, bytes_max: int) -> Freight:
    """The freight, all of it read: for who must know it whole before it goes on.

    Raises:
        RefusedError: as `load`.
    """
    if freight.tail is None:
        return freight
    body = await collected(Spliced(freight.read, freight.tail, freight.length), bytes_max)
    return msgspec.structs.replace(freight, read=body, tail=None, length=None)


async def collected(body: Pieces, bytes_max: int) -> bytes:
    """All of `body`.

    Raises:
        RefusedError: 413 `body_too_large`.
    """
    if (body.length or 0) > bytes_max:
        _too_large(bytes_max)
    pieces: list[bytes] = []
    size_bytes = 0
    while piece := await body.next():
        size_bytes += len(piece)
        if size_bytes > bytes_max:
            _too_large(bytes_max)
        pieces.append(piece)
    return b"".join(pieces)


def _known_peek(known: Known, body: bytes) -> Peek:
    """What the body of a provider's own endpoint says. Where the path names the model, that is the one, for the
    provider looks no further: a body of a dialect that names it itself may leave it out, or name another.
    """
    wire, model = WIRES[known.wire], known.said.model
    if not model:
        return wire.peek(body, known.said)
    try:
        peek = wire.peek(body, known.said)
    except RefusedError:
        members = walked(body, _RELIED)
        if "model" in members.values:
            raise
        peek = wire.peek(members.edited({"model": msgspec.json.encode(model)}), known.said)
    return msgspec.structs.replace(peek, model=model)


def _json(passing: Passing, body: bytes) -> Freight:
    members = walked(body, _RELIED)
    model, way = _read(members, "model", _MODEL) or "", passing.way
    _require_model(passing, model)
    if way.endpoint == "responses_items":
        return Freight(openai_responses.peek(body), body, name=members, is_json=True)
    brings_pictures = way.endpoint == "images" and not way.tail.endswith(GENERATIONS)
    peek = Peek(
        model=model,
        stream=bool(_read(members, "stream", _FLAG)),
        input_bytes=INPUT_TOKENS_ASSUMED if brings_pictures else min(len(body), INPUT_TOKENS_ASSUMED),
        output_tokens_max=OUTPUT_TOKENS_MAX.get(way.endpoint),
        choices=_read(members, "n", _PICTURES) or 1 if way.endpoint == "images" else 1,
    )
    return Freight(peek, body, name=members if model else None, is_json=True)


def _content_type(passing: Passing) -> bytes:
    """What the client says that the body is, "" where it does not.

    Raises:
        RefusedError: 400 `invalid_request`, it says two things, and the provider might believe the other.
    """
    kinds = [value for name, value in passing.call.headers if name == b"content-type"]
    if len(kinds) > 1:
        _invalid("content-type", "it comes twice")
    return kinds[0] if kinds else b""


async def _form(passing: Passing, kind: bytes) -> Freight:
    body, form = passing.body, FormReader(boundary_of(kind))
    is_small = (body.length or SMALL_BYTES_MAX + 1) <= SMALL_BYTES_MAX
    pieces: list[bytes] = []
    size_bytes, is_all = 0, False
    while is_small or form.model is None:
        piece = await body.next()
        if not piece:
            form.require_end()
            is_all = True
            break
        form.feed(piece)
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes > passing.kept_bytes_max and form.model is None:
            _too_large(passing.kept_bytes_max, "; put the field model before the file, then a larger form is taken")
    model = form.model.value if form.model is not None else ""
    _require_model(passing, model)
    peek, read = _peek(passing.way.endpoint, model, INPUT_TOKENS_ASSUMED), b"".join(pieces)
    if is_all:
        return Freight(peek, read, name=form.model)
    return Freight(peek, read, Tail(body, form), body.length, form.model)


def _peek(endpoint: EndpointKind, model: str, input_bytes: int) -> Peek:
    return Peek(
        model=model,
        stream=False,
        input_bytes=min(input_bytes, INPUT_TOKENS_ASSUMED),
        output_tokens_max=OUTPUT_TOKENS_MAX.get(endpoint),
        choices=PICTURES_MAX if endpoint == "images" else 1,
    )


def _require_model(passing: Passing, model: str) -> None:
    if not model and passing.way.model == "must":
        _invalid("model", "it is missing")


def _read(members: Members, field: str, decoder: "msgspec.json.Decoder[Value]") -> Value | None:
    raw = members.values.get(field)
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _invalid(field, str(error))


def _invalid(field: str, why: str) -> NoReturn:
    message = f"{field} is not as it must be: {why}"
    raise RefusedError(
        Failure(kind="invalid_request", status=400, code="invalid_request", message=message, param=field)
    )


def _too_large(bytes_max: int, hint: str = "") -> NoReturn:
    message = f"the request's body is larger than {bytes_max} bytes{hint}"
    raise RefusedError(Failure(kind="too_large", status=413, code="body_too_large", message=message))
