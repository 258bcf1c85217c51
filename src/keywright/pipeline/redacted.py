"""Does the answer repeat our key? An upstream's answer, without the credential that it was asked with.

A provider's failure may repeat what it was sent, and it may come at any place: as an error's body, as an event in the
middle of a stream, in a header that the client may see. So all of an answer is looked through before anything reads
it. That costs a search per chunk, well under a microsecond. A key that is cut in two by the end of a chunk is found
too: an end that may be the beginning of the key waits for the next chunk. Frames end with a line break, and no key has
one, so that hardly ever happens.
"""

from collections.abc import Callable

from keywright.core.http import Header
from keywright.pipeline.routes import Credential
from keywright.pipeline.types import Answer


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
