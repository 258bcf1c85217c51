"""Counting an answer that passes through untouched.

The taps cost next to nothing per chunk: they keep chunks and read them in batches, of which the frames, joined by
commas, are one JSON array and one call of the decoder.
"""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from msgspec import Raw, Struct

from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json
from keywright.core.usage import Usage
from keywright.dialects.gemini.error import failure_of
from keywright.dialects.gemini.finish import finish_of
from keywright.dialects.gemini.stop import stopped
from keywright.dialects.gemini.usage import Counts, usage_of_counts
from keywright.dialects.sse import SseDecoder, data_frame

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
    index: int | None = 0
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


class Framing(Protocol):
    """Where frames end."""

    @property
    def rest_bytes(self) -> int: ...
    def frame_end(self, data: bytes) -> int: ...


class FrameTap:
    """Counts a stream that passes through, untouched. `split`: the frames that some bytes complete."""

    __slots__ = ("_batch", "_batch_bytes", "_blind", "_counter", "_framing", "_split")

    def __init__(self, framing: Framing, split: Callable[[bytes], list[bytes]]) -> None:
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._framing = framing
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

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._counter.chars + self._batch_bytes + self._framing.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a frame."""
        return self._framing.frame_end(data)

    def last_frame(self, usage: Usage) -> bytes | None:
        """The frame that ends every candidate that has not ended; None when all have."""
        return self._counter.last_frame(usage)

    def _look(self) -> None:
        """Read the batch. After bytes that are no frames, or one that is too large, sizes are all that is counted."""
        batch = b"".join(self._batch)
        self._batch.clear()
        self._batch_bytes = 0
        if self._blind:
            self._counter.chars += len(batch)
            return
        try:
            self._counter.count_all(self._split(batch))
        except UpstreamMalformedError:
            self._blind = True
            self._counter.chars += len(batch)


class Tap(FrameTap):
    """Counts a stream of server-sent events."""

    __slots__ = ()

    def __init__(self, peeked: Peek) -> None:  # usage always comes: nothing to take out again
        frames = SseDecoder()
        super().__init__(frames, lambda batch: [frame.data for frame in frames.feed(batch)])

    def stop(self, usage: Usage) -> bytes | None:
        """What ends the answer; None when it has ended."""
        frame = self.last_frame(usage)
        return None if frame is None else data_frame(frame)


class Counter:
    """What the frames of an answer, however they were framed, amount to."""

    __slots__ = ("_failure", "_finish", "_last", "_model", "_open", "_usage", "chars")

    def __init__(self) -> None:
        self.chars = 0
        self._last = b""  # the last frame
        self._open = {0}  # the candidates that have not ended
        self._usage = b""  # the last that counted something, not read yet
        self._model: str | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None

    def count_all(self, frames: list[bytes]) -> None:
        """Count frames, each JSON of its own."""
        if frames:
            self._last = frames[-1]
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
            if candidate.index:
                self._open.add(candidate.index)
            if candidate.finish_reason is not None:
                self._end(candidate.finish_reason, candidate.index or 0)
            if candidate.content is not None:
                self.chars += sum(map(_generated, candidate.content.parts or ()))
        if frame.prompt_feedback is not None and frame.prompt_feedback.block_reason is not None:
            self._end(str(frame.prompt_feedback.block_reason), 0)
        if isinstance(frame.error, dict):
            self._failure = failure_of(frame.error)

    def _end(self, reason: Json, index: int) -> None:
        finish = finish_of(reason, None, called=False)
        if finish is not None:
            self._finish = finish.raw
            self._open.discard(index)

    def last_frame(self, usage: Usage) -> bytes | None:
        """The frame that ends every candidate that has not ended; None when all have."""
        return None if self._failure is not None or not self._open else stopped(self._last, sorted(self._open), usage)

    def result(self) -> Tapped:
        """What has been seen so far."""
        counts = _read(self._usage)
        return Tapped(
            usage=None if counts is None else usage_of_counts(counts),
            model=self._model,
            finish=self._finish,
            failure=self._failure,
            output_chars=self.chars,
            complete=self._finish is not None,
            tier="" if counts is None else counts.tier,
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


def _read(usage: bytes) -> Counts | None:
    try:
        return _COUNTS.decode(usage) if usage else None
    except _UNREADABLE:
        return None
