"""The figures of several workers: added up exactly, whoever is asked, whoever has died."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from keywright.server.board import HALF_BYTES, Board
from keywright.server.families import CALLS, FAMILIES, OVERHEAD, STATE, UNKNOWN, Figures, lasting, summed
from keywright.server.metrics import Meters, State, exposition
from tests.store.samples import ENTRY

IDLE = msgspec.convert({field: 0 for field, family in STATE.items() if not family.labels}, State)
numbers = st.integers(0, 2**80)
figures = st.fixed_dictionaries(
    {},
    optional={
        CALLS.name: st.dictionaries(
            st.sampled_from([("a", "b", "ok"), ("a", "b", "failed")]), st.lists(numbers, min_size=1, max_size=1)
        ),
        OVERHEAD.name: st.dictionaries(st.just(()), st.lists(numbers, min_size=10, max_size=10)),
    },
)


def page(meters: Meters, state: State = IDLE) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(exposition(meters, state).decode())
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def workers(board: Board, *places: int) -> list[Meters]:
    made = [Meters() for _ in places]
    for meters, place in zip(made, places, strict=True):
        meters.share(board, place)
    return made


def test_each_field_that_is_read_at_a_scrape_has_its_metric() -> None:
    assert set(STATE) == set(State.__struct_fields__)
    assert all(family.name in FAMILIES for family in STATE.values())


def test_whoever_is_asked_tells_what_all_have_counted() -> None:
    first, second = workers(Board(3), 1, 2)
    for _ in range(3):
        first.settled(ENTRY)
    second.settled(ENTRY)
    second.unknown("invalid_api_key")
    assert second.post(replace(IDLE, running=2, written=5))
    labels = (ENTRY.served, ENTRY.outcome, ENTRY.provider)
    seen = page(first, replace(IDLE, running=1, written=7))
    assert seen["keywright_calls_total", labels] == 4
    assert seen["keywright_unauthenticated_total", ("invalid_api_key",)] == 1
    assert seen["keywright_overhead_seconds_count", ()] == 4
    assert seen["keywright_overhead_seconds_sum", ()] == 4 * ENTRY.overhead_us / 10**6
    assert seen["keywright_calls_running", ()] == 3
    assert seen["keywright_ledger_written_total", ()] == 12
    assert seen["keywright_worker_calls_running", ("1",)] == 1
    assert seen["keywright_worker_calls_running", ("2",)] == 2
    assert page(second, replace(IDLE, running=2, written=5)) == seen  # who told has written its own down before


def test_a_dead_worker_s_counts_stay_and_its_gauges_go() -> None:
    board = Board(3)
    first, second = workers(board, 1, 2)
    first.settled(ENTRY)
    first.post(replace(IDLE, running=5, written=1))
    board.bury(1)
    labels = (ENTRY.served, ENTRY.outcome, ENTRY.provider)
    after = page(second)
    assert (after["keywright_calls_total", labels], after["keywright_ledger_written_total", ()]) == (1, 1)
    assert after["keywright_calls_running", ()] == 0
    (successor,) = workers(board, 1)
    successor.settled(ENTRY)
    successor.post(replace(IDLE, running=1))
    later = page(second)
    assert later["keywright_calls_total", labels] == 2
    assert later["keywright_calls_running", ()] == 1
    assert later["keywright_worker_starts_total", ("1",)] == 2


def test_what_stores_of_secrets_have_said_counts_on_and_what_cannot_be_read_is_of_the_living() -> None:
    board = Board(3)
    first, second = workers(board, 1, 2)
    troubled = replace(IDLE, reads={("vault", "ok"): 3, ("vault", "denied"): 1}, stale={("vault", "denied"): 2})
    first.post(troubled)
    seen = page(second, troubled)
    assert seen["keywright_secret_reads_total", ("ok", "vault")] == 6
    assert seen["keywright_secrets_stale", ("denied", "vault")] == 4
    board.bury(1)
    after = page(second, replace(troubled, stale={}, missing={("vault", "denied"): 1}))
    assert after["keywright_secret_reads_total", ("denied", "vault")] == 2
    assert ("keywright_secrets_stale", ("denied", "vault")) not in after
    assert after["keywright_secrets_missing", ("denied", "vault")] == 1


def test_a_metric_of_its_own_is_counted_and_observed() -> None:
    meters = Meters()
    meters.count(UNKNOWN, ("key_expired",), 2)
    meters.observe(OVERHEAD, 300)
    seen = page(meters)
    assert seen["keywright_unauthenticated_total", ("key_expired",)] == 2
    assert seen["keywright_overhead_seconds_sum", ()] == 0.0003
    assert [seen["keywright_overhead_seconds_bucket", (bound,)] for bound in ("0.00025", "0.0005", "+Inf")] == [0, 1, 1]


def test_figures_that_are_too_many_for_the_board_leave_what_was_there() -> None:
    board = Board(2)
    assert board.read(1) == b""
    assert board.write(1, b"before")
    assert not board.write(1, bytes(HALF_BYTES))
    assert board.read(1) == b"before"


@given(st.lists(figures, max_size=4))
def test_sums_do_not_depend_on_order_nor_on_who_died_before(parts: list[Figures]) -> None:
    total = summed(parts)
    assert total == summed(reversed(parts))
    assert total == summed([summed(parts[:2]), summed(parts[2:])])
    assert lasting(total) == summed(lasting(part) for part in parts)
