"""Whatever a call was, its entry fits the room that was set aside for it, and loses as little as needed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.entry import Attempt, Entry, Reservation
from keywright.core.errors import StoreError
from keywright.core.usage import Usage
from keywright.ledger.fit import encode, fitting_entry, fitting_reservation, packed_reservation
from keywright.ledger.frame import PAYLOAD_BYTES_MAX
from tests.store.samples import ENTRY, RESERVATION

LONG = "\N{GRINNING FACE}" * 5000
ATTEMPT = ENTRY.attempts[0]

texts = st.text(st.characters(), max_size=30) | st.just(LONG) | st.just("\ud800")
numbers = st.integers(-(2**70), 2**70)
attempts = st.builds(
    Attempt, provider=texts, model=texts, credential=texts, result=texts, status=numbers, took_us=numbers
)
entries = st.builds(
    Entry,
    id=st.just("req_1"),
    **dict.fromkeys(("key_id", "project", "dialect", "endpoint", "model", "served", "provider"), texts),
    **dict.fromkeys(("credential", "code", "decision", "price"), texts),
    **dict.fromkeys(("started_us", "status", "cost_picodollars", "total_us", "first_byte_us", "overhead_us"), numbers),
    outcome=st.just("ok"),
    attempts=st.lists(attempts, max_size=20).map(tuple),
    usage=st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, numbers)),
    tags=st.lists(st.tuples(texts, texts), max_size=20).map(tuple),
    losses=st.lists(texts, max_size=20).map(tuple),
)


@given(entries)
def test_any_entry_fits(entry: Entry) -> None:
    fitted = fitting_entry(entry)
    assert len(encode(fitted)) <= PAYLOAD_BYTES_MAX
    assert fitted.id == entry.id


@given(entries)
def test_any_reservation_fits(entry: Entry) -> None:
    values = {name: getattr(entry, name) for name in Reservation.__struct_fields__ if name != "worst_picodollars"}
    fitted = fitting_reservation(Reservation(**values, worst_picodollars=entry.cost_picodollars))
    assert len(encode(fitted)) <= PAYLOAD_BYTES_MAX
    assert fitted.id == entry.id


def test_what_fits_is_not_touched() -> None:
    assert fitting_entry(ENTRY) == ENTRY
    assert fitting_reservation(RESERVATION) == RESERVATION


def test_losses_go_before_tags_and_tags_before_attempts() -> None:
    losses, tags, attempts_ = (LONG[:1500],) * 3, (("team", LONG[:1500]),) * 2, (ATTEMPT,) * 100
    long_losses = fitting_entry(replace(ENTRY, losses=losses))
    assert long_losses == replace(ENTRY, losses=("3 losses, too long to keep",))
    long_tags = fitting_entry(replace(ENTRY, tags=tags, losses=()))
    assert long_tags == replace(ENTRY, tags=(("keywright", "2 tags, too long to keep"),), losses=())
    long_attempts = fitting_entry(replace(ENTRY, attempts=(*attempts_, ENTRY.attempts[1]), tags=(), losses=()))
    assert long_attempts == replace(ENTRY, tags=(), losses=())


def test_money_and_usage_survive_the_longest_texts() -> None:
    fitted = fitting_entry(replace(ENTRY, model=LONG, served=LONG, decision=LONG, price=LONG))
    assert (fitted.cost_picodollars, fitted.usage) == (ENTRY.cost_picodollars, ENTRY.usage)


def test_a_reservation_with_the_longest_tags_can_be_read_again() -> None:
    tags = tuple((f"{number:02}" + "\U0001f511" * 126, "\U0001f511" * 128) for number in range(16))
    reservation = Reservation("call", 0, "key", "p", "openai", "chat", "m", 5, ("bud@0",), ("bud@0",), tags=tags)
    payload = packed_reservation(reservation)
    assert len(payload) <= PAYLOAD_BYTES_MAX
    kept = msgspec.msgpack.decode(payload, type=Reservation)
    assert (kept.worst_picodollars, kept.reserved, kept.charged) == (5, ("bud@0",), ("bud@0",))


def test_a_call_of_more_budgets_than_a_record_holds_is_refused_before_it_begins() -> None:
    accounts = tuple(f"bud_{number:024}@1764028800" for number in range(120))
    with pytest.raises(StoreError, match="budgets"):
        packed_reservation(Reservation("call", 0, "key", "p", "openai", "chat", "m", 5, accounts, accounts))
