"""Records are found again whatever happened to the bytes around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import StoreError
from keywright.ledger.frame import FILE_MAGIC, Damage, Record, entry_record, records, reservation_record

PAYLOADS = (b"first", b"the second", b"third kwe\x01 with a magic within", b"4")
WHOLE = [Record("entry" if at % 2 else "reservation", payload) for at, payload in enumerate(PAYLOADS)]
FRAMED = [
    entry_record(record.payload) if at % 2 else reservation_record(record.payload) for at, record in enumerate(WHOLE)
]
SEGMENT = FILE_MAGIC + b"".join(FRAMED)
ENDS = [len(FILE_MAGIC) + sum(map(len, FRAMED[:count])) for count in range(len(FRAMED) + 1)]
SPARE = bytes(100)


def test_records_come_back_in_their_order() -> None:
    assert list(records(SEGMENT + SPARE)) == WHOLE
    assert list(records(SEGMENT)) == WHOLE


@pytest.mark.parametrize("filler", [b"", SPARE], ids=["short file", "zeros"])
def test_a_last_record_that_is_torn_at_any_byte_is_passed_over(filler: bytes) -> None:
    for cut in range(ENDS[-2], ENDS[-1]):
        assert list(records(SEGMENT[:cut] + filler)) == WHOLE[:-1]


def test_a_last_record_whose_start_is_missing_is_passed_over() -> None:
    for cut in range(ENDS[-2] + 1, ENDS[-1]):
        assert list(records(SEGMENT[: ENDS[-2]] + bytes(cut - ENDS[-2]) + SEGMENT[cut:] + SPARE)) == WHOLE[:-1]


@pytest.mark.parametrize("broken", range(3))
def test_a_wrong_byte_anywhere_in_a_record_costs_that_record_only(broken: int) -> None:
    for place in range(ENDS[broken], ENDS[broken + 1]):
        data = bytearray(SEGMENT + SPARE)
        data[place] ^= 0x40
        found = list(records(bytes(data)))
        assert found == [*WHOLE[:broken], Damage(ENDS[broken], ENDS[broken + 1]), *WHOLE[broken + 1 :]]


def test_a_page_of_zeros_in_the_middle_costs_only_what_it_covers() -> None:
    data = SEGMENT[: ENDS[1] + 3] + bytes(ENDS[2] + 5 - ENDS[1] - 3) + SEGMENT[ENDS[2] + 5 :]
    assert list(records(data)) == [WHOLE[0], Damage(ENDS[1], ENDS[3]), WHOLE[3]]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_failing(noise: bytes) -> None:
    assert all(isinstance(found, Record | Damage) for found in records(FILE_MAGIC + noise))


@pytest.mark.parametrize("head", [b"", b"kws", bytes(8), b"kws\0\0\0\0\0", bytes(4096)])
def test_a_file_torn_while_it_was_made_is_empty(head: bytes) -> None:
    assert list(records(head)) == []


def test_a_spool_of_a_newer_format_is_refused() -> None:
    with pytest.raises(StoreError, match="format 2, this version of Keywright reads format 1"):
        list(records(b"kwspool\x02" + SEGMENT[8:]))


def test_a_file_that_is_no_spool_is_refused() -> None:
    with pytest.raises(StoreError, match="no spool"):
        list(records(b"dear diary, today"))
