"""Does the answer repeat our key? An upstream's answer, without the credential that it was asked with.

A provider's failure may repeat what it was sent, and it may come at any place: as an error's body, as an event in the
middle of a stream, in a header that the client may see. So all of an answer is looked through before anything reads
it. That costs a search per chunk, well under a microsecond. A key that is cut in two by the end of a chunk is found
too: an end that may be the beginning of the key waits for the next chunk. Frames end with a line break, and no key has
one, so that hardly ever happens.

When a provider fails, what it says is cleared of anybody's key besides (`cleared`): some repeat one that was not ours.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from keywright.core.event import Event, Failed
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.core.json import NO_EXTRAS, Extras
from keywright.core.redaction import hide_forms, hide_forms_in
from keywright.pipeline.routes import Credential
from keywright.pipeline.types import Answer

_ERROR: Final = re.compile(rb'event: ?error|"error" ?: ?["{]|"type" ?: ?"error"')
"""What a frame says that tells of an error."""


class RedactedAnswer:
    """`answer`, with `credential` in it replaced by its fingerprint. An `Answer` like the one it is made of."""

    __slots__ = ("_answer", "_credential", "_held", "headers", "status")

    def __init__(self, answer: Answer, credential: Credential) -> None:
        self.status: int = answer.status
        self.headers: tuple[Header, ...] = answer.headers
        """As they came: `visible` gives those that may be shown."""
        self._answer = answer
        self._credential = credential
        self._held = b""

    @property
    def length(self) -> int | None:
        """Of the body as it comes, where it is known."""
        return self._answer.length

    def visible(self, names: frozenset[bytes]) -> tuple[Header, ...]:
        """The headers with one of these names."""
        redact = self._credential.redact
        return tuple([(name, redact(value)) for name, value in self.headers if name in names])

    async def read(self, bytes_max: int) -> bytes:
        """The whole body. Raises what the answer's own `read` raises."""
        return self._credential.redact(await self._answer.read(bytes_max))

    async def chunk(self) -> bytes:
        """The next piece of the body, b"" at its end. Raises what the answer's own `chunk` raises."""
        while piece := await self._answer.chunk():
            text = self._redacted(piece)
            if text:
                return text
        held, self._held = self._held, b""
        return held

    async def relay(self, take: Callable[[bytes], None]) -> None:
        """Every piece of the body to `take`, the moment it comes. Raises what the answer's own `relay` raises."""

        def take_redacted(piece: bytes) -> None:
            text = self._redacted(piece)
            if text:
                take(text)

        await self._answer.relay(take_redacted)
        if self._held:
            held, self._held = self._held, b""
            take(held)

    def pause(self) -> None:
        """Stop reading it."""
        self._answer.pause()

    def resume(self) -> None:
        """Read it again."""
        self._answer.resume()

    def abort(self) -> None:
        """Be done with it."""
        self._answer.abort()

    def _redacted(self, piece: bytes) -> bytes:
        """What may be shown of `piece` and of what was held before it. What may begin the key is held."""
        text = self._credential.redact(self._held + piece if self._held else piece)
        begun = self._credential.begun(text)
        if not begun:
            self._held = b""
            return text
        self._held = text[-begun:]
        return text[:-begun]


def cleared(failure: Failure) -> Failure:
    """`failure` without anybody's key."""
    return msgspec.structs.replace(
        failure,
        message=hide_forms(failure.message),
        code=hide_forms(failure.code),
        param=failure.param and hide_forms(failure.param),
        raw_type=failure.raw_type and hide_forms(failure.raw_type),
        extras=_extras(failure.extras) if failure.extras else failure.extras,
    )


def cleared_frame(frame: bytes) -> bytes:
    """The beginning of a stream without anybody's key, if it tells of an error; else as it is."""
    return hide_forms_in(frame) if b"rror" in frame and _ERROR.search(frame) else frame


def without_keys(events: Sequence[Event]) -> Sequence[Event]:
    """`events`, those of which that tell of a failure without anybody's key."""
    return [Failed(cleared(event.failure)) if isinstance(event, Failed) else event for event in events]


def _extras(extras: Extras) -> Extras:
    """What else was said, as far as it is still JSON without anybody's key."""
    try:
        return msgspec.json.decode(hide_forms_in(msgspec.json.encode(extras)), type=Extras)
    except msgspec.DecodeError:
        return NO_EXTRAS
