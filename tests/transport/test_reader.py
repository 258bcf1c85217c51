"""The parser by itself: what it says does not depend on where its input is cut, and no input breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.transport.reader import AnswerReader
from keywright.transport.settings import PoolSettings
from tests.transport.test_hostile import ENDED, FOLLOWED, KEPT, MALFORMED_BODIES, MALFORMED_HEADS

SETTINGS = PoolSettings()


class Verdict:
    """What a reader made of some input, fed in `pieces`, stopping where a connection would."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.reader = AnswerReader(SETTINGS)
        self.reader.expect(head_only=False)
        self.problem: str | None = None
        self.body = b""
        for piece in pieces:
            self.problem = self.reader.feed(piece)
            self.body += self.reader.body()
            if self.problem is not None or self.reader.complete:
                break


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


SHORT = {name: data for name, data in {**MALFORMED_HEADS, **MALFORMED_BODIES}.items() if len(data) < 5000}


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("data", SHORT.values(), ids=SHORT)
def test_what_is_malformed_is_malformed_however_it_comes(data: bytes, size: int) -> None:
    verdict = Verdict(cut(data, size))
    assert verdict.problem is not None
    assert not verdict.reader.complete


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("data", [*KEPT.values(), *ENDED.values(), *FOLLOWED.values()])
def test_what_is_well_formed_is_the_same_however_it_comes(data: bytes, size: int) -> None:
    whole, pieces = Verdict([data]), Verdict(cut(data, size))
    assert pieces.reader.complete
    assert (pieces.reader.status, pieces.reader.headers(), pieces.body, pieces.reader.keeps) == (
        whole.reader.status,
        whole.reader.headers(),
        whole.body,
        whole.reader.keeps,
    )


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8))
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    verdict = Verdict(pieces)
    assert not verdict.reader.status or pieces[0].startswith(b"H")


@given(
    st.sampled_from([*KEPT.values(), *ENDED.values(), *MALFORMED_BODIES.values()]),
    st.integers(0, 200),
    st.binary(max_size=4),
    st.integers(0, 4),
)
def test_no_damaged_answer_breaks_it(data: bytes, at: int, put: bytes, drop: int) -> None:
    damaged = data[:at] + put + data[at + drop :]
    for pieces in ([damaged], cut(damaged[:2000], 3)):
        reader = Verdict(pieces).reader if damaged else None
        assert reader is None or not reader.complete or 200 <= reader.status <= 599


def test_bytes_beyond_the_head_limit_are_refused_before_they_are_kept() -> None:
    reader = AnswerReader(PoolSettings(head_bytes_max=100))
    reader.expect(head_only=False)
    assert reader.feed(b"HTTP/1.1 200 OK\r\na: " + b"b" * 60) is None
    assert reader.feed(b"b" * 60) == "too long a head"
