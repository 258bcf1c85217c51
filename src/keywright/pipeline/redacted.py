"""Does the answer repeat our key? An upstream's answer, without the credential that it was asked with.

A provider's failure may repeat what it was sent, and it may come at any place: as an error's body, as an event in the
middle of a stream, in a header that the client may see. So all of an answer is looked through before anything reads
it. That costs a search per chunk, well under a microsecond. A key that is cut in two by the end of a chunk is found
too: an end that may be the beginning of the key waits for the next chunk. Frames end with a line break, and no key has
one, so that hardly ever happens.
"""

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

    def visible(self, names: frozenset[bytes]) -> tuple[Header, ...]:
        """The headers with one of these names."""
        redact = self._credential.redact
        return tuple([(name, redact(value)) for name, value in self.headers if name in names])

    async def read(self, bytes_max: int) -> bytes:
        """The whole body. Raises what the answer's own `read` raises."""
        return self._credential.redact(await self._answer.read(bytes_max))

    async def chunk(self) -> bytes:
        """The next piece of the body, b"" at its end. Raises what the answer's own `chunk` raises."""
        while True:
            piece = await self._answer.chunk()
            if not piece:
                held, self._held = self._held, b""
                return held
            text = self._credential.redact(self._held + piece if self._held else piece)
            end = len(text) - self._credential.begun(text)
            if end == len(text):
                self._held = b""
                return text
            self._held = text[end:]
            if end:
                return text[:end]

    def abort(self) -> None:
        """Be done with it."""
        self._answer.abort()
