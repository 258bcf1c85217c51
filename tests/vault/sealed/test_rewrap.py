"""Every secret comes under the first key, its ciphertext untouched, whatever happens on the way."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_bytes
from time import perf_counter

import pytest

from keywright.core.errors import SecretError
from keywright.core.sealed import SECRET, SELF_TEST, Rewrapping
from keywright.core.secret import Secret
from keywright.vault.backends.sealed import SealedBackend
from keywright.vault.kek import Kek
from keywright.vault.reference import Reference
from keywright.vault.sealed.rewrap import FAILURES_IN_A_ROW_MAX, Rewrapped, rewrap
from keywright.vault.sealed.ring import Ring
from tests.acceptance.scale import SOAK, sized
from tests.vault.sealed.filling import fill, opens
from tests.vault.sealed.samples import FarKek, local_kek
from tests.vault.sealed.shelves import Desk, opened

OLD, NEW = local_kek("old"), local_kek("new")
ROWS = 23
BATCH_ROWS = 5


def run(desk: Desk, *keks: Kek, batch_rows: int = BATCH_ROWS) -> tuple[Rewrapped, list[tuple[int, int]]]:
    """What a run came to, and the progress it told."""
    told: list[tuple[int, int]] = []
    ring = Ring(keks, desk.shelf, "acme", token_bytes)
    return rewrap(desk.shelf, ring, "acme", lambda done, total: told.append((done, total)), batch_rows), told


def test_all_come_under_the_first_key_in_batches_and_no_ciphertext_changes(desk: Desk) -> None:
    fill(desk, OLD, ROWS)
    before = desk.rows()
    came, told = run(desk, NEW, OLD)
    assert came == Rewrapped(ROWS, ())
    assert told == [(done, ROWS) for done in (0, 5, 10, 15, 20, 23)]
    assert desk.run(desk.kept.kek_uses()) == {NEW.id: ROWS}
    after = [row for row in desk.rows() if row.purpose == SECRET]
    assert [row.ciphertext for row in after] == [row.ciphertext for row in before if row.purpose == SECRET]
    assert not {row.data_key for row in after} & {row.data_key for row in before}
    assert opens(desk, NEW) == ROWS
    assert run(desk, NEW) == (Rewrapped(0, ()), [(0, 0)])


def test_both_versions_of_a_secret_come_under_the_first_key(sqlite_desk: Desk) -> None:
    backend = SealedBackend(sqlite_desk.shelf, (OLD,), "acme")
    reference = Reference("sealed", "openai")
    for value in ("sk-1", "sk-2"):
        backend.write(reference, Secret(value))
    run(sqlite_desk, NEW, OLD, batch_rows=1)
    backend = SealedBackend(sqlite_desk.shelf, (NEW,), "acme")
    assert backend.read(reference).secret.reveal() == "sk-2"
    assert backend.previous(reference).secret.reveal() == "sk-1"


def test_another_tenants_secrets_and_all_self_tests_stay_as_they_are(sqlite_desk: Desk) -> None:
    fill(sqlite_desk, OLD, 3, tenant="bell")
    fill(sqlite_desk, OLD, 3)
    before = sqlite_desk.rows()
    run(sqlite_desk, NEW, OLD)
    after = sqlite_desk.rows()
    for row in before:
        if row.tenant == "bell" or row.purpose == SELF_TEST:
            assert row in after


def test_two_runs_at_once_do_no_harm(desk: Desk) -> None:
    fill(desk, OLD, ROWS)
    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(lambda _: run(desk, NEW, OLD, batch_rows=2), range(2)))
    assert all(came.left == () for came, _ in runs)
    assert desk.run(desk.kept.kek_uses()) == {NEW.id: ROWS}
    assert opens(desk, NEW) == ROWS


def test_what_is_written_while_it_runs_is_kept_as_it_was_written(desk: Desk) -> None:
    fill(desk, OLD, ROWS)
    backend = SealedBackend(desk.shelf, (NEW, OLD), "acme")
    names = [reference.name for reference in backend.names()]
    ring = Ring((NEW, OLD), desk.shelf, "acme", token_bytes)

    def unwrapped_already(_: int, __: int) -> None:
        """Between two batches: one secret is replaced that is behind, one that is ahead."""
        for name in (names[0], names[-1]):
            backend.write(Reference("sealed", name), Secret("sk-written-meanwhile"))
            backend.forget(Reference("sealed", name))

    rewrap(desk.shelf, ring, "acme", unwrapped_already, BATCH_ROWS)
    for name in (names[0], names[-1]):
        assert backend.read(Reference("sealed", name)).secret.reveal() == "sk-written-meanwhile"
    assert desk.run(desk.kept.kek_uses()) == {NEW.id: ROWS}


def test_a_row_that_was_replaced_after_it_was_unwrapped_is_not_touched(desk: Desk) -> None:
    fill(desk, OLD, 1)
    row = next(row for row in desk.rows() if row.purpose == SECRET)
    rewrapping = Rewrapping(row.tenant, row.name, row.version, row.data_key + b"x", NEW.id, b"other")
    desk.shelf.rewrap([rewrapping])
    assert row in desk.rows()


def test_a_damaged_row_is_told_of_and_the_others_come_under_the_first_key(sqlite_desk: Desk) -> None:
    fill(sqlite_desk, OLD, ROWS)
    row = [row for row in sqlite_desk.rows() if row.purpose == SECRET][7]
    sqlite_desk.change(row, data_key=row.data_key[:-1])
    came, told = run(sqlite_desk, NEW, OLD)
    assert [(left.name, left.version) for left in came.left] == [(row.name, 1)]
    assert "damaged" in came.left[0].why
    assert (came.done, told[-1]) == (ROWS - 1, (ROWS, ROWS))
    assert sqlite_desk.run(sqlite_desk.kept.kek_uses()) == {OLD.id: 1, NEW.id: ROWS - 1}


def test_a_service_that_goes_down_ends_it_at_once_and_it_goes_on_where_it_was(sqlite_desk: Desk) -> None:
    old, new = FarKek("old", "one"), FarKek("new", "two")
    fill(sqlite_desk, old, ROWS)
    ring = Ring((new, old), sqlite_desk.shelf, "acme", token_bytes)
    before = old.unwraps

    def goes_down(done: int, _: int) -> None:
        old.down = done >= 10

    with pytest.raises(
        SecretError, match=f"{FAILURES_IN_A_ROW_MAX} sealed secrets in a row .*far://old cannot be reac"
    ):
        rewrap(sqlite_desk.shelf, ring, "acme", goes_down, 10)
    old.down = False
    assert sqlite_desk.run(sqlite_desk.kept.kek_uses()) == {old.id: ROWS - 10, new.id: 10}
    assert run(sqlite_desk, new, old)[0] == Rewrapped(ROWS - 10, ())
    assert old.unwraps - before == ROWS + 2, "each data key is unwrapped once, and the key is proved by each run"


def test_nothing_is_wrapped_by_a_key_that_is_not_the_right_one(sqlite_desk: Desk) -> None:
    fill(sqlite_desk, OLD, 3)
    fill(sqlite_desk, FarKek("new", "right"), 0, beside=OLD)
    before = sqlite_desk.rows()
    with pytest.raises(SecretError, match="the self-test of the key far://new fails"):
        run(sqlite_desk, FarKek("new", "wrong"), OLD)
    assert sqlite_desk.rows() == before


@pytest.mark.timeout(900 if SOAK else 60)
def test_many_secrets_come_under_the_first_key(tmp_path: Path) -> None:
    rows = sized(2_000, 100_000)
    with opened(f"sqlite:///{tmp_path}/keywright.db") as desk:
        fill(desk, OLD, rows)
        began = perf_counter()
        came, told = run(desk, NEW, OLD, batch_rows=500)
        took_s = perf_counter() - began
        assert came == Rewrapped(rows, ())
        assert [done for done, _ in told] == list(range(0, rows + 1, 500))
        assert desk.run(desk.kept.kek_uses()) == {NEW.id: rows}
        assert opens(desk, NEW) == rows
        assert took_s < rows / 500, "a batch takes less than a second"
