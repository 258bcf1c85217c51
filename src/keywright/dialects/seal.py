"""How a thought that one provider signed comes back to it through a client of another dialect.

A model's thinking is signed by its provider, or can be read by it alone, and has to come back in the next turn as it
was: Claude refuses to go on with a call of a tool that it thought about, Gemini and GPT forget why they called it. A
client keeps what its own dialect has a place for and sends it back. So there, where its dialect keeps signatures, it
gets a seal: the origin and the signature, told as one. A seal is standard base64, since two dialects keep bytes there,
of `keywright:` and a JSON object; its text stands in the clear beside it, for that is what the client shows.

What is told of here is the same for every dialect. Towards clients, other dialects' thoughts become thoughts of the
client's own whose signature is a seal (`sealed`, and `Sealer` for streams); of what clients send back, those are what
they were (`unsealed`). On the verbatim lane no provider could read a seal of ours: there they are taken out
(`without_sealed`), which costs a body that has none one search for `MARK`.

Gemini signs texts and calls too. Such a signature becomes a redacted thought before its part, that says whose it is.

A seal is not signed itself. Whoever forges one tells its origin's provider something that is no signature, which he
could have told it in its own dialect. So nothing is believed of a seal but what is listed here, and one that cannot be
read has an origin that is nobody's: no provider is ever sent it. That it is left out is reported like any other thought
that a provider cannot take.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from operator import is_
from typing import Final, TypeAlias

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from keywright.core.event import Closed, Opened, SignatureDelta
from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.message import Part, RedactedThinking, Text, Thinking, ToolCall, Turn

MARK: Final = b"a2V5d3JpZ2h0O"
"""How every seal begins: base64 of `keywright:`, as far as no other byte has a part in it."""

NOBODY: Final = "nobody"
"""The origin of a thought whose seal was damaged: no dialect's name."""

SIGNS: Final = "signs"
"""The extra of a redacted thought that is the signature of another part: the id of that call, "" for the next text."""

SIGNATURES: Final = frozenset(("thoughtSignature",))
"""Extras in which a dialect keeps the signature of a text or a call: by name, for all dialects at once."""

KEPT: Final = frozenset(("chunk", "detail", "field", "raw", SIGNS))
"""Extras of a thought without which its dialect could not say it as it was."""

KEPT_INSIDE: Final = frozenset(("closed", "format", "id", "index", "type"))
"""What is kept of one that is an object."""

NOTHING: Final[frozenset[str]] = frozenset()

_PREFIX: Final = b"keywright:"
_BEGINNING: Final = MARK.decode()
_EMPTY: Final = frozenset((b"null", b'""', b"[]"))
_STANDARD: Final = str.maketrans("-_", "+/")

Bound: TypeAlias = Opened | SignatureDelta | Closed
"""An event that bounds a part, or signs it."""

_Scalar: TypeAlias = str | int | float | bool | None
_Notes: TypeAlias = dict[str, str | bool | dict[str, _Scalar]]


class _Seal(Struct, frozen=True, omit_defaults=True):
    """What a seal holds: of a thought whose text stands beside it, or (`data`) of one that is redacted."""

    origin: str
    signature: str | None = None
    data: str | None = None
    notes: _Notes = {}


class _Sealed(Struct):
    """A thought on its way: what is known of its signature."""

    head: Thinking
    signature: str


_DECODER: Final = msgspec.json.Decoder(_Seal)
_TURN: Final = msgspec.json.Decoder(dict[str, Raw])
_LIST: Final = msgspec.json.Decoder(list[Raw])
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def sealed(parts: tuple[Part, ...], own: str) -> tuple[Part, ...]:
    """An answer's parts as a client of the dialect `own` can keep them."""
    found = [each for part in parts for each in _sealed(part, own)]
    return parts if len(found) == len(parts) and all(map(is_, found, parts)) else tuple(found)


def unsealed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts of an assistant's turn, read in a client's dialect, with sealed thoughts as they were.

    Some clients keep a thought in the pieces in which a stream told it, the last of which has the seal.
    """
    if not any(map(is_sealed, parts)):
        return parts
    found: list[Part] = []
    for part in parts:
        found.append(_unsealed(_whole(part, found) if isinstance(part, Thinking) and is_sealed(part) else part))
    return tuple(found)


def unsealed_turns(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """A request's turns, read in a client's dialect, with sealed thoughts as they were."""
    return tuple(replace(turn, parts=unsealed(turn.parts)) if turn.role == "assistant" else turn for turn in turns)


def is_sealed(part: Part) -> bool:
    """Whether it is a thought, read in a client's dialect, that another dialect's provider made."""
    match part:
        case Thinking(signature=said) | RedactedThinking(data=said):
            return is_seal(said)
        case _:
            return False


def is_seal(value: Json) -> bool:
    """Whether it is a seal, damaged or not."""
    return isinstance(value, str) and value.startswith(_BEGINNING)


def holds_seal(part: bytes, read: Callable[[Json], Part]) -> bool:
    """Whether a part of a client's body, as `read` reads it, is a sealed thought. `read` may raise ValueError."""
    if MARK not in part:
        return False
    try:
        return is_sealed(read(msgspec.json.decode(part)))
    except (ValueError, RecursionError):
        return False


def without_sealed(turns: bytes, content: str, read: Callable[[Json], Part], beside: frozenset[str] = NOTHING) -> bytes:
    """The JSON list `turns` of a client's body, each with a list at `content`, without the sealed thoughts in them.

    Where none is left, the list goes, with the members `beside`, which only repeat it; and where that was all that the
    turn said, the turn goes. Turns and parts without a seal stay byte for byte. `read` reads a part; it may raise
    ValueError.
    """
    try:
        found = [_turn_without(bytes(turn), content, read, beside) for turn in _LIST.decode(turns)]
    except _UNREADABLE:
        return turns
    return b"[%b]" % b",".join([turn for turn in found if turn is not None])


class Sealer:
    """The events of one answer as a client of the dialect `own` can keep what they tell."""

    __slots__ = ("_open", "_own")

    def __init__(self, own: str) -> None:
        self._own = own
        self._open: dict[tuple[int, int], _Sealed] = {}

    def events(self, event: Bound) -> tuple[Bound, ...]:
        """What to tell instead of `event`. All other events stay as they are."""
        match event:
            case Opened():
                return self._opened(event)
            case SignatureDelta():
                thought = self._open.get((event.choice, event.part))
                if thought is None:
                    return (event,)
                thought.signature += event.signature
                return ()
            case Closed():
                thought = self._open.pop((event.choice, event.part), None)
                if thought is None:
                    return (event,)
                seal = _seal(replace(thought.head, signature=thought.signature or None))
                return SignatureDelta(event.part, seal, event.choice), event

    def end(self) -> list[Bound]:
        """The ends of thoughts that were not closed when the answer was."""
        return [event for choice, part in list(self._open) for event in self.events(Closed(part, choice))]

    def _opened(self, event: Opened) -> tuple[Bound, ...]:
        head = event.head
        if isinstance(head, Thinking) and head.origin not in (None, self._own):
            self._open[event.choice, event.part] = _Sealed(head, head.signature or "")
            return (replace(event, head=replace(head, signature=None, origin=self._own)),)
        told = _sealed(head, self._own)
        if len(told) == 1:
            return (event if told[0] is head else replace(event, head=told[0]),)
        number = -1 - event.part  # which no other part has
        signature = Opened(number, told[0], event.choice)
        return signature, Closed(number, event.choice), replace(event, head=told[1])


def _sealed(part: Part, own: str) -> tuple[Part, ...]:
    match part:
        case Thinking(origin=origin) if origin not in (None, own):
            return (replace(part, signature=_seal(part), origin=own),)
        case RedactedThinking(origin=origin) if origin != own:
            return (RedactedThinking(_seal(part), own),)
        case Text() | ToolCall() if part.extras:
            return _apart(part, own)
        case _:
            return (part,)


def _apart(part: Text | ToolCall, own: str) -> tuple[Part, ...]:
    """A text or a call behind its signature, where another dialect's provider signed it."""
    for origin, said in part.extras.items():
        for name in SIGNATURES & said.keys() if origin != own else ():
            signature = said[name]
            if isinstance(signature, str):
                rest = {field: value for field, value in said.items() if field != name}
                bare: Extras = {**part.extras, origin: rest}
                whose: Extras = {origin: {SIGNS: part.id if isinstance(part, ToolCall) else ""}}
                thought = RedactedThinking(signature, origin, whose)
                return RedactedThinking(_seal(thought), own), replace(part, extras=bare)
    return (part,)


def _seal(part: Thinking | RedactedThinking) -> str:
    origin = part.origin or NOBODY
    notes: _Notes = {}
    for name, value in part.extras.get(origin, {}).items():
        if name in KEPT and isinstance(value, dict):
            inside = {each: said for each, said in value.items() if each in KEPT_INSIDE}
            notes[name] = {each: said for each, said in inside.items() if not isinstance(said, dict | list)}
        elif name in KEPT and isinstance(value, str | bool):
            notes[name] = value
    if isinstance(part, RedactedThinking):
        seal = _Seal(origin, data=part.data, notes=notes)
    else:
        seal = _Seal(origin, part.signature, notes=notes)
    return b64encode(_PREFIX + msgspec.json.encode(seal)).decode()


def _believed(notes: _Notes) -> JsonObject:
    """What may be taken from a seal that anybody may have made."""
    believed: JsonObject = {}
    for name, value in notes.items():
        if name not in KEPT:
            continue
        if isinstance(value, dict):
            believed[name] = {each: said for each, said in value.items() if each in KEPT_INSIDE}
        else:
            believed[name] = value
    return believed


def _unsealed(part: Part) -> Part:
    if not is_sealed(part):
        return part
    assert isinstance(part, Thinking | RedactedThinking)
    text, said = (part.text, part.signature or "") if isinstance(part, Thinking) else ("", part.data)
    seal = _read(said)
    if seal is None:
        return replace(part, origin=NOBODY)
    notes = _believed(seal.notes)
    extras: Extras = {seal.origin: notes} if notes else NO_EXTRAS
    if seal.data is not None:
        return RedactedThinking(seal.data, seal.origin, extras)
    return Thinking(text, seal.signature, seal.origin, extras)


def _whole(last: Thinking, before: list[Part]) -> Thinking:
    """A sealed thought with its earlier pieces, which are taken away from the end of `before`."""
    texts = [last.text]
    while before:
        piece = before[-1]
        if not isinstance(piece, Thinking) or piece.signature is not None or piece.origin != last.origin:
            break
        texts.append(piece.text)
        before.pop()
    return replace(last, text="".join(reversed(texts))) if len(texts) > 1 else last


def _read(seal: str) -> _Seal | None:
    """What a seal holds; None when it was damaged."""
    standard = seal.translate(_STANDARD).rstrip("=")
    try:
        said = b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        return _DECODER.decode(said[len(_PREFIX) :]) if said.startswith(_PREFIX) else None
    except (ValueError, *_UNREADABLE):
        return None


def _turn_without(turn: bytes, content: str, read: Callable[[Json], Part], beside: frozenset[str]) -> bytes | None:
    """`turn` without sealed thoughts; None when nothing is left of it."""
    if MARK not in turn:
        return turn
    try:
        members = _TURN.decode(turn)
        parts = _LIST.decode(members.get(content, b"[]"))
    except _UNREADABLE:
        return turn
    kept = [part for part in parts if not holds_seal(bytes(part), read)]
    if len(kept) == len(parts):
        return turn
    if kept:
        return msgspec.json.encode({**members, content: kept})
    rest = {name: value for name, value in members.items() if name != content and name not in beside}
    says = any(bytes(value) not in _EMPTY for name, value in rest.items() if name != "role")
    return msgspec.json.encode(rest) if says else None
