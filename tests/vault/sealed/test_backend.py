"""Secrets in a real database of either kind: written, read, replaced, forgotten, attacked by who has the storage."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.sealed import SECRET, SELF_TEST
from keywright.core.secret import Secret
from keywright.vault.backends.sealed import PLAIN_BYTES_MAX, SealedBackend
from keywright.vault.kek import Kek
from keywright.vault.reference import Reference
from tests.vault.sealed.samples import CANARY, local_kek
from tests.vault.sealed.shelves import Desk, opened

OPENAI = Reference("sealed", "openai")
OTHER = Reference("sealed", "other")


def backend_of(desk: Desk, *keks: Kek, tenant: str = "acme") -> SealedBackend:
    return SealedBackend(desk.shelf, keks or (local_kek("first"),), tenant)


def write(backend: SealedBackend, value: str, reference: Reference = OPENAI) -> str:
    return backend.write(reference, Secret(value))


def read(backend: SealedBackend, reference: Reference = OPENAI) -> str:
    return backend.read(reference).secret.reveal()


def refusal(backend: SealedBackend, reference: Reference = OPENAI) -> str:
    with pytest.raises(SecretError) as caught:
        backend.read(reference)
    assert CANARY not in str(caught.value)
    assert str(caught.value).startswith(f"{reference}: ")
    return str(caught.value)


def test_versions_count_and_two_are_kept_until_the_older_is_forgotten(desk: Desk) -> None:
    backend = backend_of(desk)
    assert [write(backend, f"{CANARY}-{n}") for n in range(1, 5)] == ["1", "2", "3", "4"]
    assert read(backend) == f"{CANARY}-4"
    assert backend.previous(OPENAI).secret.reveal() == f"{CANARY}-3"
    assert [row.version for row in desk.rows() if row.name == "openai"] == [3, 4]
    backend.forget(OPENAI)
    backend.forget(OPENAI)
    with pytest.raises(SecretAbsentError, match="sealed:openai: it has no version 3, or that is forgotten"):
        backend.previous(OPENAI)
    assert write(backend, f"{CANARY}-5") == "5"
    assert backend.previous(OPENAI).version == "4"


def test_no_column_of_the_database_holds_the_secret(desk: Desk) -> None:
    backend = backend_of(desk)
    write(backend, CANARY)
    for row in desk.rows():
        assert CANARY.encode() not in b"".join(
            column if isinstance(column, bytes) else str(column).encode()
            for column in (getattr(row, name) for name in row.__struct_fields__)
        )


def test_what_is_there_already_is_not_written_again(desk: Desk) -> None:
    backend = backend_of(desk)
    write(backend, "sk-1")
    assert write(backend, "sk-2") == write(backend, "sk-2") == "2"
    assert backend.previous(OPENAI).secret.reveal() == "sk-1"


def test_tenants_see_nothing_of_each_other(sqlite_desk: Desk) -> None:
    acme, bell = backend_of(sqlite_desk), backend_of(sqlite_desk, tenant="bell")
    write(acme, "sk-acme")
    write(bell, "sk-bell")
    write(bell, "sk-bell", OTHER)
    assert (read(acme), read(bell)) == ("sk-acme", "sk-bell")
    assert acme.names() == (OPENAI,)
    assert bell.names() == (OPENAI, OTHER)
    with pytest.raises(SecretAbsentError, match="there is no such secret"):
        acme.read(OTHER)


def test_writers_at_once_in_two_processes_each_get_a_version_of_their_own(database_url: str) -> None:
    with opened(database_url) as one, opened(database_url) as two, ThreadPoolExecutor(4) as threads:
        backends = [backend_of(desk) for desk in (one, one, two, two)]
        values = [f"{CANARY}-{n}" for n in range(12)]
        versions = list(threads.map(lambda n: write(backends[n % 4], values[n]), range(len(values))))
        assert sorted(map(int, versions)) == list(range(1, 13))
        newest, before = backends[0].read(OPENAI), backends[0].previous(OPENAI)
        assert newest.secret.reveal() == values[versions.index(newest.version)]
        assert before.secret.reveal() == values[versions.index(before.version)]


def test_a_row_is_kept_only_as_the_one_after_the_newest(desk: Desk) -> None:
    backend = backend_of(desk)
    write(backend, "sk-1")
    write(backend, "sk-2")
    before = desk.rows()
    one, two = (row for row in before if row.name == "openai")
    assert not desk.shelf.put(one)
    assert not desk.shelf.put(two)
    assert desk.rows() == before


@pytest.mark.parametrize("columns", [("ciphertext",), ("data_key",), ("ciphertext", "data_key")], ids="+".join)
@pytest.mark.parametrize("where", ["name", "version", "tenant", "purpose"])
def test_what_is_moved_from_another_row_of_the_database_is_refused(
    sqlite_desk: Desk, where: str, columns: tuple[str, ...]
) -> None:
    backend = backend_of(sqlite_desk)
    write(backend, f"{CANARY}-old")
    write(backend, CANARY)
    write(backend, CANARY, OTHER)
    write(backend_of(sqlite_desk, tenant="bell"), CANARY)
    rows = {(row.tenant, row.name, row.version): row for row in sqlite_desk.rows()}
    canary = next(row for row in rows.values() if row.purpose == SELF_TEST and row.tenant == "acme")
    source = {
        "name": rows["acme", "other", 1],
        "version": rows["acme", "openai", 1],
        "tenant": rows["bell", "openai", 1],
        "purpose": canary,
    }[where]
    sqlite_desk.change(rows["acme", "openai", 2], **{column: getattr(source, column) for column in columns})
    refusal(backend)
    assert read(backend, OTHER) == CANARY


def test_a_whole_row_under_another_name_or_for_another_purpose_is_refused(sqlite_desk: Desk) -> None:
    backend = backend_of(sqlite_desk)
    write(backend, CANARY)
    write(backend, CANARY, OTHER)
    openai, other = (row for row in sqlite_desk.rows() if row.purpose == SECRET)
    sqlite_desk.change(openai, name="stolen")
    refusal(backend, Reference("sealed", "stolen"))
    sqlite_desk.change(replace(openai, name="stolen"), tenant="bell", name="openai")
    refusal(backend_of(sqlite_desk, tenant="bell"))
    sqlite_desk.change(other, purpose=SELF_TEST)
    assert read(backend, OTHER) == CANARY, "what a row says of its purpose changes nothing: it is asked for as a secret"


def test_a_secret_that_is_too_long_is_refused_and_the_longest_is_kept(sqlite_desk: Desk) -> None:
    backend = backend_of(sqlite_desk)
    write(backend, "x" * PLAIN_BYTES_MAX)
    assert len(read(backend)) == PLAIN_BYTES_MAX
    with pytest.raises(SecretError, match="sealed:openai: the secret is longer than"):
        write(backend, "x" * (PLAIN_BYTES_MAX + 1))


@pytest.mark.parametrize("version", ["0", "7", "x", "²", "-1", "9" * 30])
def test_a_version_that_there_is_not_is_absent(sqlite_desk: Desk, version: str) -> None:
    backend = backend_of(sqlite_desk)
    write(backend, "sk-1")
    with pytest.raises(SecretAbsentError, match="version"):
        backend.read(Reference("sealed", "openai", version=version))
    assert backend.read(Reference("sealed", "openai", version="1")).secret.reveal() == "sk-1"


def test_a_damaged_secret_can_be_written_over(sqlite_desk: Desk) -> None:
    backend = backend_of(sqlite_desk)
    write(backend, "sk-1")
    sqlite_desk.change(sqlite_desk.rows()[0], ciphertext=b"\x01" + bytes(60))
    refusal(backend)
    assert write(backend, "sk-2") == "2"
    assert read(backend) == "sk-2"
