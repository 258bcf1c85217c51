"""However an answer is cut into chunks, the key that it repeats is not in what is read of it."""

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from keywright.core.http import Header
from keywright.core.secret import Secret
from keywright.pipeline.redacted import RedactedAnswer
from keywright.vault.credential import BearerCredential, Credential, NoCredential

KEY = b"abcabd"
KEYED = BearerCredential("test", Secret(KEY.decode()))
SHOWN = f"<secret {KEYED.fingerprint}>".encode()


class Said:
    """An answer that comes in these chunks."""

    def __init__(self, chunks: list[bytes], headers: tuple[Header, ...] = ()) -> None:
        self.status = 200
        self.length: int | None = None
        self.headers = headers
        self.aborted = False
        self.paused = False
        self._chunks = chunks

    async def read(self, bytes_max: int) -> bytes:
        return b"".join(self._chunks)[:bytes_max]

    async def chunk(self) -> bytes:
        return self._chunks.pop(0) if self._chunks else b""

    async def relay(self, take: Callable[[bytes], None]) -> None:
        while piece := await self.chunk():
            take(piece)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def abort(self) -> None:
        self.aborted = True


def chunks_of(chunks: list[bytes], credential: Credential = KEYED) -> list[bytes]:
    """What is read of an answer in `chunks`, piece by piece: the same whether it is asked for or handed on."""

    async def relayed() -> list[bytes]:
        taken: list[bytes] = []
        await RedactedAnswer(Said(list(chunks)), credential).relay(taken.append)
        return taken

    async def read() -> list[bytes]:
        answer = RedactedAnswer(Said(list(chunks)), credential)
        pieces = []
        while piece := await answer.chunk():
            pieces.append(piece)
        assert await answer.chunk() == b""
        return pieces

    pieces = asyncio.run(read())
    assert asyncio.run(relayed()) == pieces
    return pieces


@given(st.lists(st.text("abcd\n", min_size=1, max_size=8).map(str.encode), max_size=20))
def test_chunks_are_what_the_whole_would_be(chunks: list[bytes]) -> None:
    assert b"".join(chunks_of(chunks)) == b"".join(chunks).replace(KEY, SHOWN)


def test_a_key_that_comes_byte_by_byte_is_found() -> None:
    assert b"".join(chunks_of([bytes((byte,)) for byte in b"x" + KEY + b"y"])) == b"x" + SHOWN + b"y"


def test_a_chunk_that_does_not_end_like_the_key_begins_is_passed_on_at_once() -> None:
    frames = [b'data: {"a": 1}\n\n', b"data: abc\n\n", b"no more"]
    assert chunks_of(frames) == frames


def test_the_beginning_of_a_key_that_is_none_comes_out_in_the_end() -> None:
    assert chunks_of([b"so abc", b"ab"]) == [b"so ", b"abcab"]


def test_without_a_key_nothing_is_changed() -> None:
    assert chunks_of([b"abc", KEY], NoCredential("test")) == [b"abc", KEY]


async def test_a_whole_body_and_the_headers_that_are_shown_hold_no_key() -> None:
    said = Said([b"it is ", KEY], ((b"x-request-id", b"r-" + KEY), (b"server", KEY)))
    answer = RedactedAnswer(said, KEYED)
    assert await answer.read(100) == b"it is " + SHOWN
    assert answer.visible(frozenset({b"x-request-id", b"retry-after"})) == ((b"x-request-id", b"r-" + SHOWN),)
    answer.pause()
    assert said.paused
    answer.resume()
    assert not said.paused
    answer.abort()
    assert said.aborted
