"""Counting an answer that passes through untouched.

`Tap` must cost next to nothing per chunk, so it keeps chunks as they came and reads them in batches of
`TAP_BYTES_MAX`: the data of a batch of frames, joined by commas, is one JSON array and one call of the decoder.

Of a stream that is to be ended early, the last chunk says what all of them say (see `stop`).

Where Keywright asked for the usage and the client did not, the chunk that holds nothing else is taken out. A frame
that is not whole yet is then held back (no client can act on part of a frame) until it is seen to be another one.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.core.tier import tier_of
from keywright.core.usage import InconsistentUsageError, Usage
from keywright.dialects.batch import decoded
from keywright.dialects.openai_chat.error import failure_of
from keywright.dialects.openai_chat.response import read_units
from keywright.dialects.openai_chat.stop import CHAT, Form, stopped
from keywright.dialects.openai_chat.usage import PlainUsage, usage_of_plain
from keywright.dialects.sse import SseDecoder

TAP_BYTES_MAX: Final = 16 * 1024
"""How much of a stream is kept unread, and how much of a frame may be held back."""

TAP_FRAME_BYTES_MAX: Final = 1024 * 1024
"""How large a frame is still read. Only a frame that is cut into pieces is kept while it is not whole."""


class _Ending(Struct, frozen=True):
    finish_reason: str | None = None


class _Whole(Struct, frozen=True):
    model: str | None = None
    choices: list[_Ending] | None = None
    usage: PlainUsage | None = None
    service_tier: Json = None


class _OddWhole(Struct, frozen=True):
    """An answer whose usage says more than OpenAI's, or otherwise."""

    model: str | None = None
    choices: list[_Ending] | None = None
    usage: JsonObject | None = None
    service_tier: Json = None


class _Said(Struct, frozen=True):
    content: Json = None
    reasoning_content: Json = None
    reasoning: Json = None
    refusal: Json = None
    tool_calls: Json = None


class _Piece(Struct, frozen=True):
    """A choice. `text` is what the older completions have in place of a delta or message."""

    delta: _Said | None = None
    message: _Said | None = None
    text: Json = None
    finish_reason: str | None = None
    index: int | None = 0


class _Chunk(Struct, frozen=True):
    model: str | None = None
    choices: list[_Piece] | None = None
    usage: JsonObject | None = None
    service_tier: Json = None
    error: Json = None
    object: str | None = None
    message: Json = None


_WHOLE: Final = msgspec.json.Decoder(_Whole)
_ODD_WHOLE: Final = msgspec.json.Decoder(_OddWhole)
_CHUNK: Final = msgspec.json.Decoder(_Chunk)
_CHUNKS: Final = msgspec.json.Decoder(list[_Chunk])


def tap_response(body: bytes) -> Tapped:
    """What a whole answer says of itself; what it generated is only counted where it reports no usage."""
    whole: _Whole | _OddWhole
    try:
        whole = _WHOLE.decode(body)
        usage = _plain_usage(whole.usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            whole = _ODD_WHOLE.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Tapped()
        usage = read_units(whole.usage)
    finish = whole.choices[0].finish_reason if whole.choices else None
    chars = 0 if usage else _chars_in(body)
    tier = tier_of(whole.service_tier) if whole.service_tier else ""
    return Tapped(usage, whole.model, finish, None, chars, complete=bool(whole.choices), tier=tier)


def _plain_usage(said: PlainUsage | None) -> Usage | None:
    try:
        return None if said is None else usage_of_plain(said)
    except InconsistentUsageError:
        return None


def _chars_in(body: bytes) -> int:
    try:
        return sum(_said(piece) for piece in _CHUNK.decode(body).choices or ())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0


def _said(piece: _Piece) -> int:
    """How many characters a choice's delta or message holds."""
    said = piece.delta or piece.message
    if said is None:
        return len(piece.text) if isinstance(piece.text, str) else 0
    chars = 0
    for text in (said.content, said.reasoning_content or said.reasoning, said.refusal):
        if text:
            chars += len(text) if isinstance(text, str) else len(msgspec.json.encode(text))
    return chars + (len(msgspec.json.encode(said.tool_calls)) if said.tool_calls else 0)


class Tap:
    """Counts a stream that passes through. `form`: how its chunks look."""

    __slots__ = (
        "_chars",
        "_complete",
        "_decoder",
        "_failure",
        "_finish",
        "_form",
        "_kept",
        "_kept_bytes",
        "_last",
        "_model",
        "_open",
        "_strainer",
        "_tells_usage",
        "_tier",
        "_usage",
    )

    def __init__(self, peeked: Peek, form: Form = CHAT) -> None:
        self._tells_usage = peeked.stream_usage
        self._form = form
        self._last = b""  # the data of the last frame
        self._open = {0}  # the choices that have not ended
        self._strainer = None if peeked.stream_usage or not peeked.stream else _Strainer()
        self._decoder = SseDecoder(TAP_FRAME_BYTES_MAX)
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._model: str | None = None
        self._finish: str | None = None
        self._usage: JsonObject | None = None
        self._tier: Json = None
        self._failure: Failure | None = None
        self._chars = 0
        self._complete = False

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk` as it came; return what to pass on."""
        self._kept.append(chunk)
        self._kept_bytes += len(chunk)
        if self._kept_bytes > TAP_BYTES_MAX:
            self._read()
        return chunk if self._strainer is None else self._strainer.feed(chunk)

    def result(self) -> Tapped:
        """What has been seen so far. May be called at any time, also after an abort."""
        self._read()
        usage = read_units(self._usage)
        complete = self._complete or self._finish is not None
        tier = tier_of(self._tier)
        return Tapped(usage, self._model, self._finish, self._failure, self._chars, complete, tier=tier)

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._chars + self._kept_bytes + self._decoder.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a frame."""
        return self._decoder.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """What ends every choice that has not ended; None when all have."""
        if self._complete or self._failure is not None or not self._open:
            return None
        return stopped(self._last, sorted(self._open), usage if self._tells_usage else None, self._form)

    def _read(self) -> None:
        """Count what was kept, and forget it."""
        batch = b"".join(self._kept)
        self._kept.clear()
        self._kept_bytes = 0
        try:
            frames = [frame.data for frame in self._decoder.feed(batch)]
        except UpstreamMalformedError:  # a picture or so: its size is all that is counted
            self._decoder = SseDecoder(TAP_FRAME_BYTES_MAX)
            self._chars += len(batch)
            return
        if frames and frames[-1] == b"[DONE]":
            self._complete = True
            frames.pop()
        if frames:
            self._last = frames[-1]
        for chunk in decoded(frames, _CHUNK, _CHUNKS):
            self._count(chunk)

    def _count(self, chunk: _Chunk) -> None:
        if chunk.model:
            self._model = chunk.model
        if chunk.service_tier:
            self._tier = chunk.service_tier
        if chunk.usage:
            self._usage = chunk.usage
        if chunk.error or chunk.object == "error":
            self._failure = failure_of(chunk.error or {"message": chunk.message})
        for piece in chunk.choices or ():
            if piece.index:
                self._open.add(piece.index)
            if piece.finish_reason:
                self._finish = piece.finish_reason
                self._open.discard(piece.index or 0)
            said = piece.delta
            if said is not None and said.content.__class__ is str and said.tool_calls is None:
                self._chars += len(said.content)
                if not (said.reasoning_content or said.reasoning or said.refusal):
                    continue
                self._chars -= len(said.content)
            self._chars += _said(piece)


class _Strainer:
    """Takes the chunk that holds only the usage out of a stream.

    `_held` is the frame that is not whole yet, of which `_given` bytes were passed on already.
    """

    __slots__ = ("_given", "_held")

    def __init__(self) -> None:
        self._held = b""
        self._given = 0

    def feed(self, chunk: bytes) -> bytes:
        if not self._held and chunk.endswith((b"\n\n", b"\r\n\r\n")):
            return chunk if b"[]" not in chunk and b"[ ]" not in chunk else _strained(chunk)
        data = self._held + chunk
        end = max(_after(data, b"\n\n"), _after(data, b"\r\n\r\n"), _after(data, b"\r\r"))
        rest = data[end:]
        out = b""
        if end:
            whole = _strained(data[:end])
            out = whole[self._given :]
            self._given = 0
        if self._given or _is_other(rest):
            out += rest[self._given :]
            self._held = rest[-3:] if len(rest) > TAP_BYTES_MAX else rest
            self._given = len(self._held)
        else:
            self._held = rest
        return out


def _after(data: bytes, separator: bytes) -> int:
    """Where the last frame that ends with `separator` ends; 0 if none does."""
    at = data.rfind(separator)
    return 0 if at < 0 else at + len(separator)


def _is_other(rest: bytes) -> bool:
    """Whether the beginning of a frame shows that it is no chunk with usage only."""
    return (
        len(rest) > TAP_BYTES_MAX
        or b'"choices":[{' in rest
        or b'"choices": [{' in rest
        or rest.startswith((b"data: [DONE", b"data:[DONE"))
    )


def _strained(whole: bytes) -> bytes:
    """Whole frames without those that hold only the usage."""
    separator = b"\r\n\r\n" if b"\r\n\r\n" in whole else b"\n\n" if b"\n\n" in whole else b"\r\r"
    frames = whole.split(separator)
    kept = [frame for frame in frames if not _only_usage(frame)]
    return whole if len(kept) == len(frames) else separator.join(kept)


def _only_usage(frame: bytes) -> bool:
    if b'"usage"' not in frame:
        return False
    _, _, data = frame.partition(b"data:")
    try:
        chunk = _CHUNK.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return chunk.choices == [] and bool(chunk.usage)
