"""A key is shown to be the right one before anything depends on it; a wrong one is refused and changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from secrets import token_bytes

import pytest

from keywright.core.errors import SecretError
from keywright.core.sealed import SELF_TEST
from keywright.core.secret import Secret
from keywright.vault.backends.sealed import SealedBackend
from keywright.vault.kek import Kek
from keywright.vault.keks.local import LocalKek
from keywright.vault.reference import Reference
from keywright.vault.sealed.ring import KEKS_MAX
from tests.vault.sealed.samples import FarKek, key_of, local_kek
from tests.vault.sealed.shelves import Desk

OPENAI = Reference("sealed", "openai")
ONE, TWO = local_kek("one"), local_kek("two")


def backend_of(desk: Desk, *keks: Kek) -> SealedBackend:
    return SealedBackend(desk.shelf, keks, "acme")


def filled(desk: Desk, *keks: Kek) -> None:
    """Let the store have one secret, sealed under the first of `keks`."""
    backend_of(desk, *keks).write(OPENAI, Secret("sk-1"))


def is_refused_and_changes_nothing(desk: Desk, backend: SealedBackend) -> str:
    """Why: the same for reading, writing, and the test of a start."""
    before = desk.rows()
    for question in (
        lambda: backend.read(OPENAI),
        lambda: backend.write(OPENAI, Secret("sk-2")),
        lambda: backend.write(Reference("sealed", "new"), Secret("sk-2")),
        backend.prove,
    ):
        with pytest.raises(SecretError):
            question()
    with pytest.raises(SecretError) as caught:
        backend.prove()
    assert desk.rows() == before
    return str(caught.value)


def test_another_key_in_the_place_of_the_right_one_is_refused(desk: Desk) -> None:
    filled(desk, FarKek("kms", "one"))
    why = is_refused_and_changes_nothing(desk, backend_of(desk, FarKek("kms", "two")))
    assert "the self-test of the key far://kms fails" in why
    assert "put the right key in its place" in why
    assert backend_of(desk, FarKek("kms", "one")).read(OPENAI).secret.reveal() == "sk-1"


def test_another_key_of_this_machine_is_refused_while_secrets_are_under_the_right_one(desk: Desk) -> None:
    filled(desk, ONE)
    why = is_refused_and_changes_nothing(desk, backend_of(desk, TWO))
    assert ONE.id in why
    assert TWO.id in why
    assert "is this the right key?" in why


def test_a_new_key_is_taken_beside_the_old_one_and_each_opens_its_own(sqlite_desk: Desk) -> None:
    filled(sqlite_desk, ONE)
    both = backend_of(sqlite_desk, TWO, ONE)
    both.prove()
    assert both.read(OPENAI).secret.reveal() == "sk-1"
    both.write(OPENAI, Secret("sk-2"))
    assert both.previous(OPENAI).secret.reveal() == "sk-1"
    assert sqlite_desk.shelf.kek_uses("acme") == {ONE.id: 1, TWO.id: 1}
    alone = backend_of(sqlite_desk, TWO)
    assert alone.read(OPENAI).secret.reveal() == "sk-2"
    with pytest.raises(SecretError, match=f"sealed under the key {ONE.id}, which is not configured: add it to `kek`"):
        alone.previous(OPENAI)


def test_a_key_may_move_to_another_file_or_place_in_the_list(sqlite_desk: Desk) -> None:
    filled(sqlite_desk, ONE)
    moved = LocalKek("keyring:keywright/kek", lambda: key_of("one"), token_bytes)
    assert backend_of(sqlite_desk, TWO, moved).read(OPENAI).secret.reveal() == "sk-1"


def test_a_damaged_self_test_is_refused_and_not_replaced(sqlite_desk: Desk) -> None:
    filled(sqlite_desk, ONE)
    row = next(row for row in sqlite_desk.rows() if row.purpose == SELF_TEST)
    sqlite_desk.change(row, ciphertext=row.ciphertext[:-1] + bytes((row.ciphertext[-1] ^ 1,)))
    why = is_refused_and_changes_nothing(sqlite_desk, backend_of(sqlite_desk, ONE))
    assert "restore the database from a backup" in why


def test_a_key_that_cannot_be_reached_is_asked_again_and_then_serves(sqlite_desk: Desk) -> None:
    filled(sqlite_desk, FarKek("kms", "one"))
    kek = FarKek("kms", "one")
    backend = backend_of(sqlite_desk, kek)
    kek.down = True
    assert "far://kms cannot be reached" in is_refused_and_changes_nothing(sqlite_desk, backend)
    kek.down = False
    assert backend.read(OPENAI).secret.reveal() == "sk-1"


def test_an_old_key_that_cannot_be_read_stops_only_what_is_under_it(sqlite_desk: Desk) -> None:
    filled(sqlite_desk, ONE)
    backend_of(sqlite_desk, TWO, ONE).write(Reference("sealed", "new"), Secret("sk-2"))

    def lost() -> bytes:
        raise SecretError("the key encryption key file:/lost: there is no such file")

    backend = backend_of(sqlite_desk, TWO, LocalKek("file:/lost", lost, token_bytes))
    assert backend.read(Reference("sealed", "new")).secret.reveal() == "sk-2"
    with pytest.raises(SecretError, match="another cannot be asked: the key encryption key file:/lost"):
        backend.read(OPENAI)


def test_threads_that_are_first_at_once_make_one_self_test(desk: Desk) -> None:
    backends = [backend_of(desk, local_kek("one")) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda backend: backend.prove(), backends * 2))
    assert [row.purpose for row in desk.rows()] == [SELF_TEST]


def test_a_key_is_proved_once(sqlite_desk: Desk) -> None:
    kek = FarKek("kms", "one")
    backend = backend_of(sqlite_desk, kek)
    for number in range(5):
        backend.write(Reference("sealed", f"name{number}"), Secret("sk-1"))
    assert (kek.wraps, kek.unwraps) == (6, 1)


def test_what_only_a_lost_key_could_open_can_be_dropped_so_that_a_new_key_is_taken(desk: Desk) -> None:
    filled(desk, ONE)
    assert desk.run(desk.kept.kek_uses()) == {ONE.id: 1}
    assert desk.run(desk.kept.forget_under(ONE.id)) == 2
    assert desk.run(desk.kept.kek_uses()) == {}
    filled(desk, TWO)


def test_there_is_at_least_one_key_and_a_bound(sqlite_desk: Desk) -> None:
    for keks in ((), (ONE,) * (KEKS_MAX + 1)):
        with pytest.raises(SecretError, match="at least one key encryption key"):
            backend_of(sqlite_desk, *keks)
