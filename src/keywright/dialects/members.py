"""The top level of a JSON object body, member by member, with where each one stands.

Policy must read exactly the members that the provider will read. Parsers differ in what they make of a member that
comes twice, of a name spelled with escapes, or of `Model` beside `model`; a body that relies on such a difference
could be judged as one request and served as another. So the body is decoded once into its raw members, and then
walked: its bytes must be those names, literally, and those values, in that order, with nothing but white space and
punctuation between them. Since JSON is unambiguous, a body that passes has no other reading.

The walk also gives each value's place, so that a value can be exchanged, or a member added, with every other byte as
it came. The alternative, an own tokenizer, costs more in Python than decoding and comparing in C.

Most bodies are compact: no white space between members. Those need no walk: the raw members, put together again, are
the body, byte for byte, and so is the body with a value exchanged.
"""

from collections.abc import Mapping
from typing import Annotated, Final, NoReturn, TypeVar

import msgspec
from msgspec import Raw, Struct

from keywright.core.dialect import Peek
from keywright.dialects.refusal import refused

DEPTH_MAX: Final = 128
"""How deep arrays and objects may stand in one another."""

NONE_REMOVED: Final[frozenset[str]] = frozenset()

MODEL_CHARS_MAX: Final = 512
MODEL: Final = msgspec.json.Decoder(Annotated[str, msgspec.Meta(min_length=1, max_length=MODEL_CHARS_MAX)])
"""What a model is called."""

FLAG: Final = msgspec.json.Decoder(bool | None)
TOKENS: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None)
WORD: Final = msgspec.json.Decoder(Annotated[str, msgspec.Meta(max_length=64)] | None)
"""A switch, a limit of tokens, a word: any may be null."""

_Value = TypeVar("_Value")
_DECODER: Final = msgspec.json.Decoder(dict[str, Raw])
_ENCODER: Final = msgspec.json.Encoder()
_SPACES: Final = b" \t\n\r"
_COMMA: Final = ord(",")
_CLOSE: Final = ord("}")
_AS_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NOT_SKELETON: Final = bytes(set(range(256)) - set(b'[]{}"\\'))


class Members(Struct, frozen=True):
    """A body's members in their order. Where there is white space between them, `starts` is where each value begins,
    `close` where the final `}` stands; a compact body has no `starts`.
    """

    body: bytes
    values: dict[str, Raw]
    starts: list[int] | None = None
    close: int = 0

    def value(self, name: str, decoder: "msgspec.json.Decoder[_Value]") -> _Value | None:
        """The value of the member `name`; None where there is none.

        Raises:
            RefusedError: 400 `invalid_request` naming the member: `decoder` does not take it.
        """
        raw = self.values.get(name)
        if raw is None:
            return None
        try:
            return decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise refused("invalid_request", f"{name} is not as it must be: {error}", name) from error

    def needed(self, name: str, decoder: "msgspec.json.Decoder[_Value]") -> _Value:
        """The value of the member `name`, which must be there.

        Raises:
            RefusedError: as of `value`.
        """
        value = self.value(name, decoder)
        if value is None:
            raise refused("invalid_request", f"{name} is missing", name)
        return value

    def edited(self, changes: Mapping[str, bytes], removed: frozenset[str] = NONE_REMOVED) -> bytes:
        """The body with the value of each member in `changes` exchanged for the given JSON, or the member added
        at the end where it is missing, and without the members in `removed`; every other byte as it came.
        """
        if self.starts is None:
            values = self.values
            if removed:
                values = {name: value for name, value in values.items() if name not in removed}
            return _ENCODER.encode(values | {name: Raw(change) for name, change in changes.items()})
        pieces, remain = self._kept(changes, removed)
        comma = b"," if remain else b""
        for name, change in changes.items():
            if name not in self.values:
                pieces.append(comma + msgspec.json.encode(name) + b":" + change)
                comma = b","
        pieces.append(self.body[self.close :])
        return b"".join(pieces)

    def _kept(self, changes: Mapping[str, bytes], removed: frozenset[str]) -> tuple[list[bytes], bool]:
        """The pieces of a body with white space up to its end, edited, and whether any of its members remain.

        A member goes with the comma before it; the first one with that behind it.
        """
        body = self.body
        at = behind = _past_spaces(body, 0) + 1
        pieces = [body[:at]]
        remain = False
        for start, (name, value) in zip(self.starts or (), self.values.items(), strict=True):
            end = start + len(memoryview(value))
            if name not in removed:
                remain = True
                if name in changes:
                    pieces += body[at:start], changes[name]
                    at = end
            elif remain:
                pieces.append(body[at:behind])
                at = end
            else:
                at = _past_spaces(body, end)
                at += body[at] == _COMMA
            behind = end
        pieces.append(body[at : self.close])
        return pieces, remain


class Peeked(Peek, frozen=True, kw_only=True):
    """A `Peek` that remembers where the members stand, so that `patch` need not look again."""

    members: Members


def members_of(peeked: Peek, body: bytes, relied: frozenset[str]) -> Members:
    """The members of `body`: those that `peeked` remembers, if it was read from that very body."""
    if isinstance(peeked, Peeked) and peeked.members.body is body:
        return peeked.members
    return walked(body, relied)


def walked(body: bytes, relied: frozenset[str]) -> Members:
    """The members of `body`. `relied`: the names (lower case) that the caller will act on.

    Raises:
        RefusedError: 400 `invalid_json`: not a JSON object; deeper than `DEPTH_MAX`; a member comes twice, its
            name is written with escapes, or it differs only by case from one that is relied on.
    """
    values = _decoded(body)
    strange = values.keys() - relied
    for name in strange:
        if name.casefold() in relied:
            _refuse(f"the member {name!r} must be written {name.casefold()!r}")
    if _ENCODER.encode(values) == body and not _needs_escapes("".join(strange)):
        return Members(body, values)
    return _walked(body, values)


def _walked(body: bytes, values: dict[str, Raw]) -> Members:
    """The members of a body that is not compact, or refused."""
    starts = []
    at = _past_spaces(body, 0) + 1
    for name, raw in values.items():
        key = name.encode()
        compact = b'"%b":%b' % (key, raw)
        if body.startswith(compact, at):
            starts.append(at + len(key) + 3)
            at += len(compact)
        else:
            start = _value_at(body, at, key, name)
            value = bytes(raw)
            if not body.startswith(value, start):
                _refuse(f"the member {name!r} comes twice")
            starts.append(start)
            at = _past_spaces(body, start + len(value))
        if body[at] == _COMMA:
            at += 1
        elif body[at] in _SPACES:
            at = _past_spaces(body, at)
            at += body[at] == _COMMA
    if not values:
        at = _past_spaces(body, at)
    if body[at] != _CLOSE:
        _refuse("a member comes twice, or a name is written with escapes")
    return Members(body, values, starts, at)


def _needs_escapes(names: str) -> bool:
    """Whether a name among them may need escapes."""
    return not names.isprintable() or '"' in names or "\\" in names


def _value_at(body: bytes, at: int, key: bytes, name: str) -> int:
    """Where the value of the member `name` begins, which must be the next at `at`."""
    at = _past_spaces(body, at)
    if not body.startswith(b'"%b"' % key, at):
        _refuse(f"a member before or at {name!r} comes twice or its name is written with escapes")
    at = _past_spaces(body, at + len(key) + 2)
    return _past_spaces(body, at + 1)


def _decoded(body: bytes) -> dict[str, Raw]:
    try:
        values = _DECODER.decode(body)
    except msgspec.ValidationError:
        _refuse("it must be a JSON object")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(f"it is not valid JSON: {error}")
    except RecursionError:
        _refuse(f"it is nested deeper than {DEPTH_MAX} levels")
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and _deeper(body):
        _refuse(f"it is nested deeper than {DEPTH_MAX} levels")
    return values


def _deeper(body: bytes) -> bool:
    """Whether valid JSON is nested deeper than `DEPTH_MAX`.

    With the strings taken out only brackets matter, and taking out every innermost pair removes one level. Each
    step runs in C: a few µs per KB, and only for bodies with many brackets.
    """
    skeleton = body.translate(None, _NOT_SKELETON)
    if b"\\" in skeleton:
        skeleton = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_SKELETON)
    brackets = b"".join(skeleton.replace(b'""', b"").split(b'"')[::2]).translate(_AS_SQUARE, b"\\")
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def _past_spaces(body: bytes, at: int) -> int:
    while body[at] in _SPACES:
        at += 1
    return at


def _refuse(why: str) -> NoReturn:
    raise refused("invalid_json", f"the body cannot be read: {why}")
