"""Counting an answer that passes through untouched. The lines of both endpoints are counted alike.

`Tap` must cost next to nothing per chunk, so it keeps chunks as they came and reads them in batches of
`TAP_BYTES_MAX`: the lines of a batch, joined by commas, are one JSON array and one call of the decoder.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json
from keywright.core.usage import Usage
from keywright.dialects.batch import decoded
from keywright.dialects.ndjson import NdjsonDecoder
from keywright.dialects.ollama.error import failure_of
from keywright.dialects.ollama.shape import Shape
from keywright.dialects.ollama.stop import stopped
from keywright.dialects.ollama.usage import usage_of

TAP_BYTES_MAX: Final = 16 * 1024
"""How much of a stream is kept unread."""

TAP_LINE_BYTES_MAX: Final = 1024 * 1024
"""How large a line is still read that comes in pieces."""


class _Said(Struct, frozen=True):
    content: str | None = None
    thinking: str | None = None
    tool_calls: Raw = Raw()


class _Line(Struct, frozen=True):
    model: str | None = None
    message: _Said | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: Json = None
    eval_count: Json = None
    error: Json = None


_LINE: Final = msgspec.json.Decoder(_Line)
_LINES: Final = msgspec.json.Decoder(list[_Line])
_NOTHING: Final = Tapped()
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer says of itself. Never raises: of a body that cannot be read, nothing is known."""
    try:
        line = _LINE.decode(body)
    except _UNREADABLE:
        return _NOTHING
    return Tapped(
        usage=usage_of(line.prompt_eval_count, line.eval_count),
        model=line.model,
        finish=line.done_reason,
        failure=failure_of(line.error) if line.error else None,
        output_chars=_chars_in(line),
        complete=bool(line.done),
    )


class Tap:
    """Counts a stream that passes through, untouched. `shape`: where a line has its text."""

    def __init__(self, peeked: Peek, shape: Shape) -> None:
        del peeked  # usage always comes: nothing to take out again
        self._shape = shape
        self._last = b""  # the last line
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._decoder = NdjsonDecoder(TAP_LINE_BYTES_MAX)
        self._chars = 0
        self._model: str | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None
        self._usage: Usage | None = None
        self._complete = False

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk`, and give it back."""
        self._kept.append(chunk)
        self._kept_bytes += len(chunk)
        if self._kept_bytes > TAP_BYTES_MAX:
            self._read()
        return chunk

    def result(self) -> Tapped:
        """What has been seen so far. May be called at any time, also after an abort.

        The last line may lack its end: it is read as far as it has come, and stays kept.
        """
        self._read()
        last = _NOTHING if self._complete else tap_response(self._decoder.rest)
        if last == _NOTHING:
            return Tapped(self._usage, self._model, self._finish, self._failure, self._chars, self._complete)
        chars = self._chars + last.output_chars
        return Tapped(
            last.usage, last.model or self._model, last.finish, last.failure or self._failure, chars, last.complete
        )

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._chars + self._kept_bytes + self._decoder.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a line."""
        return self._decoder.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """The line that ends the answer; None when it has ended."""
        return None if self._complete or self._failure is not None else stopped(self._last, usage, self._shape)

    def _read(self) -> None:
        """Count what was kept, and forget it."""
        batch = b"".join(self._kept)
        self._kept.clear()
        self._kept_bytes = 0
        try:
            lines = self._decoder.feed(batch)
        except UpstreamMalformedError:  # a picture or so: its size is all that is counted
            self._decoder = NdjsonDecoder(TAP_LINE_BYTES_MAX)
            self._chars += len(batch)
            return
        if lines:
            self._last = lines[-1]
        for line in decoded(lines, _LINE, _LINES):
            self._count(line)

    def _count(self, line: _Line) -> None:
        self._model = line.model or self._model
        self._chars += _chars_in(line)
        if line.error:
            self._failure = failure_of(line.error)
        if line.done:
            self._complete = True
            self._finish = line.done_reason
            self._usage = usage_of(line.prompt_eval_count, line.eval_count)


def _chars_in(line: _Line) -> int:
    """How many characters a line says that were generated."""
    chars = len(line.response or "") + len(line.thinking or "")
    said = line.message
    if said is not None:
        chars += len(said.content or "") + len(said.thinking or "") + len(memoryview(said.tool_calls))
    return chars
