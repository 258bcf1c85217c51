"""The verbatim lane: what policy must know of a body, and counting what passes through untouched.

A body may name its model, as some servers of this wire want it; TGI's own does not, and goes through as it is.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Struct

from keywright.core.dialect import BODY_SAYS, TEXT, PathSaid, Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.extent import KEPT
from keywright.dialects.members import FLAG, TOKENS, Peeked, members_of, walked
from keywright.dialects.sse import SseDecoder
from keywright.dialects.tgi.details import usage_of, whole_usage
from keywright.dialects.tgi.error import failure_of
from keywright.dialects.tgi.stop import stopped

BATCH_BYTES_MAX: Final = 16 * 1024
"""How much of a stream is kept unread."""

FRAME_BYTES_MAX: Final = 1024 * 1024
"""How large a frame is still read that comes in pieces."""

TEXT_CHARS_MAX: Final = 256 * 1024
"""How much text is kept for the last frame, which says all of it."""

BEST_OF_MAX: Final = 128
_PICTURE: Final = b"!["
"""How a picture begins in a prompt."""
RELIED: Final = frozenset(("inputs", "model", "parameters", "stream"))
"""The members that policy acts on, here or after decoding."""

_PARAMETERS_RELIED: Final = frozenset(("best_of", "max_new_tokens"))
_MODEL: Final = msgspec.json.Decoder(str | None)
_BEST_OF: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=BEST_OF_MAX)] | None)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Token(Struct):
    text: str = ""
    special: bool = False


class _Frame(Struct):
    """The little of a frame, or of a whole answer, that is counted."""

    index: int | None = None
    token: _Token | None = None
    generated_text: str | None = None
    details: JsonObject | None = None
    error: msgspec.Raw = msgspec.Raw()


_FRAME: Final = msgspec.json.Decoder(_Frame)
_WHOLE: Final = msgspec.json.Decoder(list[_Frame] | _Frame)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`, and of the path: the model, and whether a stream is wanted.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, RELIED)
    limit = best_of = None
    raw = members.values.get("parameters")
    if raw is not None and bytes(raw) != b"null":
        parameters = walked(bytes(raw), _PARAMETERS_RELIED)
        limit, best_of = parameters.value("max_new_tokens", TOKENS), parameters.value("best_of", _BEST_OF)
    return Peeked(
        model=said.model or members.value("model", _MODEL) or "",
        stream=bool(members.value("stream", FLAG)) or said.stream,
        input_bytes=len(body),
        output_tokens_max=limit,
        choices=best_of or 1,
        beyond=KEPT if _PICTURE in body else TEXT,
        members=members,
    )


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name replaced, if it names one; all else byte for byte."""
    members = members_of(peeked, body, RELIED)
    return members.edited({"model": msgspec.json.encode(model)}) if "model" in members.values else body


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises: of a body that cannot be read, nothing is known."""
    try:
        read = _WHOLE.decode(body)
    except _UNREADABLE:
        return Tapped()
    answer = read if isinstance(read, _Frame) else read[0] if read else _Frame()
    return Tapped(
        usage=whole_usage(answer.details or {}),
        finish=_finish(answer.details),
        failure=_failure(body) if bytes(answer.error) else None,
        output_chars=len(answer.generated_text or ""),
        complete=answer.generated_text is not None,
    )


class Tap:
    """Counts a stream that passes through, untouched. Chunks are read in batches of `BATCH_BYTES_MAX`."""

    def __init__(self, peeked: Peek) -> None:
        del peeked  # usage always comes: nothing to take out again
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._frames = SseDecoder(FRAME_BYTES_MAX)
        self._texts: list[str] = []
        self._index = 0
        self._chars = 0
        self._usage: Usage | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None
        self._complete = False

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk`, and give it back."""
        self._batch.append(chunk)
        self._batch_bytes += len(chunk)
        if self._batch_bytes > BATCH_BYTES_MAX:
            self._look()
        return chunk

    def result(self) -> Tapped:
        """What has been seen so far."""
        self._look()
        return Tapped(self._usage, None, self._finish, self._failure, self._chars, self._complete)

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._chars + self._batch_bytes + self._frames.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a frame."""
        return self._frames.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """The frame that ends the answer; None when it has ended."""
        if self._complete or self._failure is not None:
            return None
        return stopped(self._index + 1, "".join(self._texts), usage)

    def _look(self) -> None:
        """Read the batch, and forget it."""
        batch = b"".join(self._batch)
        self._batch.clear()
        self._batch_bytes = 0
        try:
            frames = self._frames.feed(batch)
        except UpstreamMalformedError:  # its size is all that is counted
            self._frames = SseDecoder(FRAME_BYTES_MAX)
            self._chars += len(batch)
            return
        for frame in frames:
            self._count(frame.data)

    def _count(self, data: bytes) -> None:
        try:
            frame = _FRAME.decode(data)
        except _UNREADABLE:
            return  # it passes through all the same
        if bytes(frame.error):
            self._failure = _failure(data)
        self._index = frame.index or self._index
        if frame.token is not None and not frame.token.special:
            self._chars += len(frame.token.text)
            if self._chars <= TEXT_CHARS_MAX:
                self._texts.append(frame.token.text)
        if frame.generated_text is not None:
            details = frame.details or {}
            self._complete = True
            self._finish = _finish(details)
            self._usage = usage_of(details.get("input_length"), details.get("generated_tokens"))


def _finish(details: JsonObject | None) -> str | None:
    word = (details or {}).get("finish_reason")
    return word if isinstance(word, str) else None


def _failure(data: bytes) -> Failure | None:
    """The failure that an object with an `error` reports; a null is none."""
    value = msgspec.json.decode(data)
    fields = value[0] if isinstance(value, list) else value
    return failure_of(fields) if isinstance(fields, dict) and fields.get("error") else None
