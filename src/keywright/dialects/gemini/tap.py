"""Counting an answer that passes through untouched.

The taps cost next to nothing per chunk: they keep chunks and read them in batches, of which the frames, joined by
commas, are one JSON array and one call of the decoder.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Raw, Struct

from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json
from keywright.core.usage import Usage
from keywright.dialects.gemini.error import failure_of
from keywright.dialects.gemini.finish import finish_of
from keywright.dialects.gemini.usage import Counts, usage_of_counts
from keywright.dialects.sse import SseDecoder

BATCH_CHUNKS_MAX: Final = 64
BATCH_BYTES_MAX: Final = 64 * 1024

_TOLD: Final = b'TokenCount"'
"""What stands in a usage that counts anything."""

_NOTHING: Final = Raw()


class _Call(Struct):
    args: Raw = Raw()
    partialArgs: Raw = Raw()  # noqa: N815  # the wire's own name


class _Part(Struct, rename="camel"):
    text: str | None = None
    function_call: _Call | None = None


class _Content(Struct):
    parts: list[_Part] | None = None


class _Candidate(Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: Json = None


class _Feedback(Struct, rename="camel"):
    block_reason: Json = None


class _Frame(Struct, rename="camel"):
    """The little of an answer, or of a frame of one, that is counted. Its usage is read when it was the last."""

    candidates: list[_Candidate] | None = None
    usage_metadata: Raw = _NOTHING
    model_version: str | None = None
    prompt_feedback: _Feedback | None = None
    error: Json = None


_FRAME: Final = msgspec.json.Decoder(_Frame)
_FRAMES: Final = msgspec.json.Decoder(list[_Frame])
_COUNTS: Final = msgspec.json.Decoder(Counts)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises: of a body that cannot be read, nothing is known."""
    counter = Counter()
    counter.count_one(body)
    return counter.result()


class FrameTap:
    """Counts a stream that passes through, untouched. `split`: the frames that some bytes complete."""

    __slots__ = ("_batch", "_batch_bytes", "_blind", "_counter", "_split")

    def __init__(self, split: Callable[[bytes], list[bytes]]) -> None:
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._split = split
        self._counter = Counter()
        self._blind = False

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk`, and give it back."""
        batch = self._batch
        batch.append(chunk)
        self._batch_bytes += len(chunk)
        if len(batch) >= BATCH_CHUNKS_MAX or self._batch_bytes >= BATCH_BYTES_MAX:
            self._look()
        return chunk

    def result(self) -> Tapped:
        """What has been seen so far."""
        self._look()
        return self._counter.result()

    def _look(self) -> None:
        """Read the batch. After bytes that are no frames, or one that is too large, nothing more is read."""
        batch = b"".join(self._batch)
        self._batch.clear()
        self._batch_bytes = 0
        if self._blind:
            return
        try:
            self._counter.count_all(self._split(batch))
        except UpstreamMalformedError:
            self._blind = True


class Tap(FrameTap):
    """Counts a stream of server-sent events."""

    __slots__ = ()

    def __init__(self, peeked: Peek) -> None:  # usage always comes: nothing to take out again
        frames = SseDecoder()
        super().__init__(lambda batch: [frame.data for frame in frames.feed(batch)])


class Counter:
    """What the frames of an answer, however they were framed, amount to."""

    __slots__ = ("_chars", "_failure", "_finish", "_model", "_usage")

    def __init__(self) -> None:
        self._chars = 0
        self._usage = b""  # the last that counted something, not read yet
        self._model: str | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None

    def count_all(self, frames: list[bytes]) -> None:
        """Count frames, each JSON of its own."""
        try:
            read = _FRAMES.decode(b"[%b]" % b",".join(frames))
        except _UNREADABLE:
            for data in frames:
                self.count_one(data)
            return
        for frame in read:
            self._count(frame)

    def count_one(self, data: bytes) -> None:
        """Count a frame that may be none: it passes through all the same."""
        try:
            self._count(_FRAME.decode(data))
        except _UNREADABLE:
            return

    def _count(self, frame: _Frame) -> None:
        self._model = frame.model_version or self._model
        usage = bytes(frame.usage_metadata)
        if _TOLD in usage:
            self._usage = usage
        for candidate in frame.candidates or ():
            if candidate.finish_reason is not None:
                self._end(candidate.finish_reason)
            if candidate.content is not None:
                self._chars += sum(map(_generated, candidate.content.parts or ()))
        if frame.prompt_feedback is not None and frame.prompt_feedback.block_reason is not None:
            self._end(str(frame.prompt_feedback.block_reason))
        if isinstance(frame.error, dict):
            self._failure = failure_of(frame.error)

    def _end(self, reason: Json) -> None:
        finish = finish_of(reason, None, called=False)
        self._finish = self._finish if finish is None else finish.raw

    def result(self) -> Tapped:
        """What has been seen so far."""
        return Tapped(
            usage=_read(self._usage),
            model=self._model,
            finish=self._finish,
            failure=self._failure,
            output_chars=self._chars,
            complete=self._finish is not None,
        )


def _generated(part: _Part) -> int:
    """How many characters the model wrote in `part`. An empty object of arguments it did not write."""
    written = len(part.text or "")
    if part.function_call is not None:
        arguments = bytes(part.function_call.args)
        if arguments not in (b"", b"{}"):
            written += len(arguments.decode(errors="replace"))
        written += len(bytes(part.function_call.partialArgs))
    return written


def _read(usage: bytes) -> Usage | None:
    try:
        return usage_of_counts(_COUNTS.decode(usage)) if usage else None
    except _UNREADABLE:
        return None
